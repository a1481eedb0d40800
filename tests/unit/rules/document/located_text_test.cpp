// SPDX-License-Identifier: Apache-2.0
#include "rules/document/located_text.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

LocatedText run(std::string_view text, std::uint32_t source,
                std::uint32_t offset) {
  LocatedText result;
  result.push_run(text, source, offset);
  return result;
}

TEST(LocatedText, PlacesBytesOfOneRun) {
  const LocatedText text = run("abcdef", 1, 10);
  EXPECT_EQ(text.span(1, 3), (Span{.source = 1, .begin = 11, .end = 13}));
  EXPECT_EQ(text.span(), (Span{.source = 1, .begin = 10, .end = 16}));
}

TEST(LocatedText, PlacesOffsetsPastTheEndBehindTheLastByte) {
  const LocatedText text = run("abc", 0, 10);
  EXPECT_EQ(text.span(3, 3), (Span{.source = 0, .begin = 13, .end = 13}));
  EXPECT_EQ(text.span(9, 12), (Span{.source = 0, .begin = 13, .end = 13}));
}

TEST(LocatedText, SpansGapsBetweenRuns) {
  LocatedText text = run("ab", 0, 10);
  text.push_run("cd", 0, 20);
  EXPECT_EQ(text.span(1, 3), (Span{.source = 0, .begin = 11, .end = 21}));
}

TEST(LocatedText, AppendsOtherSources) {
  LocatedText text = run("ab", 0, 10);
  text.append(run("cd", 7, 3), " ");
  EXPECT_EQ(text.text(), "ab cd");
  EXPECT_EQ(text.span(3, 5), (Span{.source = 7, .begin = 3, .end = 5}));
  EXPECT_EQ(text.span(0, 2), (Span{.source = 0, .begin = 10, .end = 12}));
  EXPECT_EQ(text.span(0, 5).source, 0U);
}

TEST(LocatedText, TrimKeepsPlaces) {
  LocatedText text = run(" \n", 0, 0);
  text.push_run(" ab", 0, 10);
  text.push_run("c \n", 0, 20);
  const LocatedText trimmed = text.trimmed();
  EXPECT_EQ(trimmed.text(), "abc");
  EXPECT_EQ(trimmed.span(0, 1), (Span{.source = 0, .begin = 11, .end = 12}));
  EXPECT_EQ(trimmed.span(2, 3), (Span{.source = 0, .begin = 20, .end = 21}));
  EXPECT_EQ(run("  ", 0, 4).trimmed().text(), "");
}

TEST(LocatedText, SlicesKeepPlaces) {
  LocatedText text = run("abcd", 0, 10);
  text.append(run("ef", 7, 3), ", ");
  const LocatedText slice = text.slice(2, 7);
  EXPECT_EQ(slice.text(), "cd, e");
  EXPECT_EQ(slice.span(0, 2), (Span{.source = 0, .begin = 12, .end = 14}));
  EXPECT_EQ(slice.span(4, 5), (Span{.source = 7, .begin = 3, .end = 4}));
  EXPECT_EQ(slice.span(5, 5), (Span{.source = 7, .begin = 4, .end = 4}));
  // From the separator on.
  EXPECT_EQ(text.slice(5, 7).span(1, 2),
            (Span{.source = 7, .begin = 3, .end = 4}));
  EXPECT_EQ(text.slice(4, 5).span(0, 1),
            (Span{.source = 0, .begin = 14, .end = 14}));
}

TEST(LocatedText, SlicesPastTheEndAreShorter) {
  EXPECT_EQ(run("abc", 0, 0).slice(1, 9).text(), "bc");
  EXPECT_EQ(run("abc", 0, 0).slice(3, 9).text(), "");
  EXPECT_EQ(run("abc", 0, 0).slice(2, 1).text(), "");
}

TEST(LocatedText, TruncatesRuns) {
  LocatedText text = run("abcd", 0, 10);
  text.append(run("ef", 7, 3), ", ");
  text.truncate(9);
  EXPECT_EQ(text.text(), "abcd, ef");
  text.truncate(7);
  EXPECT_EQ(text.span(6, 7), (Span{.source = 7, .begin = 3, .end = 4}));
  text.truncate(2);
  EXPECT_EQ(text.text(), "ab");
  EXPECT_EQ(text.span(2, 2), (Span{.source = 0, .begin = 12, .end = 12}));
  text.push_run("yz", 0, 40);
  EXPECT_EQ(text.span(2, 4), (Span{.source = 0, .begin = 40, .end = 42}));
}

TEST(LocatedText, HasNoPlaceWhenEmpty) {
  EXPECT_EQ(LocatedText().span(), Span{});
  EXPECT_EQ(LocatedText().trimmed().span(0, 3), Span{});
}

}  // namespace
}  // namespace bailiff
