// SPDX-License-Identifier: Apache-2.0
#include "rules/document/simple_document.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/harness/simple_text.h"
#include "tests/harness/spoil.h"
#include "tests/harness/yaml_text.h"

namespace bailiff::yaml {
namespace {

std::string without_library(const std::string& text) {
  return test::yaml_text(text, Shortcuts());
}

// The text is simple, and says what the library says it does.
void expect_simple(const std::string& text) {
  EXPECT_TRUE(test::is_simple(text)) << text;
  EXPECT_EQ(without_library(text), test::library_text(text)) << text;
}

TEST(SimpleDocument, ReadsItemsAndTheirKeys) {
  expect_simple("- rule: r\n  enabled: true\n\n- macro: m\n  condition: a\n");
  expect_simple("- a\n-   b: c\n    d: e\n");
  expect_simple("a: b\nc:\n  d: e\n");
  expect_simple("a:\n- b: c\n  d:\n  - e\n- f\ng:\n    - h\n");
  expect_simple("- - a\n  - b\n-\x20\x20- c\n");
  expect_simple("  - a\n  - b\n");
  EXPECT_EQ(without_library("- a: b\n"),
            "[@0-1 {@2-3 plain 2:'a'@2-3 plain 5:'b'@5-6}]\n");
}

TEST(SimpleDocument, ReadsPlainScalars) {
  expect_simple(
      "- a b  \n- -1\n- /x:y#z\n- a, [b] {c} \"d\" 'e' & * ! | > % @\n");
  expect_simple("- a: b:c\n");
  expect_simple("- a:\n    b\n- c\n");
  expect_simple("- k: caf\xc3\xa9 \xe2\x82\xac\n");
}

TEST(SimpleDocument, FoldsTheLinesOfPlainScalars) {
  expect_simple("- a: b\n    c\n   - d # e\n  f: g\n");
  expect_simple("- a: b\n\n\n    c\n\n- d\n");
  expect_simple("- a\n   \n  b\n \n");
  expect_simple("- a\n - \"b\n");
  expect_simple("- a: b\n# c\n- d\n");
  expect_simple("- a: b\n      # c\n- d\n");
  expect_simple("- a: b # c\n  d: e\n");
}

TEST(SimpleDocument, Unquotes) {
  expect_simple(
      "- \"a \\\"b\\\" \\\\ 'c'\" \n- 'it''s \"d\" \\'\n- ''\n- \"\"\n");
  expect_simple("- a: \"# b: c\" # d\n  e: '- f'\n");
}

TEST(SimpleDocument, ReadsBrackets) {
  expect_simple("- a: []\n  b: [c, d e ,\"f\",'g', ] # h\n- [i]\n");
  expect_simple("- a: [\n  b, # c\n\n# d\n    e\n]\n  f:\n   [g,\n h]\n");
  expect_simple("- a:\n  - [[b, [c, '[']], /d:e, 10.0.0.0/8]\n  - [f]\n");
  expect_simple("- [a#b, -c, d\n , e # f\n , 2001:db8::1]\n");
}

TEST(SimpleDocument, ReadsBlocksOfLines) {
  for (const std::string header : {">", "|", ">-", "|-", "> # c", "|-  "}) {
    for (const std::string block :
         {"    a\n    b\n", "    a\n\n    b\n", "    a\n\n\n      b\n    c\n",
          "    a\n      b\n      c\n\n      d\n\n    e\n", "    a\n\n\n",
          "    a # b\n    # c\n   \n    - d: e  \n", "         a\n         b\n",
          "    a\n    \n    b\n  \n    c\n"}) {
      expect_simple("- x: " + header + "\n" + block + "  y: z\n");
      expect_simple("- x: " + header + "\n" + block + "# c\n- y\n");
      expect_simple("- x: " + header + "\n" + block);
      expect_simple("- " + header + "\n" + block + "- z\n");
      expect_simple("- x:\n   " + header + "\n" + block + "  y: z\n");
    }
  }
}

TEST(SimpleDocument, SkipsComments) {
  expect_simple(
      "# a\n\n  # b\n- c # d\n   # e\n- f: # g\n    # h\n    i # j\n#k\n");
}

TEST(SimpleDocument, LeavesTheRestToTheLibrary) {
  for (const std::string text : {"",
                                 "\n",
                                 "a\n",
                                 "- a",
                                 "- a\r\n",
                                 "- a\tb\n",
                                 "---\n- a\n",
                                 "- a\n---\n- b\n",
                                 "- a\n...\n",
                                 "%YAML 1.2\n- a\n",
                                 "- &x a\n",
                                 "- *x\n",
                                 "- !t a\n",
                                 "- a: &x b\n",
                                 "- a: *x\n",
                                 "- {a: b}\n",
                                 "- a: {b: c}\n",
                                 "- a: [b, {c: d}]\n",
                                 "- a: [b: c]\n",
                                 "- ? a\n",
                                 "- a:\n",
                                 "- a:\n  b: c\n",
                                 "-\n  a\n",
                                 "- \n  a\n",
                                 "- ~\n",
                                 "- a: null\n",
                                 "- [null]\n",
                                 "null: a\n",
                                 "\"a\": b\n",
                                 "a b: c\n",
                                 "- a: b: c\n",
                                 "- a: b:\n",
                                 "- a: b\n    c: d\n",
                                 "- a: - b\n",
                                 "- a: \"b\n    c\"\n",
                                 "- a: 'b\n    c'\n",
                                 "- \"\\n\"\n",
                                 "- \"a\" b\n",
                                 "- 'a\n",
                                 "- [a\n",
                                 "- [a,, b]\n",
                                 "- [a b\n c]\n",
                                 "- [a] b\n",
                                 "- [a]: b\n",
                                 "- a: |+\n    b\n",
                                 "- a: |2\n    b\n",
                                 "- a: >\n\n    b\n",
                                 "- a: >\n    b\n      \n    c\n",
                                 "- a: >\n  b: c\n",
                                 "- a: |x\n    b\n",
                                 "- a: >\n    b\n   c\n",
                                 "- a: b\n   c: d\n",

                                 "- a\nb\n",
                                 "- a\nb: c\n",
                                 "a: b\n- c\n",
                                 "- @a\n",
                                 "- `a\n",
                                 "- #a\n",
                                 "- a: #b\n",
                                 "- [#a\n]\n",
                                 "- ]\n",
                                 "- ,\n",
                                 "<<: a\n"}) {
    EXPECT_FALSE(test::is_simple(text)) << text;
    EXPECT_EQ(without_library(text), test::library_text(text)) << text;
  }
  EXPECT_FALSE(test::is_simple(std::string(1100, 'k') + ": v\n"));
}

TEST(SimpleDocument, RefusesWhatTheLibraryWouldHave) {
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  for (const std::string& text : std::vector<std::string>{
           "- " + deep + "\n", "- " + deep + "\n- [a\n", "- a\n- *x\n"}) {
    EXPECT_EQ(without_library(text), test::library_text(text)) << text;
  }
}

// Lines as rule files have them, in any order, some of them spoilt.
std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> lines = {
      "- rule: r",
      "- list: l # c",
      "  condition: >",
      "  desc: |-",
      "  output: o %a",
      "  items: [a, 'b',",
      "  items:",
      "    a = b",
      "      and c",
      "",
      "  # c",
      "# c",
      "   ",
      "    - x",
      "  - y: z",
      "  tags: [t]",
      "    - [a, [b]]",
      "  k: \"v\"",
      "    fields: f",
      "    ]",
      "  c ]",
      "  k: v",
      "- a",
      "  k: >-",
      "    \"q\" # d",
      "  - - z",
      "a: b",
      "- |",
      "      d: e",
      "\t",
      "---",
      "  k:",
      "    k: v",
      "  k: 'it''s'",
      "    - name: n",
      "      comps: =",
  };
  std::string text = random() % 4 == 0 ? "" : "- rule: r\n";
  const std::size_t count = 1 + random() % 10;
  for (std::size_t i = 0; i < count; ++i) {
    text += lines[random() % lines.size()] + "\n";
  }
  test::spoil(text, random);
  return text;
}

TEST(SimpleDocument, NeverChangesWhatATextSays) {
  std::mt19937_64 random(20211209);
  int simple = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_text(random);
    if (test::is_simple(text)) ++simple;
    ASSERT_EQ(without_library(text), test::library_text(text)) << text;
  }
  EXPECT_GT(simple, 1'000);
}

}  // namespace
}  // namespace bailiff::yaml
