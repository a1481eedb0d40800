// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/evaluate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::all_of;
using test::any_of;
using test::check;
using test::constant;
using test::FakeEvent;
using test::negated;
using test::network;

bool holds(const Expr& expr, const FieldSource& event,
           const std::vector<List>& lists = {}) {
  return evaluate(expr, event, ListIndex(expr, lists));
}

List list(std::string name, std::vector<std::string> items,
          std::vector<std::uint32_t> includes = {}) {
  return {.name = std::move(name),
          .items = std::move(items),
          .includes = std::move(includes)};
}

TEST(Evaluate, CombinesChecks) {
  const FakeEvent event;
  EXPECT_TRUE(holds(all_of({constant(true), constant(true)}), event));
  EXPECT_FALSE(holds(all_of({constant(true), constant(false)}), event));
  EXPECT_TRUE(holds(any_of({constant(false), constant(true)}), event));
  EXPECT_FALSE(holds(any_of({constant(false)}), event));
  EXPECT_TRUE(holds(negated(constant(false)), event));
}

TEST(Evaluate, AFieldThatExtractsNothingFulfilsNoCheck) {
  FakeEvent event;
  const Expr differs = check(FieldId::kProcPname, Op::kNe, {"x"});
  EXPECT_FALSE(holds(differs, event));
  EXPECT_TRUE(holds(negated(differs), event));
  EXPECT_FALSE(holds(check(FieldId::kProcPname, Op::kExists), event));
  EXPECT_FALSE(holds(check(FieldId::kProcPname, Op::kIn, {"x"}), event));

  event.with(FieldId::kProcPname, {Null{}});
  EXPECT_FALSE(holds(differs, event));
  EXPECT_FALSE(holds(check(FieldId::kProcPname, Op::kExists), event));
}

TEST(Evaluate, OneAncestorIsEnough) {
  FakeEvent event;
  event.with(FieldId::kProcAname, {"sh", "java"});
  EXPECT_TRUE(holds(check(FieldId::kProcAname, Op::kIn, {"sh"}), event));
  EXPECT_TRUE(holds(check(FieldId::kProcAname, Op::kEq, {"java"}), event));
  EXPECT_TRUE(holds(check(FieldId::kProcAname, Op::kNe, {"java"}), event));
  EXPECT_FALSE(holds(check(FieldId::kProcAname, Op::kEq, {"nc"}), event));
}

TEST(Evaluate, QuantifiersAndPathsReadListsToo) {
  const std::vector<List> lists = {list("paths", {"/etc", "/var/run"})};
  FakeEvent event;
  event.with(FieldId::kFdName, {"/etc/shadow"});
  EXPECT_TRUE(
      holds(check(FieldId::kFdName, Op::kPmatch, {}, {0}), event, lists));
  Expr quantified = check(FieldId::kFdName, Op::kStartswith, {}, {0});
  std::get<Check>(quantified.node).quantifier = Quantifier::kOneof;
  EXPECT_TRUE(holds(quantified, event, lists));
  std::get<Check>(quantified.node).quantifier = Quantifier::kAllof;
  EXPECT_FALSE(holds(quantified, event, lists));
}

TEST(Evaluate, ComparesTermsWithLists) {
  const std::vector<List> lists = {list("names", {"java", "sh"})};
  TermCheck check;
  check.left = {CallTerm{
      .transform = Transform::kTolower,
      .arguments = {Term{FieldReference{.field = FieldId::kProcName}}}}};
  check.op = Op::kIn;
  check.lists = {0};
  FakeEvent event;
  event.with(FieldId::kProcName, {"JAVA"});
  EXPECT_TRUE(holds({check}, event, lists));
  event.with(FieldId::kProcName, {"NC"});
  EXPECT_FALSE(holds({check}, event, lists));
}

TEST(Evaluate, FindsAddressesInLists) {
  const std::vector<List> lists = {
      list("c2", {"203.0.113.66", "2001:db8::66"}),
      list("all", {"198.51.100.1"}, {0}),
  };
  const Expr rule = check(FieldId::kFdSip, Op::kIn, {}, {1});
  FakeEvent event;
  for (const char* listed : {"203.0.113.66", "2001:db8::66", "198.51.100.1"}) {
    event.with(FieldId::kFdSip, {address(listed)});
    EXPECT_TRUE(holds(rule, event, lists)) << listed;
  }
  event.with(FieldId::kFdSip, {address("203.0.113.67")});
  EXPECT_FALSE(holds(rule, event, lists));
}

