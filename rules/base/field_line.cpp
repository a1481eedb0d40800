// SPDX-License-Identifier: Apache-2.0
#include "rules/base/field_line.h"

namespace bailiff {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

void append_escaped(std::string& line, std::string_view text) {
  for (const char c : text) {
    if (c > ' ' && c <= '~' && c != '%') {
      line += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    line += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
}

}  // namespace

std::string field_line(const std::vector<std::string_view>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += '\t';
    append_escaped(line, fields[i]);
  }
  return line + '\n';
}

std::string unescaped(std::string_view field) {
  std::string result;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '%' && i + 2 < field.size()) {
      const std::size_t high = kHex.find(field[i + 1]);
      const std::size_t low = kHex.find(field[i + 2]);
      if (high != kHex.npos && low != kHex.npos) {
        result += static_cast<char>(high << 4 | low);
        i += 2;
        continue;
      }
    }
    result += field[i];
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace bailiff
