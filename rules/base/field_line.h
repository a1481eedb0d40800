// SPDX-License-Identifier: Apache-2.0
// rules/base/field_line.h
// Lines of fields, for files that are told line by line: separated by tabs,
// with every other byte than [!-~] and '%' as %XX, so that no field can be
// taken for two, or for a line.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace bailiff {

// With the line's end.
std::string field_line(const std::vector<std::string_view>& fields);

// A field as it was given.  What is no %XX is left as it is.
std::string unescaped(std::string_view field);

std::vector<std::string_view> split(std::string_view text, char separator);

// Of the digits the text begins with; 0 when there are none.
template <typename Number>
Number number_of(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace bailiff
