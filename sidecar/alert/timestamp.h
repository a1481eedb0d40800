// SPDX-License-Identifier: Apache-2.0
// sidecar/alert/timestamp.h
// Points in time as people and Falco write them.  Everything is nanoseconds of
// CLOCK_REALTIME and UTC; leap seconds do not exist there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bailiff::sidecar {

std::uint64_t now_ns();

// "2019-08-19T16:00:00.020000000Z": nine digits, as Falco writes `time`.
std::string format_timestamp(std::uint64_t time_ns);
// "16:00:00.020000000", as Falco begins `output`.
std::string format_clock(std::uint64_t time_ns);

// RFC 3339, section 5.6, any offset, at most nine digits of fraction used;
// also Falco's offset without a colon ("+0000").  From 1970 to 2261.
std::optional<std::uint64_t> parse_timestamp(std::string_view text);

// "90s", "10m", "1h", "2d" before `now`, or a timestamp as above.
std::optional<std::uint64_t> parse_since(std::string_view text,
                                         std::uint64_t now);

}  // namespace bailiff::sidecar
