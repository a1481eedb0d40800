// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/enforceable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bailiff {
namespace {

using testing::HasSubstr;

// One rule with the condition, and a policy with the mode that asks for it.
Loaded checked(const std::string& condition, const std::string& mode) {
  Loaded loaded = load(
      {.files = {{.name = "r.yaml",
                  .text = "- rule: r\n  desc: d\n  output: o\n"
                          "  priority: INFO\n  condition: " +
                          condition + "\n"},
                 {.name = "p.yaml",
                  .text = "policies:\n  - name: p\n    rules: [r]\n    mode: " +
                          mode + "\n"}}});
  EXPECT_FALSE(loaded.diagnostics.has_errors())
      << render(loaded.diagnostics, loaded.sources);
  check_enforceable(loaded);
  return loaded;
}

constexpr char kPoll[] = "evt.type = poll and proc.name = cat";

TEST(CheckEnforceable, RefusesToEnforceWhatNoHookServes) {
  const Loaded loaded = checked(kPoll, "enforce");
  EXPECT_FALSE(loaded.policy);
  EXPECT_TRUE(loaded.diagnostics.has_errors());
  EXPECT_THAT(render(loaded.diagnostics, loaded.sources),
              HasSubstr("p.yaml:2:11: error: rule 'r' cannot be enforced: "));
}

TEST(CheckEnforceable, WarnsOfAMonitoredRuleThatNeverFires) {
  const Loaded loaded = checked(kPoll, "monitor");
  EXPECT_TRUE(loaded.policy);
  EXPECT_THAT(render(loaded.diagnostics, loaded.sources),
              HasSubstr("p.yaml:2:11: warning: rule 'r' cannot be observed"));
}

TEST(CheckEnforceable, AcceptsWhatTheKernelOrTheSidecarDecides) {
  EXPECT_TRUE(checked("evt.type = connect", "enforce").policy);
  EXPECT_TRUE(
      checked("evt.type = connect and proc.cmdline contains x", "enforce")
          .policy);
  EXPECT_TRUE(checked("evt.type = container", "enforce").policy);
  EXPECT_TRUE(checked("evt.type = openat", "enforce").policy);
}

TEST(CheckEnforceable, RefusesHostNamesThatNobodyCanAskFor) {
  for (const char* mode : {"enforce", "monitor"}) {
    const Loaded loaded = checked(
        "evt.type = connect and fd.sip.name in (a.example, '*.b.example')",
        mode);
    EXPECT_FALSE(loaded.policy);
    EXPECT_THAT(render(loaded.diagnostics, loaded.sources),
                HasSubstr("rule 'r' compares host names with '*.b.example'"));
  }
  for (const char* condition :
       {"evt.type = connect and fd.sip.name = a.example",
        "evt.type = connect and fd.sip.name in (a.example, '.b.example')"}) {
    EXPECT_TRUE(checked(condition, "enforce").policy) << condition;
  }
}

TEST(CheckEnforceable, LeavesAFailedLoadAlone) {
  Loaded loaded = load({.files = {{.name = "r.yaml", .text = "- rule: r\n"}}});
  const std::size_t before = loaded.diagnostics.all().size();
  check_enforceable(loaded);
  EXPECT_EQ(loaded.diagnostics.all().size(), before);
}

}  // namespace
}  // namespace bailiff
