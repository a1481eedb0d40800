// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/draft.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "rules/policy/compiled_policy.h"
#include "tests/harness/expr.h"

namespace bailiff::sidecar {
namespace {

TEST(RuleAlert, HasTheFieldsThatTheConfigurationAdds) {
  CompiledPolicy policy;
  policy.rules.resize(1);
  policy.rules[0].name = "r";
  policy.rules[0].output = "%proc.name";
  policy.rules[0].extra_fields = {
      {.name = "user.uid", .output = "%user.uid"},
      {.name = "proc.name", .output = "%proc.name"},
      {.name = "who", .output = "<%user.uid>", .formatted = true}};
  const auto generation = Generation::make(policy, encode(policy));
  ASSERT_TRUE(generation);
  test::FakeEvent event;
  event.with(FieldId::kProcName, {"nc"})
      .with(FieldId::kUserUid, {std::int64_t{7}});

  const Alert alert =
      rule_alert(Settings{}, Container{}, **generation, 0, event, 5);
  EXPECT_EQ(alert.message, "nc");
  const std::multimap<std::string, OutputValue> fields(
      alert.output_fields.begin(), alert.output_fields.end());
  const std::multimap<std::string, OutputValue> wanted = {
      {"proc.name", "nc"},
      {"user.uid", std::int64_t{7}},
      {"who", "<7>"},
      {"evt.time", std::int64_t{5}}};
  EXPECT_EQ(fields, wanted);
}

}  // namespace
}  // namespace bailiff::sidecar
