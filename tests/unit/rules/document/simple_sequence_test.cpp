// SPDX-License-Identifier: Apache-2.0
#include "rules/document/simple_sequence.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/harness/yaml_text.h"

namespace bailiff::yaml {
namespace {

// The elements of the only simple sequence, or {"none"}.
std::vector<std::string> found(const std::string& text) {
  const std::vector<SimpleSequence> sequences = find_simple_sequences(text, 1);
  if (sequences.size() != 1) return {"none"};
  std::vector<std::string> elements;
  for (const PlacedText& element :
       read_simple_sequence(text, 0, sequences[0])) {
    elements.push_back(element.text);
  }
  EXPECT_EQ(elements.size(), sequences[0].size);
  return elements;
}

using Texts = std::vector<std::string>;

TEST(SimpleSequence, ReadsABlock) {
  EXPECT_EQ(found("- list: l\n  items:\n  - a\n  - b c\n  - d\n"),
            (Texts{"a", "b c", "d"}));
  EXPECT_EQ(found("  items:\n    -   2001:db8::1  \n    - x\n"),
            (Texts{"2001:db8::1", "x"}));
}

TEST(SimpleSequence, ReadsBrackets) {
  EXPECT_EQ(found("  items: [a, b c,d,\n    'e', ]\n"),
            (Texts{"a", "b c", "d", "e"}));
}

TEST(SimpleSequence, Unquotes) {
  EXPECT_EQ(found("  items:\n  - \"\\\"5.255.97.172\\\"\"\n  - 'it''s'\n"
                  "  - \"a\\\\b\"\n  - ''\n  - \"# no comment\"\n"),
            (Texts{"\"5.255.97.172\"", "it's", "a\\b", "", "# no comment"}));
}

TEST(SimpleSequence, SkipsCommentsAndEmptyLines) {
  EXPECT_EQ(found("  items: # of today\n\n  # first\n  - a # one\n\n"
                  "# second\n  - b#2\n  # end\n"),
            (Texts{"a", "b#2"}));
  EXPECT_EQ(found("  items: [ # of today\n  a, # one\n  b\n  ] # end\n"),
            (Texts{"a", "b"}));
}

TEST(SimpleSequence, TakesEitherLineEnd) {
  EXPECT_EQ(found("  items:\r\n  - a\r\n  - b\r\n"), (Texts{"a", "b"}));
}

TEST(SimpleSequence, EndsWithTheNextKey) {
  const std::string text = "  items:\n  - a\n  - b\n  append: true\n";
  const auto sequences = find_simple_sequences(text, 1);
  ASSERT_EQ(sequences.size(), 1U);
  EXPECT_EQ(text.substr(sequences[0].end), "\n  append: true\n");
  EXPECT_EQ(text[sequences[0].first], '-');
}

TEST(SimpleSequence, FindsThoseThatAreLongEnough) {
  const std::string text =
      "- list: l\n  items: [a]\n- list: m\n  items: [a, b]\n"
      "- list: n\n  items:\n  - a\n  - b\n";
  EXPECT_EQ(find_simple_sequences(text, 1).size(), 3U);
  EXPECT_EQ(find_simple_sequences(text, 2).size(), 2U);
  EXPECT_EQ(find_simple_sequences(text, 3).size(), 0U);
}

TEST(SimpleSequence, LeavesTheRestToTheLibrary) {
  for (const std::string element :
       {"-",         "- ",        "- ~",        "- null",     "- *x",
        "- &x a",    "- !t a",    "- [a]",      "- {a: b}",   "- a: b",
        "- a:",      "- - a",     "- |\n    a", "- a\n    b", "- \"a\n    b\"",
        "- \"\\n\"", "- \"a\" b", "- \ta",      "- a\tb",     "- caf\xc3\xa9",
        "- @a",      "- %a",      "- `a",       "- # a",      "- 'a"}) {
    EXPECT_EQ(found("  items:\n  - x\n  " + element + "\n"), Texts{"none"})
        << element;
  }
  for (const std::string element :
       {"", "~", "*x", "&x a", "[a]", "{a: b}", "a: b", "a:", "a\n    b",
        "\"a\": b", "'a' b", "a\n, b\n]\nc", "caf\xc3\xa9"}) {
    EXPECT_EQ(found("  items: [x, " + element + ", y]\n"), Texts{"none"})
        << element;
  }
  EXPECT_EQ(found("items:\n- a\n"), Texts{"none"});
  EXPECT_EQ(found("  items:[a]\n"), Texts{"none"});
  EXPECT_EQ(found("  items: &x [a]\n"), Texts{"none"});
  EXPECT_EQ(found("  items: [a] b\n"), Texts{"none"});
  EXPECT_EQ(found("  items: [a\n"), Texts{"none"});
  EXPECT_EQ(found("  items: a\n"), Texts{"none"});
  EXPECT_EQ(found("    items:\n  - a\n"), Texts{"none"});
}

void expect_same(const std::string& text) {
  const Shortcuts sequences = {.simple_documents = false, .long_sequence = 1};
  EXPECT_EQ(test::yaml_text(text, sequences), test::library_text(text)) << text;
}

TEST(SimpleSequence, SaysWhatTheLibraryWouldHaveSaid) {
  for (const std::string text :
       {"- list: l\n  items:\n  - a\n  - 'b''c'\n  - \"\\\"d\\\"\"\n",
        "- list: l\n  items: [a, b]\n  append: true\n- macro: m\n",
        "\xef\xbb\xbf- list: l\n  items: [a]\n- list: *x\n",
        "- list: l\n  items:\n  - a\n  - \"\"\n---\n- list: m\n  items: [b]\n",
        "- &x\n  items:\n  - a\n- *x\n"}) {
    expect_same(text);
  }
}

TEST(SimpleSequence, IsNoneWhereYamlHasNoNode) {
  for (const std::string text :
       {"- rule: r\n  desc: |\n    see\n    items:\n    - a\n  output: o\n",
        "- rule: r\n  desc: >-\n    items: [a]\n  output: o\n",
        "- rule: \"\n  items:\n  - a\n  \"\n",
        "- rule: \"\n  items:\n  - a\n  - a\"\n",
        "- rule: '\n  items: [a]\n  '\n", "- rule: r\n  items:\n  - a\n   b\n",
        "- rule: r\n  items: [a]\n    b\n", "- rule: {\n  items:\n  - a\n  }\n",
        "- rule: {\n  items: [a]\n  }\n", "- rule: [\n  items: [a]\n  ]\n",
        "- rule: r\n  x: y\n    items: [a]\n",
        "- rule: r\n  items:\n    - a\n  - b\n",
        "- rule: r\n  items:\n    - a\n   x: b\n",
        "- rule: simple-sequence\n  items: simple-sequence\n",
        "- rule: simple-sequence\n  items: [a]\n"}) {
    expect_same(text);
  }
}

TEST(SimpleSequence, NeverChangesWhatATextSays) {
  const std::vector<std::string> pieces = {"- list: l\n",
                                           "  items:\n",
                                           "  items: ",
                                           "[",
                                           "]\n",
                                           "a",
                                           "'b'",
                                           "\"c\"",
                                           ", ",
                                           ",\n    ",
                                           "  - a\n",
                                           "    - b\n",
                                           "  - 'it''s'\n",
                                           "- ",
                                           "\n",
                                           "  # c\n",
                                           "#",
                                           " # c\n",
                                           "---\n",
                                           "...\n",
                                           "  x: |\n",
                                           "    items:\n",
                                           "      - a\n",
                                           "\"",
                                           "'",
                                           "{",
                                           "}\n",
                                           ": ",
                                           "&x ",
                                           "*x",
                                           "~",
                                           "  y: z\n",
                                           "  - \"\\\"q\\\"\"\n",
                                           "\r\n",
                                           "\t",
                                           "    items: [a, b]\n",
                                           "  - a: b\n",
                                           "? ",
                                           "\xc3\xa9"};
  std::mt19937 random(20211209);
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    const std::size_t count = 1 + random() % 14;
    for (std::size_t k = 0; k < count; ++k) {
      text += pieces[random() % pieces.size()];
    }
    expect_same(text);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace bailiff::yaml
