// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/table.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "rules/base/utf8.h"

namespace bailiff::sidecar {
namespace {

bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

// Characters that are not seen but change what is: directions, joiners, line
// and paragraph separators, the byte order mark, tags.
bool is_invisible(std::uint32_t code) {
  return code == 0xad || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xe0000 && code <= 0xe007f);
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  char escape[16];
  while (!text.empty()) {
    const Utf8Character character = first_utf8_character(text);
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    if (character.bytes == 0 || is_control(character.code)) {
      for (const char c : text.substr(0, bytes)) {
        std::snprintf(escape, sizeof escape, "\\x%02x",
                      static_cast<unsigned char>(c));
        shown += escape;
      }
    } else if (is_invisible(character.code)) {
      std::snprintf(escape, sizeof escape, "\\u{%x}", character.code);
      shown += escape;
    } else {
      shown += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return shown;
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::string& cell : cells) {
    cell = cell.empty() ? "-" : printable(cell);
  }
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    widths.push_back(std::max(column.width, column.title.size()));
  }
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], count_characters(row[i]));
    }
  }
  return widths;
}

void Table::print_row(std::ostream& out, const Row& row,
                      const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    out << row[i];
    if (i + 1 == row.size()) break;
    out << std::string(widths[i] - count_characters(row[i]) + 2, ' ');
  }
  out << '\n';
}

void Table::print(std::ostream& out) const {
  Row titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  print_row(out, titles, widths());
  print_rows(out);
}

void Table::print_rows(std::ostream& out) const {
  const std::vector<std::size_t> all = widths();
  for (const Row& row : rows_) print_row(out, row, all);
}

}  // namespace bailiff::sidecar
