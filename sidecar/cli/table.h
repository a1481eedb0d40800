// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/table.h
// Text for a terminal, from strings that a container may have chosen.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace bailiff::sidecar {

// `text` with everything that could steer a terminal or turn a line around
// spelled out: control characters and bytes that are no UTF-8 as \xNN,
// bidirectional and other invisible formatting characters as \u{NNNN}.
std::string printable(std::string_view text);

// A column's title and least width.  Widths count characters.
struct Column {
  std::string title;
  std::size_t width = 0;
};

// Left-aligned columns, two spaces apart, as wide as their widest cell; the
// last one is not padded.
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  // One cell for each column, made printable() here; "" is shown as "-".
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }

  void print(std::ostream& out) const;
  // For what is shown as it comes: the same without the titles.
  void print_rows(std::ostream& out) const;

 private:
  using Row = std::vector<std::string>;

  std::vector<std::size_t> widths() const;
  static void print_row(std::ostream& out, const Row& row,
                        const std::vector<std::size_t>& widths);

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace bailiff::sidecar
