// SPDX-License-Identifier: Apache-2.0
#include "rules/document/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace bailiff::yaml {
namespace {

// "OFFSET: message" of the refusal, or "ok".
std::string refusal(const std::string& text) {
  Diagnostics diagnostics;
  const auto stream = parse(text, 0, diagnostics);
  EXPECT_EQ(stream.has_value(), diagnostics.all().empty());
  if (stream) return "ok";
  EXPECT_EQ(diagnostics.all().size(), 1U);
  EXPECT_EQ(diagnostics.all()[0].code, "LOAD_ERR_YAML_PARSE");
  return std::to_string(diagnostics.all()[0].span.begin) + ": " +
         diagnostics.all()[0].message;
}

TEST(Yaml, BuildsTheTreeOfEveryDocument) {
  const std::string text = "- a\n- {b: 'c', d: }\n---\n~\n";
  Diagnostics diagnostics;
  const auto parsed = parse(text, 4, diagnostics);
  ASSERT_TRUE(parsed);
  const Stream& stream = *parsed;
  ASSERT_EQ(stream.roots().size(), 2U);
  const Node& root = stream[stream.roots()[0]];
  ASSERT_EQ(root.kind, NodeKind::kSequence);
  const Node& scalar = stream[root.children[0]];
  EXPECT_EQ(scalar.text, "a");
  EXPECT_TRUE(scalar.plain);
  EXPECT_EQ(scalar.span, (Span{.source = 4, .begin = 2, .end = 3}));
  const Node& mapping = stream[root.children[1]];
  ASSERT_EQ(mapping.kind, NodeKind::kMapping);
  ASSERT_EQ(mapping.children.size(), 4U);
  EXPECT_FALSE(stream[mapping.children[1]].plain);
  EXPECT_EQ(stream[mapping.children[3]].kind, NodeKind::kNull);
  EXPECT_EQ(stream[stream.roots()[1]].kind, NodeKind::kNull);
}

TEST(Yaml, SaysWhereTheTextIsNoYaml) {
  EXPECT_EQ(refusal("- a\n- [b\n"), "9: end of sequence flow not found");
  EXPECT_NE(refusal("a: b: c\n"), "ok");
  EXPECT_NE(refusal("\t- a\n"), "ok");
  EXPECT_NE(refusal("- *nobody\n"), "ok");
}

TEST(Yaml, RefusesTextTheParserCannotGetPast) {
  EXPECT_EQ(refusal(","), "0: unexpected text, expected a node or the end");
  EXPECT_EQ(refusal("a: 'b' ,\n").substr(0, 2), "7:");
  EXPECT_NE(refusal("- [a]\n- {b: c} ]\n"), "ok");
  EXPECT_EQ(refusal("---\n---\n---\n"), "ok");
}

TEST(Yaml, AliasesShareTheirNode) {
  const std::string text = "- &x [a, b]\n- *x\n";
  Diagnostics diagnostics;
  const auto stream = parse(text, 0, diagnostics);
  ASSERT_TRUE(stream);
  const Node& root = (*stream)[stream->roots()[0]];
  EXPECT_EQ(root.children[0], root.children[1]);
}

TEST(Yaml, RefusesAliasExplosion) {
  std::string text = "- &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string inner = "*a" + std::to_string(i - 1);
    text += "- &a" + std::to_string(i) + " [" + inner;
    for (int k = 0; k < 9; ++k) text += "," + inner;
    text += "]\n";
  }
  EXPECT_NE(refusal(text).find("more than 1048576 nodes"), std::string::npos);
}

TEST(Yaml, RefusesAliasOfItself) {
  EXPECT_EQ(refusal("- &a [*a]\n"), "6: alias of a node it is part of");
}

