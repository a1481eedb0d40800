// SPDX-License-Identifier: Apache-2.0
#include "rules/document/scalar_map.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/yaml.h"

namespace bailiff::yaml {
namespace {

// Parses `text`, a mapping with the key `k`, and tells for `word` in the value
// where it lies in the text: "LINE:COLUMN" and what is written there.
std::string place(const std::string& text, const std::string& word) {
  SourceSet sources;
  sources.add("f", text);
  Diagnostics diagnostics;
  const auto stream = parse(text, 0, diagnostics);
  if (!stream) return diagnostics.all().front().message;
  const Node& root = (*stream)[stream->roots()[0]];
  const LocatedText value = stream->locate((*stream)[root.children[1]]);
  const std::size_t at = value.text().find(word);
  if (at == std::string::npos) return "not in '" + value.text() + "'";
  const Span span = value.span(at, at + word.size());
  const Position position = sources[0].position(span.begin);
  return std::to_string(position.line) + ":" + std::to_string(position.column) +
         " " + text.substr(span.begin, span.end - span.begin);
}

TEST(ScalarMap, FollowsPlainScalars) {
  EXPECT_EQ(place("k: one two\n", "two"), "1:8 two");
  EXPECT_EQ(place("k: one\n   two\n  three\n", "three"), "3:3 three");
  EXPECT_EQ(place("k: one  # comment\n", "one"), "1:4 one");
  EXPECT_EQ(place("k: one\n\n   two\n", "two"), "3:4 two");
}

TEST(ScalarMap, FollowsQuotedScalars) {
  EXPECT_EQ(place("k: \"one two\"\n", "two"), "1:9 two");
  EXPECT_EQ(place("k: \"a\\\"b two\"\n", "two"), "1:10 two");
  EXPECT_EQ(place("k: \"a\\tb \\x41\\u00e9 two\"\n", "two"), "1:21 two");
  EXPECT_EQ(place("k: \"a\\tb\"\n", "\t"), "1:6 \\");
  EXPECT_EQ(place("k: \"one\n   two\n\n  three\"\n", "three"), "4:3 three");
  EXPECT_EQ(place("k: \"one\\\n  \\ two\"\n", "two"), "2:5 two");
  EXPECT_EQ(place("k: 'it''s two'\n", "two"), "1:11 two");
  EXPECT_EQ(place("k: 'one\n two'\n", "two"), "2:2 two");
}

TEST(ScalarMap, FollowsLiteralBlocks) {
  EXPECT_EQ(place("k: |\n  one\n    two\n  three\n", "three"), "4:3 three");
  EXPECT_EQ(place("k: |\n  one\n    two\n  three\n", "two"), "3:5 two");
  EXPECT_EQ(place("k: |-  # why\n\n\n   one\n\n   two\n", "two"), "6:4 two");
  EXPECT_EQ(place("k: |2\n    one\n  two\n", "one"), "2:5 one");
  EXPECT_EQ(place("k: |2\n    one\n  two\n", "two"), "3:3 two");
  EXPECT_EQ(place("k: |\r\n  one\r\n  two\r\n", "two"), "3:3 two");
}

TEST(ScalarMap, FollowsFoldedBlocks) {
  EXPECT_EQ(place("k: >\n  one\n  two\n", "two"), "3:3 two");
  EXPECT_EQ(place("k: >-\n  one\n\n  two\n\n\n  three\n", "three"),
            "7:3 three");
  EXPECT_EQ(place("k: >\n  one\n    more\n  two\n", "more"), "3:5 more");
  EXPECT_EQ(place("k: >\n  one\n    more\n  two\n", "two"), "4:3 two");
}

TEST(ScalarMap, SkipsAnchorsAndTags) {
  EXPECT_EQ(place("k: &a one\n", "one"), "1:7 one");
  EXPECT_EQ(place("k: !!str \"one two\"\n", "two"), "1:15 two");
  EXPECT_EQ(place("k: &a !!str |\n  one\n  two\n", "two"), "3:3 two");
}

TEST(ScalarMap, CountsTheByteOrderMark) {
  EXPECT_EQ(place("\xef\xbb\xbfk: one two\n", "two"), "1:11 two");
}

TEST(ScalarMap, PlacesWhatItCannotFollowAtTheScalar) {
  const LocatedText value = map_scalar("k: one", 2, 3, "else");
  EXPECT_EQ(value.text(), "else");
  EXPECT_EQ(value.span(2, 3), (Span{.source = 2, .begin = 3, .end = 4}));
}

}  // namespace
}  // namespace bailiff::yaml
