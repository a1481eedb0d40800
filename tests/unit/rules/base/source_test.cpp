// SPDX-License-Identifier: Apache-2.0
#include "rules/base/source.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

TEST(Source, CountsLinesAndColumnsFromOne) {
  const Source source("f", "ab\n\ncd");
  EXPECT_EQ(source.position(0).line, 1U);
  EXPECT_EQ(source.position(0).column, 1U);
  EXPECT_EQ(source.position(2).line, 1U);  // the line end itself
  EXPECT_EQ(source.position(2).column, 3U);
  EXPECT_EQ(source.position(3).line, 2U);
  EXPECT_EQ(source.position(5).line, 3U);
  EXPECT_EQ(source.position(5).column, 2U);
}

TEST(Source, PlacesOffsetsPastTheEndBehindTheLastByte) {
  const Source source("f", "ab");
  EXPECT_EQ(source.position(99).line, 1U);
  EXPECT_EQ(source.position(99).column, 3U);
}

TEST(Source, GivesLinesWithoutTheirEnds) {
  const Source source("f", "ab\r\ncd");
  EXPECT_EQ(source.line(1), "ab");
  EXPECT_EQ(source.line(2), "cd");
  EXPECT_EQ(source.line(3), "");
  EXPECT_EQ(source.line(0), "");
}

TEST(Source, FindsLinesFarBehind) {
  std::string text;
  for (int i = 1; i <= 1000; ++i) text += "line " + std::to_string(i) + "\n";
  const Source source("f", text + "end");
  for (const std::uint32_t line : {1U, 64U, 65U, 128U, 129U, 1000U}) {
    const std::string expected = "line " + std::to_string(line);
    EXPECT_EQ(source.line(line), expected);
    const auto offset =
        static_cast<std::uint32_t>(text.find(expected + "\n") + 2);
    EXPECT_EQ(source.position(offset).line, line);
    EXPECT_EQ(source.position(offset).column, 3U);
  }
  EXPECT_EQ(source.line(1001), "end");
  EXPECT_EQ(source.line(1002), "");
  EXPECT_EQ(source.position(static_cast<std::uint32_t>(text.size())).line,
            1001U);
}

TEST(Source, HasAnEmptyLineBehindTheLastLineEnd) {
  const Source source("f", std::string(64, '\n'));
  EXPECT_EQ(source.position(64).line, 65U);
  EXPECT_EQ(source.position(64).column, 1U);
  EXPECT_EQ(source.line(65), "");
}

TEST(SourceSet, NumbersSourcesInOrder) {
  SourceSet sources;
  EXPECT_EQ(sources.add("a", ""), 0U);
  EXPECT_EQ(sources.add("b", "x"), 1U);
  EXPECT_EQ(sources[1].name(), "b");
}

}  // namespace
}  // namespace bailiff