TEST(Yaml, RefusesDepth) {
  EXPECT_EQ(refusal(std::string(32, '[') + std::string(32, ']')), "ok");
  EXPECT_EQ(refusal(std::string(33, '[') + std::string(33, ']')),
            "32: nested deeper than 32");
  std::string levels;
  std::string keys;
  for (std::size_t i = 0; i < 1000; ++i) {
    levels += std::string(i, ' ') + "-\n";
    keys += std::string(i, ' ') + "a:\n";
  }
  EXPECT_EQ(refusal(levels), "592: nested deeper than 32");
  EXPECT_EQ(refusal(keys), "624: nested deeper than 32");
  std::string dashes;
  std::string questions;
  for (std::size_t i = 0; i < 100'000; ++i) {
    dashes += "- ";
    questions += "? ";
  }
  EXPECT_EQ(refusal(dashes), "64: nested deeper than 32");
  EXPECT_EQ(refusal(questions), "64: nested deeper than 32");
  EXPECT_NE(refusal(std::string(200'000, '[')), "ok");
  EXPECT_NE(refusal(std::string(200'000, '{')), "ok");
}

TEST(Yaml, TakesScalarsOfMegabytes) {
  const std::string megabyte(1U << 20, 'x');
  EXPECT_EQ(refusal("- " + megabyte + "\n"), "ok");
  EXPECT_EQ(refusal("- '" + megabyte + "'\n"), "ok");
  EXPECT_EQ(refusal("- |\n  " + megabyte + "\n"), "ok");
}

TEST(Yaml, RefusesBytesThatAreNoText) {
  EXPECT_EQ(refusal("a\x04"),
            "1: neither UTF-8 text nor a character YAML allows");
  EXPECT_EQ(refusal(std::string("a\0b", 3)).substr(0, 2), "1:");
  EXPECT_EQ(refusal("ab\xff").substr(0, 2), "2:");
  EXPECT_EQ(refusal("\xc0\x80").substr(0, 2), "0:");
  EXPECT_EQ(refusal("\xed\xa0\x80").substr(0, 2), "0:");
  EXPECT_EQ(refusal("\xf4\x90\x80\x80").substr(0, 2), "0:");
  EXPECT_EQ(refusal("\xe2\x82").substr(0, 2), "0:");
  EXPECT_EQ(refusal("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "ok");
}

TEST(Yaml, BoundsFlowCollections) {
  EXPECT_EQ(refusal(std::string(kMaxFlowCharacters + 1, '[')),
            "0: more than 1048576 of the characters '[', '{' and ','");
}

TEST(Yaml, RefusesSize) {
  EXPECT_EQ(refusal(std::string(kMaxBytes + 1, ' ')),
            "0: larger than 268435456 bytes");
}

TEST(Yaml, RefusesMoreThanTheLibraryReadsInReasonableTime) {
  EXPECT_EQ(refusal(std::string(kMaxParsedBytes + 1, ' ')),
            "0: larger than 16777216 bytes, lists of one plain or quoted item "
            "a line not counted");
}

// A simple list that is more than the library is given, most of it comments.
std::string long_list() {
  const std::string element = "  - x\n  # " + std::string(17'000, '-') + "\n";
  std::string text = "- list: l\n  items:\n";
  for (std::size_t i = 0; i < Shortcuts().long_sequence; ++i) text += element;
  return text;
}

TEST(Yaml, DoesNotCountSimpleSequencesAsWork) {
  const std::string text = long_list() + "- list: m\n  items: [a]\n";
  ASSERT_GT(text.size(), kMaxParsedBytes);
  Diagnostics diagnostics;
  const auto stream = parse(text, 0, diagnostics);
  ASSERT_TRUE(stream);
  const Node& root = (*stream)[stream->roots()[0]];
  ASSERT_EQ(root.children.size(), 2U);
  const Node& items = (*stream)[(*stream)[root.children[0]].children[3]];
  EXPECT_EQ(items.kind, NodeKind::kSequence);
  EXPECT_EQ(stream->simple(items).size(), Shortcuts().long_sequence);
}

TEST(Yaml, PlacesAMistakeBehindALongList) {
  const std::string text = long_list();
  EXPECT_EQ(refusal(text + "- [b\n"), std::to_string(text.size() + 5) +
                                          ": end of sequence flow not found");
}

TEST(Yaml, RefusesALongListThatIsNotSimple) {
  EXPECT_EQ(refusal(long_list() + "  - &x a\n"),
            "0: larger than 16777216 bytes, lists of one plain or quoted item "
            "a line not counted");
}

TEST(Yaml, BoundsWhatAliasesCopy) {
  std::string text = "- &a '" + std::string(1U << 20, 'x') + "'\n";
  for (int i = 0; i < 17; ++i) text += "- *a\n";
  EXPECT_NE(refusal(text).find("more than 16777216 bytes behind aliases"),
            std::string::npos);
}

TEST(Yaml, CountsTheElementsOfLongListsBehindAliases) {
  std::string text = "- &a\n  items:\n";
  for (std::size_t i = 0; i < Shortcuts().long_sequence; ++i) text += "  - x\n";
  text += "- &b [*a";
  for (int i = 1; i < 100; ++i) text += ", *a";
  text += "]\n- [*b";
  for (int i = 1; i < 8; ++i) text += ", *b";
  EXPECT_EQ(refusal(text + "]\n"), "ok");
  EXPECT_NE(refusal(text + ", *b, *b, *b]\n").find("more than 1048576"),
            std::string::npos);
}

}  // namespace
}  // namespace bailiff::yaml
