// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/observed_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/expr.h"
#include "tests/harness/observed_records.h"

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;

// Rule 0 is on connects and sendto, of which the hooks judge the first; rule 1
// on connects, which only the observer can tell in full.
CompiledPolicy policy() {
  CompiledPolicy policy;
  Rule both;
  both.name = "both";
  both.condition =
      test::check(FieldId::kEvtType, Op::kIn, {"connect", "sendto"});
  Rule fails;
  fails.name = "fails";
  fails.condition = test::all_of(
      {test::event_is("connect"),
       test::check(FieldId::kEvtRawres, Op::kLt, {std::int64_t{0}})});
  policy.rules = {both, fails};
  policy.policies = {{.name = "all", .rules = {0, 1}}};
  return policy;
}

std::vector<std::uint32_t> rules_for(bailiff_call call, std::int64_t result) {
  const CompiledPolicy rules = policy();
  const GenerationPtr generation = *Generation::make(rules, encode(rules));
  const ContainerPtr container = make_container({}, generation);
  auto record = test::call_record(4'100'001, call);
  record.fixed().result = result;
  Observed observed;
  observed.event = *parse_observed(record.build());
  ProcessTable table;
  observed.lineage = table.take(observed.event);
  MatchMemory memory;
  std::vector<std::uint32_t> fired;
  for (const ObservedHit& hit : judge(observed, *container, {}, memory)) {
    fired.push_back(hit.rule);
  }
  return fired;
}

TEST(ObservedWork, WhatAHookHasJudgedIsNotJudgedAgain) {
  EXPECT_THAT(rules_for(BAILIFF_CALL_CONNECT, -1), ElementsAre(1));
  EXPECT_THAT(rules_for(BAILIFF_CALL_CONNECT, 0), ElementsAre());
  EXPECT_THAT(rules_for(BAILIFF_CALL_SENDTO, 0), ElementsAre(0));
}

}  // namespace
}  // namespace bailiff::sidecar
