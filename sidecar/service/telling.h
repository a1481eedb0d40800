// SPDX-License-Identifier: Apache-2.0
// sidecar/service/telling.h
// What is told of one event, to two listeners: the timeline and the capture
// that was made because of it.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/evidence/secrets.h"
#include "sidecar/respond/ticket.h"
#include "sidecar/service/draft.h"

namespace bailiff::sidecar {

// Any thread.
class Telling {
 public:
  // `make` makes the drafts; `event_ns` is CLOCK_MONOTONIC.
  Telling(std::function<std::vector<Draft>()> make, std::uint64_t event_ns)
      : make_(std::move(make)), event_ns_(event_ns) {}

  // Made by whoever asks first.
  std::vector<Draft> drafts();
  // What was done; `ticket` may be nullptr.
  void answered(TicketPtr ticket, std::string evidence);
  // The alerts as far as they are known now, as a JSON array.
  std::string json(Secrets secrets);

 private:
  const std::function<std::vector<Draft>()> make_;
  const std::uint64_t event_ns_;
  std::mutex mutex_;
  std::optional<std::vector<Draft>> drafts_;
  TicketPtr ticket_;
  std::string evidence_;
};

}  // namespace bailiff::sidecar
