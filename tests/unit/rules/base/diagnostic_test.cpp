// SPDX-License-Identifier: Apache-2.0
#include "rules/base/diagnostic.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

TEST(Diagnostic, PointsACaretAtTheSpan) {
  SourceSet sources;
  const auto source = sources.add("r.yaml", "first\nfd.sipp = 1\n");
  const Diagnostic diagnostic{.severity = Severity::kError,
                              .code = "LOAD_ERR_COMPILE_CONDITION",
                              .message = "unknown field 'fd.sipp'",
                              .span = {source, 6, 13},
                              .hint = "did you mean 'fd.sip'?",
                              .item_type = "rule",
                              .item_name = "r1"};
  EXPECT_EQ(render(diagnostic, sources),
            "r.yaml:2:1: error: unknown field 'fd.sipp', in rule 'r1' "
            "[LOAD_ERR_COMPILE_CONDITION]\n"
            "    2 | fd.sipp = 1\n"
            "      | ^~~~~~~\n"
            "hint: did you mean 'fd.sip'?\n");
}

TEST(Diagnostic, KeepsTabsSoThatTheCaretStandsUnderItsText) {
  SourceSet sources;
  const auto source = sources.add("r.yaml", "\tx y\n");
  const std::string text =
      render({.message = "m", .span = {source, 3, 4}}, sources);
  EXPECT_NE(text.find("\n      | \t  ^\n"), std::string::npos) << text;
}

TEST(Diagnostic, CutsACaretAtTheEndOfTheLine) {
  SourceSet sources;
  const auto source = sources.add("r.yaml", "ab\ncd\n");
  const std::string text =
      render({.message = "m", .span = {source, 1, 5}}, sources);
  EXPECT_NE(text.find("\n      |  ^\n"), std::string::npos) << text;
}

TEST(Diagnostic, WithoutAPlaceIsOneLine) {
  EXPECT_EQ(render({.severity = Severity::kWarning, .message = "m"}, {}),
            "warning: m\n");
}

TEST(Diagnostics, CountsErrorsNotWarnings) {
  Diagnostics diagnostics;
  diagnostics.add({.severity = Severity::kWarning, .message = "w"});
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.add({.severity = Severity::kError, .message = "e"});
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.all().size(), 2U);
}

TEST(Nearest, FindsTheWordThatWasMeant) {
  EXPECT_EQ(nearest("fd.sipp", {"fd.type", "fd.sip", "fd.sport"}), "fd.sip");
}

TEST(Nearest, CountsSwappedNeighboursOnce) {
  EXPECT_EQ(nearest("fd.spi", {"fd.ip", "fd.sip"}), "fd.sip");
}

TEST(Nearest, GivesNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("banana", {"fd.type", "fd.sip"}), "");
}

}  // namespace
}  // namespace bailiff
