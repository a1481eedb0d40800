// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/event_line.h
#pragma once

#include <cstdint>
#include <string>

#include "rules/eval/evaluate.h"
#include "sidecar/evidence/secrets.h"

namespace bailiff::sidecar {

// All that is known of an event at `realtime_ns` (CLOCK_REALTIME): one JSON
// object from Falco's fields to values (a list is an array), without the line
// end.  What cannot be told is left out.  The time with its date is
// evt.time.iso8601.
std::string event_line(const FieldSource& event, std::uint64_t realtime_ns,
                       Secrets secrets);

}  // namespace bailiff::sidecar
