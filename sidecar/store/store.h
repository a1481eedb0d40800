// SPDX-License-Identifier: Apache-2.0
// sidecar/store/store.h
// The timeline and the delivery queue, in STATE_DIR/bailiff.db (SQLite, WAL).
//
// Every method may be called from any thread; each is one transaction and
// blocks for the disk at most as long as SQLite's busy timeout (5 s).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/base/result.h"
#include "sidecar/alert/alert.h"

namespace bailiff::sidecar {

struct StoredAlert {
  std::int64_t id = 0;  // cursor: ascending, never reused
  std::string uuid;
  std::uint64_t time_ns = 0;
  std::string json;  // to_json(alert)
};

struct AlertQuery {
  std::int64_t after = 0;            // ids above this
  int limit = 100;                   // 1..1000
  std::string container;             // id prefix or name; "" any
  std::string rule;                  // exact; "" any
  std::optional<Priority> priority;  // at least as severe
  std::uint64_t since_ns = 0;        // CLOCK_REALTIME
};

struct Delivery {
  std::int64_t id = 0;
  std::string sink;
  std::string json;
  int attempts = 0;
  std::string uuid;  // of the alert: the receiver's idempotency key
};

struct DeliveryState {
  std::int64_t id = 0;
  std::string uuid, rule, sink;
  std::string state;  // "pending", "delivered", "failed"
  int attempts = 0;
  std::string error;  // of the last attempt
};

class Store {
 public:
  // Creates the file and the schema; refuses a file of a newer schema.
  static Result<std::unique_ptr<Store>> open(const std::string& path);
  virtual ~Store() = default;

  // Stores the alert and a pending delivery for each sink, in one transaction.
  // Past `max_pending` deliveries of a sink its new one is stored as failed
  // ("queue full") and the sink named in `dropped`, for the caller to count.
  struct Appended {
    std::int64_t id = 0;
    std::vector<std::string> dropped;
  };
  virtual Result<Appended> append(const Alert& alert,
                                  const std::vector<std::string>& sinks,
                                  int max_pending) = 0;
  // Oldest first.
  virtual Result<std::vector<StoredAlert>> query(const AlertQuery& query) = 0;

  // Pending deliveries of the sink that are due at `now_ns` (CLOCK_REALTIME),
  // oldest first.
  virtual Result<std::vector<Delivery>> due(const std::string& sink,
                                            std::uint64_t now_ns,
                                            int limit) = 0;
  // When the next pending delivery of the sink is due; nullopt: none.
  virtual Result<std::optional<std::uint64_t>> next_due(
      const std::string& sink) = 0;
  virtual Status delivered(std::int64_t delivery) = 0;
  // Tries again at `next_ns`, or, when 0, gives up for good ("failed").
  virtual Status undelivered(std::int64_t delivery, const std::string& error,
                             std::uint64_t next_ns) = 0;
  virtual Result<std::vector<DeliveryState>> deliveries(bool failed_only,
                                                        int limit) = 0;
  virtual Status retry(std::int64_t delivery) = 0;  // failed → pending, now
  virtual Result<std::int64_t> pending(const std::string& sink) = 0;

  // The newest alert id, and a wait for one above `after`: true when there is,
  // false when `timeout_ms` passed or wake() was called.
  virtual std::int64_t newest() = 0;
  virtual bool wait_for_newer(std::int64_t after, int timeout_ms) = 0;
  virtual void wake() = 0;
};

}  // namespace bailiff::sidecar
