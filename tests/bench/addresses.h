// SPDX-License-Identifier: Apache-2.0
// tests/bench/addresses.h
#pragma once

#include <cstdint>
#include <string>

namespace bailiff::test {

// An IPv4 address in host order as text.
inline std::string dotted(std::uint32_t address) {
  return std::to_string(address >> 24) + "." +
         std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." +
         std::to_string(address & 255);
}

}  // namespace bailiff::test
