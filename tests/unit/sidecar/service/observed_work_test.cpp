// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/observed_work.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

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

TEST(ObservedWork, WhatAHookHasRefusedItHasTold) {
  CompiledPolicy rules;
  rules.rules.resize(1);
  rules.rules[0].condition = test::all_of(
      {test::event_is("connect"),
       test::check(FieldId::kFdLport, Op::kLt, {std::int64_t{1024}})});
  rules.policies = {{.name = "all", .rules = {0}}};
  rules.policies[0].mode = Mode::kEnforce;
  rules.policies[0].block = true;
  const ContainerPtr container =
      make_container({}, *Generation::make(rules, encode(rules)));
  const auto fired = [&](int error) {
    auto record = test::call_record(4'100'001, BAILIFF_CALL_CONNECT);
    record.fixed().result = -error;
    Observed observed;
    observed.event = *parse_observed(record.build());
    observed.descriptor = Descriptor{};
    observed.descriptor->type = "ipv4";
    observed.descriptor->typechar = "4";
    observed.descriptor->local =
        SocketEnd{.address = *parse_address("0.0.0.0"), .port = 1000};
    ProcessTable table;
    observed.lineage = table.take(observed.event);
    MatchMemory memory;
    return judge(observed, *container, {}, memory).size();
  };
  EXPECT_EQ(fired(EPERM), 0U);
  EXPECT_EQ(fired(0), 1U);
  EXPECT_EQ(fired(ECONNREFUSED), 1U);
}

// Rule 0 is on every program, rule 1 on one of another name: the kernel decides
// both.  Rule 2 is on a folder, which it does not know.
std::vector<ObservedHit> hits_of_exec(
    std::optional<std::vector<ObservedEvent::Decided>> decided, bool killed) {
  CompiledPolicy rules;
  const Expr executed = test::event_is("execve");
  rules.rules.resize(3);
  rules.rules[0].condition = executed;
  rules.rules[1].condition = test::all_of(
      {executed, test::check(FieldId::kProcName, Op::kEq, {"another"})});
  rules.rules[2].condition = test::all_of(
      {executed, test::check(FieldId::kProcCwd, Op::kNe, {"/nowhere"})});
  rules.policies = {{.name = "all", .rules = {0, 1, 2}}};
  const GenerationPtr generation = *Generation::make(rules, encode(rules));
  const ContainerPtr container = make_container({}, generation);
  Observed observed;
  observed.event.kind = ObservedEvent::Kind::kExec;
  observed.event.comm = "this";
  observed.event.directory = "/";
  observed.event.decided = std::move(decided);
  observed.event.killed = killed;
  ProcessTable table;
  observed.lineage = table.take(observed.event);
  MatchMemory memory;
  return judge(observed, *container, {}, memory);
}

std::vector<std::string> told(const std::vector<ObservedHit>& hits) {
  std::vector<std::string> lines;
  for (const ObservedHit& hit : hits) {
    lines.push_back(
        std::to_string(hit.rule) + " " +
        std::string(to_string(hit.enforcement)) + " " +
        std::string(to_string(hit.decision.policies.front().verdict)));
  }
  return lines;
}

TEST(ObservedWork, TheKernelsWordOnAProgramCounts) {
  EXPECT_THAT(told(hits_of_exec({{{.rule = 1}}}, true)),
              ElementsAre("1 kernel denied", "2 observe denied"));
  EXPECT_THAT(told(hits_of_exec({{{.rule = 0}}}, false)),
              ElementsAre("0 kernel allowed", "2 observe observed"));
}

TEST(ObservedWork, WhatTheKernelLeftOpenIsJudged) {
  EXPECT_THAT(
      told(hits_of_exec(
          {{{.rule = 0, .open = true}, {.rule = 1, .open = true}}}, false)),
      ElementsAre("0 observe observed", "2 observe observed"));
  EXPECT_THAT(told(hits_of_exec(std::nullopt, false)),
              ElementsAre("0 observe observed", "2 observe observed"));
}

TEST(ObservedWork, ARuleTheKernelDoesNotDecideIsNotTakenFromARecord) {
  EXPECT_THAT(told(hits_of_exec({{{.rule = 2}, {.rule = 77}}}, false)),
              ElementsAre("2 observe observed"));
}

// What a rule that refuses raw sockets says of the call.
std::vector<std::string> told_of_socket(std::uint64_t domain,
                                        std::uint64_t type,
                                        std::int64_t result) {
  CompiledPolicy rules;
  rules.rules.resize(1);
  rules.rules[0].condition = test::all_of(
      {test::event_is("socket"), test::parameter("type", Op::kEq, {"3"})});
  rules.policies = {{.name = "all", .rules = {0}, .block = true}};
  const GenerationPtr generation = *Generation::make(rules, encode(rules));
  const ContainerPtr container = make_container({}, generation);
  auto record = test::call_record(4'100'001, BAILIFF_CALL_SOCKET);
  record.fixed().result = result;
  record.fixed().arguments[0] = domain;
  record.fixed().arguments[1] = type;
  Observed observed;
  observed.event = *parse_observed(record.build());
  ProcessTable table;
  observed.lineage = table.take(observed.event);
  MatchMemory memory;
  return told(judge(observed, *container, {}, memory));
}

TEST(ObservedWork, ASocketIsOfItsTypeWhateverFlagsItWasMadeWith) {
  const std::vector<std::string> denied = {"0 notify denied"};
  EXPECT_EQ(told_of_socket(AF_INET, SOCK_RAW, -EPERM), denied);
  EXPECT_EQ(told_of_socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, -EPERM), denied);
  EXPECT_EQ(told_of_socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, -EPERM), denied);
  // The kernel has refused it for another reason, or no program looks at it.
  EXPECT_THAT(told_of_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, -EPERM),
              ElementsAre());
  EXPECT_THAT(told_of_socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, -EPERM),
              ElementsAre());
}

}  // namespace
}  // namespace bailiff::sidecar
