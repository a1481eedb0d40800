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

TEST(Evaluate, InNeedsAllValuesAndOtherOperatorsOne) {
  FakeEvent event;
  event.with(FieldId::kProcArgs, {"-l", "-p"});
  EXPECT_FALSE(holds(check(FieldId::kProcArgs, Op::kIn, {"-l"}), event));
  EXPECT_TRUE(holds(check(FieldId::kProcArgs, Op::kIn, {"-l", "-p"}), event));
  EXPECT_TRUE(holds(check(FieldId::kProcArgs, Op::kEq, {"-p"}), event));
  EXPECT_TRUE(holds(check(FieldId::kProcArgs, Op::kNe, {"-p"}), event));
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
  const std::vector<List> lists = {list("ports", {"443", "+80"})};
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
  EXPECT_TRUE(index.contains(0, FieldType::kString, "nc"));
  EXPECT_TRUE(index.contains(1, FieldType::kString, "shop"));
  EXPECT_FALSE(index.contains(1, FieldType::kString, "nc"));
  EXPECT_FALSE(index.contains(0, FieldType::kString, Null{}));
}

}  // namespace
}  // namespace bailiff
