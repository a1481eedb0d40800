// SPDX-License-Identifier: Apache-2.0
// rules/base/digest.h
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bailiff {

// Names a byte string by its content (XXH3, 128 bits).  It tells versions of
// our own files and programs apart and finds truncation; it is no signature:
// who may write the files is decided by their owner and mode.
struct Digest {
  std::array<std::uint8_t, 16> bytes{};

  // 32 lower-case hexadecimal digits.
  std::string hex() const;
  // The first 8 bytes, as a number: the short name in event records.
  std::uint64_t short_id() const;
  bool operator==(const Digest&) const = default;
};

Digest digest_of(std::string_view bytes);

}  // namespace bailiff