TEST(Evaluate, FindsTheNetworkOfAnAddressInLists) {
  const std::vector<List> lists = {
      list("nets", {"10.0.0.0/8", "203.0.113.66/32", "2001:db8::/32"})};
  const Expr rule =
      check(FieldId::kFdSnet, Op::kIn, {network("192.0.2.0/24")}, {0});
  FakeEvent event;
  for (const char* inside :
       {"10.255.0.1", "203.0.113.66", "2001:db8:ffff::1", "192.0.2.200"}) {
    event.with(FieldId::kFdSnet, {address(inside)});
    EXPECT_TRUE(holds(rule, event, lists)) << inside;
  }
  for (const char* outside : {"11.0.0.1", "203.0.113.67", "2001:db9::1"}) {
    event.with(FieldId::kFdSnet, {address(outside)});
    EXPECT_FALSE(holds(rule, event, lists)) << outside;
  }
}

TEST(Evaluate, ListsOfNetworksKnowTheWholeOfTheirFamilyOnly) {
  const std::vector<List> lists = {list("v4", {"0.0.0.0/0"})};
  const Expr rule = check(FieldId::kFdSnet, Op::kIn, {}, {0});
  FakeEvent event;
  EXPECT_TRUE(
      holds(rule, event.with(FieldId::kFdSnet, {address("8.8.8.8")}), lists));
  EXPECT_FALSE(
      holds(rule, event.with(FieldId::kFdSnet, {address("::1")}), lists));
}

TEST(Evaluate, ListsAreReadAsTheTypeOfTheField) {
  const std::vector<List> lists = {list("ports", {"443", "http"})};
  FakeEvent event;
  event.with(FieldId::kFdSport, {std::int64_t{80}});
  event.with(FieldId::kProcName, {"443"});
  EXPECT_TRUE(holds(check(FieldId::kFdSport, Op::kIn, {}, {0}), event, lists));
  EXPECT_TRUE(holds(check(FieldId::kProcName, Op::kIn, {}, {0}), event, lists));
}

TEST(Evaluate, AnIndexServesEveryRuleAndScopeOfItsPolicy) {
  CompiledPolicy policy;
  policy.lists = {list("names", {"nc"}), list("images", {"shop"})};
  policy.rules.resize(1);
  policy.rules[0].condition = check(FieldId::kProcName, Op::kIn, {}, {0});
  policy.policies.resize(1);
  policy.policies[0].scope =
      check(FieldId::kContainerImageRepository, Op::kIn, {}, {1});
  const ListIndex index(policy);
  EXPECT_TRUE(index.contains(0, FalcoType::kCharbuf, "nc"));
  EXPECT_TRUE(index.contains(1, FalcoType::kCharbuf, "shop"));
  EXPECT_FALSE(index.contains(1, FalcoType::kCharbuf, "nc"));
  EXPECT_FALSE(index.contains(0, FalcoType::kCharbuf, Null{}));
}

TEST(Evaluate, AnAddressWithAPortIsOneEnd) {
  FakeEvent event;
  event.with(FieldId::kFdSip, {address("10.0.0.2")});
  event.with(FieldId::kFdSport, {std::int64_t{443}});
  event.with(FieldId::kFdIp, {address("10.0.0.1"), address("10.0.0.2")});
  event.with(FieldId::kFdPort, {std::int64_t{80}, std::int64_t{443}});
  const auto in = [&](FieldId field, std::vector<std::string> items) {
    Check check;
    check.field = field;
    check.op = Op::kIn;
    check.lists = {0};
    return holds({check}, event, {list("l", std::move(items))});
  };
  using enum FieldId;
  EXPECT_TRUE(in(kFdSip, {"10.0.0.2|443"}));
  EXPECT_TRUE(in(kFdSip, {"10.0.0.2", "10.0.0.2|80"}));
  EXPECT_FALSE(in(kFdSip, {"10.0.0.2|80", "10.0.0.1|443"}));
  EXPECT_TRUE(in(kFdIp, {"10.0.0.1|80"}));
  EXPECT_TRUE(in(kFdIp, {"10.0.0.2|443"}));
  EXPECT_FALSE(in(kFdIp, {"10.0.0.1|443", "10.0.0.2|80"}));
  // Nobody knows the port.
  EXPECT_FALSE(in(kFdCip, {"10.0.0.1|80"}));
}

}  // namespace
}  // namespace bailiff
