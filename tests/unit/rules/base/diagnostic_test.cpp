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

TEST(Diagnostic, ShowsOfALongLineWhatIsAroundThePlace) {
  const Source source("r.yaml", std::string(1000, 'a') + "fd.sipp" +
                                    std::string(1000, 'b') + "\n");
  const Excerpt shown = excerpt(source, {0, 1000, 1007});
  EXPECT_EQ(shown.text, "..." + std::string(40, 'a') + "fd.sipp" +
                            std::string(113, 'b') + "...");
  EXPECT_EQ(shown.text.substr(shown.begin, shown.end - shown.begin), "fd.sipp");
}

TEST(Diagnostic, CutsALongLineBetweenCharacters) {
  std::string line;
  for (int i = 0; i < 200; ++i) line += "\xc3\xa9";
  const Excerpt shown = excerpt(Source("r.yaml", line), {0, 201, 202});
  EXPECT_EQ(shown.text.substr(0, 5), "...\xc3\xa9");
  EXPECT_EQ(shown.text.substr(shown.text.size() - 5), "\xc3\xa9...");
}

TEST(Diagnostic, ShowsNoControlCharacters) {
  EXPECT_EQ(excerpt(Source("r.yaml", "a\x1b[31m\tb"), {0, 1, 2}).text,
            "a?[31m\tb");
}

TEST(Diagnostic, PrintsNoControlCharactersOfNames) {
  EXPECT_EQ(render({.message = "unknown 'a\nb'",
                    .hint = "\x1b[31m",
                    .item_type = "rule",
                    .item_name = "\x1b[0m"},
                   {}),
            "error: unknown 'a?b', in rule '?[0m'\nhint: ?[31m\n");
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

TEST(Diagnostics, CutsTextsThatQuoteAMegabyte) {
  Diagnostics diagnostics;
  diagnostics.add({.message = std::string(1U << 20, 'm'),
                   .hint = std::string(1U << 20, 'h'),
                   .item_name = std::string(1U << 20, 'n')});
  const Diagnostic& kept = diagnostics.all()[0];
  EXPECT_EQ(kept.message, std::string(kMaxMessage, 'm') + "...");
  EXPECT_EQ(kept.hint.size(), kMaxMessage + 3);
  EXPECT_EQ(kept.item_name.size(), kMaxMessage + 3);
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
