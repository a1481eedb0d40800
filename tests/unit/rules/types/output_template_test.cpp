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
    if (!token.term) {
      result += token.literal;
      continue;
    }
    result += "{";
    if (token.width != 0) result += std::to_string(token.width) + ":";
    result += to_string(*token.term) + "}";
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
  EXPECT_EQ(shape("%"), "'%' without a field in output");
  EXPECT_EQ(shape("%10"), "'%' without a field in output");
  EXPECT_EQ(shape("%fd.ip"), "field 'fd.ip' is for conditions only, in output");
}

TEST(OutputTemplate, TakesArguments) {
  EXPECT_EQ(shape("%proc.aname[2]!"), "{proc.aname[2]}|!");
  EXPECT_EQ(shape("%evt.arg.flags."), "{evt.arg.flags}|.");
  EXPECT_EQ(shape("%evt.arg[0]"), "{evt.arg[0]}");
  EXPECT_EQ(shape("%container.label.app]"), "{container.label[app]}|]");
}

TEST(OutputTemplate, TakesCalls) {
  EXPECT_EQ(shape("a %toupper(proc.name) b"), "a |{toupper(proc.name)}| b");
  EXPECT_EQ(shape("%8basename(tolower(proc.exepath))"),
            "{8:basename(tolower(proc.exepath))}");
  EXPECT_EQ(shape("%join(\",\", (proc.name, proc.pname))"),
            "{join(\",\", (proc.name, proc.pname))}");
  EXPECT_EQ(shape("%nosuch(proc.name)"),
            "unknown transformer 'nosuch', in output");
  EXPECT_EQ(shape("%toupper(fd.sport)"),
            "'toupper' takes text, and 'fd.sport' is a number, in output");
  EXPECT_EQ(shape("%toupper(proc.nam)"), "unknown field 'proc.nam', in output");
}

TEST(OutputTemplate, NamesFieldsAsTheyAreWritten) {
  const auto output =
      parse_output("%evt.arg.flags %concat(proc.aname[2], proc.name)");
  ASSERT_TRUE(output);
  ASSERT_EQ(output->tokens.size(), 3U);
  EXPECT_EQ(output->tokens[0].fields[0].name, "evt.arg.flags");
  ASSERT_EQ(output->tokens[2].fields.size(), 2U);
  EXPECT_EQ(output->tokens[2].fields[0].name, "proc.aname[2]");
  EXPECT_EQ(output->tokens[2].fields[1].name, "proc.name");
}

TEST(OutputTemplate, ReportsEveryMistakeWithItsPlace) {
  const ParsedOutput parsed = parse_output_all("a %nope b %proc.nme c");
  ASSERT_EQ(parsed.errors.size(), 2U);
  EXPECT_EQ(parsed.errors[0].begin, 2U);
  EXPECT_EQ(parsed.errors[0].end, 7U);
  EXPECT_EQ(parsed.errors[1].begin, 10U);
  EXPECT_EQ(parsed.errors[1].hint, "did you mean 'proc.name'?");
}

}  // namespace
}  // namespace bailiff
