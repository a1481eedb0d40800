// SPDX-License-Identifier: Apache-2.0
#include "rules/document/placed_texts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

TEST(PlacedTexts, GivesBackWhatWasAdded) {
  PlacedTexts texts;
  EXPECT_TRUE(texts.empty());
  texts.push_back("one", {.source = 0, .begin = 1, .end = 4});
  texts.push_back("", {.source = 0, .begin = 7, .end = 8});
  texts.push_back(
      {.text = "three", .span = {.source = 2, .begin = 0, .end = 5}});
  ASSERT_EQ(texts.size(), 3U);
  EXPECT_EQ(texts.text(0), "one");
  EXPECT_EQ(texts.text(1), "");
  EXPECT_EQ(texts[2].text, "three");
  EXPECT_EQ(texts.span(0), (Span{.source = 0, .begin = 1, .end = 4}));
  EXPECT_EQ(texts.span(1), (Span{.source = 0, .begin = 7, .end = 8}));
  EXPECT_EQ(texts.span(2), (Span{.source = 2, .begin = 0, .end = 5}));
}

TEST(PlacedTexts, IsWalkedInOrder) {
  PlacedTexts texts;
  texts.push_back("a", {});
  texts.push_back("b", {});
  std::vector<std::string> walked;
  for (const PlacedText& text : texts) walked.push_back(text.text);
  EXPECT_EQ(walked, (std::vector<std::string>{"a", "b"}));
}

TEST(PlacedTexts, AppendsWithPlaces) {
  PlacedTexts texts;
  texts.push_back("a", {.source = 0, .begin = 1, .end = 2});
  PlacedTexts more;
  more.push_back("b", {.source = 1, .begin = 3, .end = 4});
  more.push_back("c", {.source = 0, .begin = 5, .end = 6});
  texts.append(more);
  ASSERT_EQ(texts.size(), 3U);
  EXPECT_EQ(texts.text(2), "c");
  EXPECT_EQ(texts.span(1), (Span{.source = 1, .begin = 3, .end = 4}));
  EXPECT_EQ(texts.span(2), (Span{.source = 0, .begin = 5, .end = 6}));
}

TEST(PlacedTexts, KeepsTextsThatHaveNoPlace) {
  PlacedTexts texts;
  texts.push_back("a", {});
  EXPECT_EQ(texts.span(0), Span{});
}

}  // namespace
}  // namespace bailiff
