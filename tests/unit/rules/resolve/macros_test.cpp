// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/macros.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "rules/syntax/printer.h"

namespace bailiff {
namespace {

class MacrosTest : public ::testing::Test {
 protected:
  // Later definitions of a name redefine it.
  void macro(const std::string& name, const std::string& condition) {
    text_ += "- macro: " + name + "\n  condition: '" + condition + "'\n";
  }

  // The condition with its macros replaced, or the first message.
  std::string replaced(const std::string& condition) {
    const auto stream = yaml::parse(text_, 0, diagnostics_);
    definitions_ = merge(read_rule_file(*stream, diagnostics_), diagnostics_);
    macros_.emplace(definitions_, diagnostics_);
    LocatedText located;
    located.push_run(condition, 0, 0);
    const auto node = macros_->parse(located, {.type = "rule", .name = "r"});
    if (node) return syntax::print(*node);
    return diagnostics_.all().empty() ? "no message"
                                      : diagnostics_.all()[0].message;
  }

  std::string text_;
  Diagnostics diagnostics_;
  Definitions definitions_;
  std::optional<Macros> macros_;
};

TEST_F(MacrosTest, ReplacesTreesNotText) {
  macro("m", "a.b = 1 or a.b = 2");
  macro("n", "m and c.d exists");
  EXPECT_EQ(replaced("not n and m"),
            "not ((a.b = 1 or a.b = 2) and c.d exists) and (a.b = 1 or a.b = "
            "2)");
  EXPECT_FALSE(diagnostics_.has_errors());
}

TEST_F(MacrosTest, RefusesUnknownMacroWithSuggestion) {
  macro("never_true", "evt.num=0");
  EXPECT_EQ(replaced("never_ture"), "unknown macro 'never_ture'");
  EXPECT_EQ(diagnostics_.all()[0].hint, "did you mean 'never_true'?");
}

TEST_F(MacrosTest, AMacroSeesOnlyThoseDefinedBeforeIt) {
  macro("first", "second");
  macro("second", "a.b = 1");
  EXPECT_EQ(replaced("first"),
            "macro 'second' is defined only after 'first', which uses it");
}

TEST_F(MacrosTest, ARedefinitionSeesWhatCameBetween) {
  macro("first", "a.b = 0");
  macro("second", "a.b = 1");
  macro("first", "second");
  EXPECT_EQ(replaced("first"), "a.b = 1");
}

TEST_F(MacrosTest, RefusesLoops) {
  macro("first", "a.b = 0");
  macro("second", "first");
  macro("first", "second");
  EXPECT_EQ(replaced("second").substr(0, 23), "reference loop in macro");
  EXPECT_EQ(diagnostics_.error_count(), 1U);
}

TEST_F(MacrosTest, RefusesAMacroOfItself) {
  macro("m", "a.b = 1 or m");
  EXPECT_EQ(replaced("m"), "reference loop in macro 'm'");
}

TEST_F(MacrosTest, ReportsSyntaxErrorsOfUnusedMacros) {
  macro("m", "a.b = ");
  macro("n", "no.such_field = 1");
  EXPECT_EQ(replaced("c.d = 1"), "c.d = 1");
  EXPECT_EQ(diagnostics_.error_count(), 1U);
}

TEST_F(MacrosTest, RefusesMacrosThatDoubleThemselves) {
  macro("m0", "a.b = 1");
  for (int i = 1; i <= 40; ++i) {
    const std::string inner = "m" + std::to_string(i - 1);
    macro("m" + std::to_string(i), inner + " and " + inner);
  }
  EXPECT_EQ(replaced("m40"), "condition is too large with macros replaced");
  EXPECT_EQ(diagnostics_.error_count(), 1U);
}

TEST_F(MacrosTest, BoundsTheDepthMacrosAddUpTo) {
  macro("m0", "a.b = 1");
  for (int i = 1; i <= 1002; ++i) {
    macro("m" + std::to_string(i),
          "not (m" + std::to_string(i - 1) + " or c.d exists)");
  }
  EXPECT_EQ(replaced("m1002"),
            "and, or and not are nested deeper than 1000 with macros "
            "replaced");
}

TEST_F(MacrosTest, TakesChainsOfAliases) {
  macro("m0", "a.b = 1");
  for (int i = 1; i <= 3000; ++i) {
    macro("m" + std::to_string(i), "m" + std::to_string(i - 1));
  }
  EXPECT_EQ(replaced("m3000"), "a.b = 1");
}

TEST_F(MacrosTest, TellsWhatIsNotUsed) {
  macro("used", "a.b = 1");
  macro("idle", "c.d = 1");
  EXPECT_EQ(replaced("used"), "a.b = 1");
  const auto unused = macros_->unused();
  ASSERT_EQ(unused.size(), 1U);
  EXPECT_EQ(unused[0]->name.text, "idle");
}

}  // namespace
}  // namespace bailiff
