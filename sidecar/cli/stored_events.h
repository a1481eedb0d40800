// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/stored_events.h
// Events that were stored: of a service, or of a file of them.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "rules/base/result.h"
#include "sidecar/cli/online.h"
#include "sidecar/http/client.h"
#include "sidecar/replay/replay.h"

namespace bailiff::sidecar {

// Longest line of a file of events: one event with a whole command line is far
// below.
inline constexpr std::size_t kMaxStoredLine = std::size_t{1} << 20;

struct StoredFilter {
  std::uint64_t since_ns = 0, until_ns = 0;  // CLOCK_REALTIME; 0: no bound
  std::string container;                     // id prefix or name; "" every one
  std::string rule;                          // exact; "" every one
};

// A JSON object: an alert, ours or Falco's, or an event of fields, as `bailiff
// eval` reads it, whose time is evt.rawtime or evt.time.iso8601 where it has
// one.  kInvalidArgument names the field.
Result<StoredEvent> parse_stored(const std::string& json, std::int64_t number);

// Whether the filter lets it pass.  Fields have no rule yet, and pass any.
bool passes(const StoredFilter& filter, const StoredEvent& event);

using TakeStored = std::function<void(StoredEvent)>;

// Both give the events that pass away, one at a time, in the order they were
// stored in, and return the program's exit code; problems go to `err`.  Throws
// what nlohmann does when the service's answer is none.
int read_stored(HttpClient& client, const Terminal& terminal,
                const StoredFilter& filter, const TakeStored& take);
// Goes on behind a line that is no event, so that one run shows them all.
int read_stored(std::istream& file, const std::string& name,
                const Terminal& terminal, const StoredFilter& filter,
                const TakeStored& take);

}  // namespace bailiff::sidecar
