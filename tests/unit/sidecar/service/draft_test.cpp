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

TEST(ListDraft, TellsWhoChangedWhatUntilWhen) {
  const ListNews news = {.id = "id-1",
                         .list = "c2",
                         .added = std::vector<std::string>(10, "203.0.113.9"),
                         .removed = {"x"},
                         .ended = "",
                         .actor = "eve",
                         .reason = "drill",
                         .time_ns = 1,
                         .until_ns = 1'000'000'000};
  const Alert changed = list_draft({.node = "n"}, news).alert;
  EXPECT_EQ(changed.uuid, "id-1");
  EXPECT_EQ(changed.rule, "Operator response");
  EXPECT_EQ(changed.response, "change_list");
  EXPECT_EQ(changed.outcome, "changed");
  EXPECT_EQ(changed.response_id, "id-1");
  const std::string json = to_json(changed);
  for (const char* part :
       {"list=c2", "203.0.113.9,and 2 more", "\"bailiff.actor\":\"eve\"",
        "\"bailiff.removed\":[\"x\"]",
        "until=1970-01-01T00:00:01.000000000Z"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << json;
  }
  ListNews over = news;
  over.ended = "id-0";
  const Alert ended = list_draft({.node = "n"}, over).alert;
  EXPECT_EQ(ended.rule, "List change ended");
  EXPECT_EQ(ended.outcome, "ended");
  EXPECT_EQ(ended.caused_by, "id-0");
}

}  // namespace
}  // namespace bailiff::sidecar
