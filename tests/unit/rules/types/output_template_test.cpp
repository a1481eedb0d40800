// SPDX-License-Identifier: Apache-2.0
#include "rules/types/output_template.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bailiff {
namespace {

// "text|{proc.name}|text" of a good template, or the error.
std::string shape(std::string_view text) {
  const Result<OutputTemplate> output = parse_output(text);
  if (!output) return output.error().message;
  std::string result;
  for (const OutputToken& token : output->tokens) {
    if (!result.empty()) result += "|";
    if (!token.is_field) {
      result += token.literal;
      continue;
    }
    result += "{";
    if (token.width != 0) result += std::to_string(token.width) + ":";
    result += std::string(field(token.field).name) + "}";
  }
  return result;
}

TEST(OutputTemplate, SplitsFieldsAndText) {
  EXPECT_EQ(shape("a %proc.name(%user.uid) b"),
            "a |{proc.name}|(|{user.uid}|) b");
  EXPECT_EQ(shape(""), "");
  EXPECT_EQ(shape("plain"), "plain");
}

TEST(OutputTemplate, TakesTheLongestFieldName) {
  EXPECT_EQ(shape("%container.image.repository:%container.image.tag"),
            "{container.image.repository}|:|{container.image.tag}");
  EXPECT_EQ(shape("%container.image.repo"), "{container.image}|.repo");
  EXPECT_EQ(shape("%proc.name."), "{proc.name}|.");
  EXPECT_EQ(shape("%proc.names"), "{proc.name}|s");
}

TEST(OutputTemplate, TakesWidthAndLeadingStar) {
  EXPECT_EQ(shape("*%20proc.name"), "{20:proc.name}");
  EXPECT_EQ(shape("%99999999999proc.name"), "output field width above 1024");
}

TEST(OutputTemplate, LeavesBracketsOfFieldsWithoutArgument) {
  EXPECT_EQ(shape("%proc.name[1]"), "{proc.name}|[1]");
}

TEST(OutputTemplate, RefusesUnknownAndMissingFields) {
  EXPECT_EQ(shape("%proc.nam"), "unknown field 'proc.nam' in output");
  EXPECT_EQ(shape("100%"), "'%' without a field in output");
  EXPECT_EQ(shape("100%% sure"), "'%' without a field in output");
  EXPECT_EQ(shape("%toupper(proc.name)"),
            "transformer 'toupper' in output is not available in this "
            "version");
}

TEST(OutputTemplate, ReportsEveryMistakeWithItsPlace) {
  const ParsedOutput parsed = parse_output_all("a %nope b %proc.nme c");
  ASSERT_EQ(parsed.errors.size(), 2U);
  EXPECT_EQ(parsed.errors[0].begin, 2U);
  EXPECT_EQ(parsed.errors[0].end, 7U);
  EXPECT_EQ(parsed.errors[1].begin, 10U);
  EXPECT_EQ(parsed.errors[1].hint, "did you mean '%proc.name'?");
}

}  // namespace
}  // namespace bailiff
