// SPDX-License-Identifier: Apache-2.0
// tests/harness/spoil.h
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace bailiff::test {

// Changes up to two bytes of a YAML text, for ones that mean something there.
inline void spoil(std::string& text, std::mt19937_64& random) {
  constexpr std::string_view kBytes = " \n-:#'\"[],|>ab?{}&*!%~\\\r\t=.";
  for (std::size_t changes = random() % 3; changes > 0; --changes) {
    const std::size_t at = random() % (text.size() + 1);
    const char byte = kBytes[random() % kBytes.size()];
    if (at < text.size() && random() % 2 == 0) {
      text[at] = byte;
    } else {
      text.insert(at, 1, byte);
    }
  }
}

}  // namespace bailiff::test
