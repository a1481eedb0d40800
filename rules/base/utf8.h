// SPDX-License-Identifier: Apache-2.0
// rules/base/utf8.h
// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past
// U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bailiff {

struct Utf8Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: the text does not begin with a character
};

// The first character of a text that is not empty.
Utf8Character first_utf8_character(std::string_view text);

bool is_utf8(std::string_view text);

// The text with each byte that is of no character replaced by U+FFFD.
std::string replaced_utf8(std::string_view text);

}  // namespace bailiff
