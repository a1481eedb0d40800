// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/list_uses.h"

#include <gtest/gtest.h>

#include "tests/harness/expr.h"

namespace bailiff {
namespace {

enum : std::uint32_t {
  kAddresses,
  kInner,  // included by the one before
  kNetworks,
  kNames,
  kPrograms,
  kBoth,  // of addresses, and of programs
  kUnused,
  kNoPorts,
};

CompiledPolicy policy() {
  CompiledPolicy policy;
  policy.lists.resize(kNoPorts + 1);
  policy.lists[kAddresses].includes = {kInner};
  const auto add = [&](FieldId field, std::uint32_t list, Op op = Op::kIn) {
    Rule rule;
    rule.condition = test::all_of(
        {test::event_is("connect"),
         test::negated(test::any_of({test::check(field, op, {}, {list})}))});
    policy.rules.push_back(rule);
  };
  add(FieldId::kFdSip, kAddresses);
  add(FieldId::kFdSnet, kNetworks);
  add(FieldId::kFdSipName, kNames);
  add(FieldId::kProcName, kPrograms);
  add(FieldId::kProcName, kBoth);
  add(FieldId::kFdSip, kBoth);
  Rule rule;
  rule.condition = test::check(FieldId::kFdSip, Op::kEq, {}, {kNoPorts});
  std::get<Check>(rule.condition.node).quantifier = Quantifier::kAllof;
  policy.rules.push_back(rule);
  return policy;
}

TEST(ListUses, TellsWhatAListIsComparedWith) {
  const ListUses uses(policy());
  EXPECT_EQ(uses.kind(kAddresses), "addresses");
  EXPECT_EQ(uses.kind(kInner), "addresses");
  EXPECT_EQ(uses.kind(kNetworks), "networks");
  EXPECT_EQ(uses.kind(kNames), "names");
  EXPECT_EQ(uses.kind(kPrograms), "conditions");
  EXPECT_EQ(uses.kind(kBoth), "conditions");
  EXPECT_EQ(uses.kind(kUnused), "unused");
  EXPECT_TRUE(uses.is_table(kInner));
  EXPECT_FALSE(uses.is_table(kBoth));
  EXPECT_FALSE(uses.is_table(kUnused));
}

TEST(ListUses, TellsWhatIsNoItem) {
  const ListUses uses(policy());
  for (const char* item :
       {"203.0.113.9", "2001:db8::9", "203.0.113.9|443", "[2001:db8::9]:443"}) {
    EXPECT_EQ(uses.problem(kInner, item), "") << item;
  }
  EXPECT_EQ(uses.problem(kAddresses, "203.0.113.266"), "is not an IP address");
  EXPECT_EQ(uses.problem(kAddresses, "evil.example"), "is not an IP address");
  EXPECT_EQ(uses.problem(kAddresses, "203.0.113.7|70000"),
            "is not an IP address");
  EXPECT_EQ(uses.problem(kAddresses, "203.0.113.0/24"),
            "is a network, and this list is of addresses");
  EXPECT_EQ(uses.problem(kAddresses, "::ffff:203.0.113.9"),
            "is to be written as the IPv4 address '203.0.113.9'");
  EXPECT_EQ(uses.problem(kNoPorts, "203.0.113.9|443"),
            "has a port, and a condition compares this list with addresses "
            "alone");

  EXPECT_EQ(uses.problem(kNetworks, "203.0.113.0/24"), "");
  EXPECT_EQ(uses.problem(kNetworks, "203.0.113.9/24"),
            "has bits behind its length: write '203.0.113.0/24'");
  EXPECT_EQ(uses.problem(kNetworks, "203.0.113.9"),
            "is an address, and this list is of networks: write "
            "'203.0.113.9/32'");
  EXPECT_EQ(uses.problem(kNetworks, "x"), "is not an IP network");

  EXPECT_EQ(uses.problem(kNames, "evil.example"), "");
  EXPECT_EQ(uses.problem(kNames, ".evil.example"), "");
  EXPECT_EQ(uses.problem(kNames, "*.evil.example"),
            "is neither a host name nor, behind a full stop, a domain");
}

TEST(ListUses, KnowsAnItemHoweverItIsWritten) {
  const ListUses uses(policy());
  EXPECT_EQ(uses.key(kAddresses, "2001:DB8:0::9"),
            uses.key(kAddresses, "2001:db8::9"));
  EXPECT_EQ(uses.key(kAddresses, "203.0.113.9:443"),
            uses.key(kAddresses, "203.0.113.9|443"));
  EXPECT_NE(uses.key(kAddresses, "203.0.113.9"),
            uses.key(kAddresses, "203.0.113.9|443"));
  EXPECT_EQ(uses.key(kNetworks, "203.0.113.9/24"),
            uses.key(kNetworks, "203.0.113.0/24"));
  EXPECT_EQ(uses.key(kNames, "Evil.Example."),
            uses.key(kNames, "evil.example"));
  EXPECT_NE(uses.key(kNames, ".evil.example"),
            uses.key(kNames, "evil.example"));
}

}  // namespace
}  // namespace bailiff
