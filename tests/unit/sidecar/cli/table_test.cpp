// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace bailiff::sidecar {
namespace {

TEST(Printable, KeepsText) {
  EXPECT_EQ(printable("shop-1 (größe) 日本 🙂"),
            "shop-1 (größe) 日本 🙂");
}

TEST(Printable, SpellsOutControlCharacters) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\r\t\x7f"), "a\\x1b[2Jb\\x0a\\x0d\\x09\\x7f");
  EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
}

TEST(Printable, SpellsOutC1Controls) {
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
}

TEST(Printable, SpellsOutWhatTurnsTextAround) {
  EXPECT_EQ(printable("a\u202egpj.exe"), "a\\u{202e}gpj.exe");
  EXPECT_EQ(printable("\u2066\u200b\ufeff"), "\\u{2066}\\u{200b}\\u{feff}");
}

TEST(Printable, SpellsOutWhatIsNotUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

std::string print(const Table& table) {
  std::ostringstream out;
  table.print(out);
  return out.str();
}

TEST(Table, AlignsColumns) {
  Table table({{"A", 0}, {"BB", 0}, {"C", 0}});
  table.add({"long", "x", "1"});
  table.add({"y", "", "two words"});
  EXPECT_EQ(print(table),
            "A     BB  C\n"
            "long  x   1\n"
            "y     -   two words\n");
}

TEST(Table, CountsCharactersAndNotBytes) {
  Table table({{"NAME", 0}, {"X", 0}});
  table.add({"größe", "1"});
  table.add({"abcde", "2"});
  EXPECT_EQ(print(table),
            "NAME   X\n"
            "größe  1\n"
            "abcde  2\n");
}

TEST(Table, KeepsLeastWidths) {
  Table table({{"A", 5}, {"B", 0}});
  table.add({"x", "y"});
  std::ostringstream rows;
  table.print_rows(rows);
  EXPECT_EQ(rows.str(), "x      y\n");
}

TEST(Table, NoCellCanBreakALine) {
  Table table({{"A", 0}});
  table.add({"x\ny"});
  EXPECT_EQ(print(table), "A\nx\\x0ay\n");
}

}  // namespace
}  // namespace bailiff::sidecar
