// SPDX-License-Identifier: Apache-2.0
// sidecar/alert/signature.h
// How a receiver knows that an alert is ours, and that it is new.
//
// The signature is HMAC-SHA256 (RFC 2104) over the decimal timestamp, a full
// stop, and the body's bytes.  A receiver computes it from what arrived,
// compares in constant time, and refuses a timestamp further than a few
// minutes from its own clock: an old request cannot be played again, as
// its timestamp is signed.  Within those minutes X-Bailiff-Id tells repeats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bailiff::sidecar {

// "sha256=" and 64 lower-case hexadecimal digits.
std::string sign(std::string_view secret, std::uint64_t timestamp_seconds,
                 std::string_view body);

// Constant time in the content.
bool signature_matches(std::string_view expected, std::string_view received);

}  // namespace bailiff::sidecar
