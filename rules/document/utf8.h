// SPDX-License-Identifier: Apache-2.0
// rules/document/utf8.h
#pragma once

#include <cstddef>
#include <string_view>

namespace bailiff {

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The offset of the first byte that is no UTF-8 or a control character that has
// no place in a text (YAML 1.2, 5.1: all but tab, line feed and carriage
// return), or npos.
std::size_t first_bad_byte(std::string_view text);

}  // namespace bailiff
