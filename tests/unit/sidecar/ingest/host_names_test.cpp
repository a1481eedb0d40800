// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/host_names.h"

#include <gtest/gtest.h>

#include "rules/emit/dns_name.h"
#include "tests/harness/expr.h"

namespace bailiff::sidecar {
namespace {

CompiledPolicy policy() {
  CompiledPolicy policy;
  policy.lists = {
      {.name = "more", .items = {"more.example"}, .includes = {}},
      {.name = "names", .items = {"Evil.example"}, .includes = {0}},
      {.name = "others", .items = {"other.example"}, .includes = {}}};
  Rule rule;
  rule.condition = test::any_of(
      {test::check(FieldId::kFdSipName, Op::kIn, {}, {1}),
       test::check(FieldId::kFdRipName, Op::kEq, {std::string("one.example")}),
       test::check(FieldId::kProcName, Op::kIn, {}, {2})});
  policy.rules.push_back(std::move(rule));
  return policy;
}

std::string found(const std::string& name) {
  return HostNames(policy()).find(emit::name_hash(name)[0]);
}

TEST(HostNames, AreThoseTheRulesAskForAsTheyAreWritten) {
  EXPECT_EQ(found("evil.example"), "Evil.example");
  EXPECT_EQ(found("more.example"), "more.example");
  EXPECT_EQ(found("one.example"), "one.example");
}

TEST(HostNames, AreNoOthers) {
  EXPECT_EQ(found("other.example"), "");
  EXPECT_EQ(found("good.example"), "");
  EXPECT_EQ(HostNames().find(1), "");
}

}  // namespace
}  // namespace bailiff::sidecar
