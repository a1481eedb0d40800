// SPDX-License-Identifier: Apache-2.0
#include "rules/base/field_line.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

TEST(FieldLine, GivesBackWhatItWasGiven) {
  const std::vector<std::string> fields = {
      "plain", "", "a\tb\nc d", "100%", "%41", std::string("\0\xff", 2), ""};
  const std::string line = field_line({fields.begin(), fields.end()});
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  std::vector<std::string> read;
  for (const std::string_view field :
       split(std::string_view(line).substr(0, line.size() - 1), '\t')) {
    read.push_back(unescaped(field));
  }
  EXPECT_EQ(read, fields);
}

TEST(FieldLine, LeavesWhatIsNoEscape) {
  EXPECT_EQ(unescaped("100%"), "100%");
  EXPECT_EQ(unescaped("%zz%4"), "%zz%4");
}

TEST(FieldLine, ReadsTheDigitsATextBeginsWith) {
  EXPECT_EQ(number_of<int>("12:30"), 12);
  EXPECT_EQ(number_of<int>("x"), 0);
}

}  // namespace
}  // namespace bailiff
