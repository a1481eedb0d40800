// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/ticket.h
// One response under way or done, for everybody who asked for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "oci/sys/unique_fd.h"
#include "rules/base/response.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {

// How long a killed container may take to be empty, and a frozen one to stop.
// A process in an uninterruptible sleep does when that ends; the outcome then
// says so.
inline constexpr std::chrono::seconds kEffectLimit{5};

struct ResponseResult {
  // "killed", "process killed", "stopping", "paused", "isolated",
  // "already gone", "over_budget", "cooling_down" or "error: …".
  std::string outcome;
  std::uint64_t monotonic_ns = 0;  // when that was known
  // What was carried out, which may be more than was asked for; kNone: that is
  // not known.
  Response response = Response::kNone;
  std::string id;  // "": nothing was carried out
};

// Whether the outcome is of an attempt that failed, so that it may be tried
// again.
bool is_error(const std::string& outcome);

// Remembered for long by whoever made it: the descriptors it took are given
// back as soon as it is done.  Any thread.
class Ticket {
 public:
  // Once, with the outcome, by whichever thread finds that it is done, before
  // it is to anybody; must not ask the ticket anything.
  using Done = std::function<void(const std::string& outcome)>;

  // A response of which nothing is known yet.  `id` is "" for what was not
  // carried out.
  Ticket(std::string id, Response response, Done done = {});
  // One that was over at once.
  Ticket(std::string id, Response response, std::string outcome);

  const std::string& id() const { return id_; }
  Response response() const { return response_; }

  // It is done, with the outcome, as soon as `waiting` is; or with an error
  // kEffectLimit from now.
  void wait_for(std::unique_ptr<Waiting> waiting, std::string outcome);
  // It is done now.
  void finish(std::string outcome);

  // Its fd() tells that done() may have become true; nullptr when it is.
  // Shared, so that no descriptor is closed while somebody polls it.
  std::shared_ptr<const Waiting> waiting() const;
  // When done() is worth asking whatever the descriptor says.
  std::chrono::steady_clock::time_point deadline() const;
  // Whether the result is there.  Never blocks.
  bool done();
  // Precondition: done().
  ResponseResult result() const;
  // Blocks, at most for kEffectLimit once it is known what it waits for.
  ResponseResult wait();
  // True for the first who asks.
  bool first_to_tell();

 private:
  void finish_locked(std::string outcome, std::unique_lock<std::mutex>& lock);

  const std::string id_;
  const Response response_;
  mutable std::mutex mutex_;
  Done on_done_;
  std::shared_ptr<Waiting> waiting_;  // nullptr: done
  std::string success_;
  std::chrono::steady_clock::time_point deadline_;
  bool decided_ = false;  // the result is there
  bool done_ = false;     // and Done has returned
  bool told_ = false;
  ResponseResult result_;
};
// Shared by everybody who asked for it and by the engine, which remembers it.
using TicketPtr = std::shared_ptr<Ticket>;

}  // namespace bailiff::sidecar
