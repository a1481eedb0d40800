// SPDX-License-Identifier: Apache-2.0
//
// The same for what comes in: conditions on client, server and either end,
// rewritten to local and remote end as the hooks have them.
#include "rules/lower/inbound.h"

#include <gtest/gtest.h>

#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "rules/abi/limits.h"
#include "rules/emit/program.h"
#include "rules/eval/evaluate.h"
#include "rules/lower/connect.h"
#include "rules/lower/fold.h"
#include "tests/differential/generator.h"
#include "tests/differential/options.h"
#include "tests/differential/test_program.h"

namespace bailiff::test {
namespace {

constexpr int kEventsPerProgram = 150;
constexpr int kProgramsPerWorld = 60;
constexpr int kDepth = 4;
constexpr emit::Flavour kFlavours[] = {emit::Flavour::kIngress,
                                       emit::Flavour::kPostBind4,
                                       emit::Flavour::kPostBind6};

// An event with two ends, of which the container's is the client's or the
// server's.
class TwoEnded final : public FieldSource {
 public:
  TwoEnded(const Event& event, Role role) : event_(event), role_(role) {}

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    const bailiff_test_event& record = event_.record;
    const Value remote = end(record.family, record.addr_be);
    const Value local = end(record.local_family, record.local_be);
    const Value port{std::int64_t{record.port}};
    const Value local_port{std::int64_t{record.local_port}};
    const bool server = role_ == Role::kServer;
    switch (field) {
      case FieldId::kFdRip:
      case FieldId::kFdRnet:
        return {remote};
      case FieldId::kFdLip:
      case FieldId::kFdLnet:
        return {local};
      case FieldId::kFdCip:
      case FieldId::kFdCnet:
        return {server ? remote : local};
      case FieldId::kFdSip:
      case FieldId::kFdSnet:
        return {server ? local : remote};
      case FieldId::kFdIp:
      case FieldId::kFdNet:
        return {remote, local};
      case FieldId::kFdRport:
        return {port};
      case FieldId::kFdLport:
        return {local_port};
      case FieldId::kFdCport:
        return {server ? port : local_port};
      case FieldId::kFdSport:
        return {server ? local_port : port};
      case FieldId::kFdPort:
        return {port, local_port};
      default:
        return event_.extract(field, argument);
    }
  }

 private:
  static Value end(std::uint8_t family, const std::uint8_t (&bytes)[16]) {
    IpAddress address{.family = family};
    std::memcpy(address.bytes.data(), bytes, sizeof(bytes));
    return {address};
  }

  const Event& event_;
  Role role_;
};

class DifferentialInbound : public testing::Test {
 protected:
  Generator generator_{options.seed};
};

TEST_F(DifferentialInbound, ConditionsOnEndsMeanTheSameInTheKernel) {
  std::uint64_t cases = 0;
  std::uint64_t hits = 0;
  std::vector<List> lists;
  std::optional<KernelMaps> maps;
  for (int programs = 0; cases < options.cases / 4; ++programs) {
    if (programs % kProgramsPerWorld == 0) {
      lists = generator_.lists();
      maps.emplace(lists);
    }
    const Role role = generator_.chance(50) ? Role::kServer : Role::kClient;
    std::vector<Expr> conditions;
    std::vector<ListIndex> indices;
    std::vector<KernelRule> rules;
    const std::int64_t count = generator_.between(1, 24);
    for (std::int64_t i = 0; i < count; ++i) {
      conditions.push_back(generator_.condition(kFromKernelArrival, kDepth));
      indices.emplace_back(conditions.back(), lists);
      rules.push_back({.rule = static_cast<std::uint32_t>(i),
                       .condition = by_ends(conditions.back(), role, true)});
    }
    const auto program = emit::emit_program(rules, lists, emit::Flavour::kTest);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, *maps);
    ASSERT_TRUE(loaded) << loaded.error().message;
    for (int i = 0; i < kEventsPerProgram; ++i) {
      Event event = generator_.event();
      ASSERT_TRUE(loaded->run(event.record));
      const TwoEnded ends(event, role);
      for (std::size_t rule = 0; rule < rules.size(); ++rule, ++cases) {
        const bool expected = evaluate(conditions[rule], ends, indices[rule]);
        hits += expected ? 1 : 0;
        ASSERT_EQ((event.record.hits[0] >> rule & 1) != 0, expected)
            << to_string(conditions[rule],
                         {"list_0", "list_1", "list_2", "list_3", "list_4",
                          "list_5", "list_6", "list_7"});
      }
    }
  }
  std::cout << cases << " cases, " << hits << " hits\n";
  EXPECT_GT(hits, cases / 10);
  EXPECT_LT(hits, cases - cases / 10);
  for (const Field& one : all_fields()) {
    if ((one.from & kFromKernelArrival) == 0) continue;
    for (const Op op : all_operators()) {
      Check check;
      check.field = one.id;
      check.op = op;
      EXPECT_EQ(generator_.cells().contains({one.id, op}),
                has_operator(one.type, op) && has_code(check))
          << one.name << " " << to_string(op);
    }
  }
}

// What the hook of the flavour would be given of such a condition.
Expr judged_in(emit::Flavour flavour, const Expr& condition,
               const std::vector<List>& lists) {
  if (flavour == emit::Flavour::kIngress) {
    return by_ends(condition, Role::kServer, true);
  }
  return simplify(by_ends(condition, Role::kServer, false),
                  known_of_bind(lists));
}

TEST_F(DifferentialInbound, TheVerifierTakesTheFlavours) {
  const std::vector<List> lists = generator_.lists();
  KernelMaps maps(lists);
  for (int i = 0; i < 60; ++i) {
    std::vector<Expr> conditions;
    const std::int64_t count = generator_.chance(5)
                                   ? generator_.between(65, 300)
                                   : generator_.between(1, 24);
    for (std::int64_t rule = 0; rule < count; ++rule) {
      conditions.push_back(generator_.condition(kFromKernelArrival, kDepth));
    }
    for (const emit::Flavour flavour : kFlavours) {
      std::vector<KernelRule> rules;
      for (const Expr& condition : conditions) {
        rules.push_back({.rule = static_cast<std::uint32_t>(rules.size()),
                         .condition = judged_in(flavour, condition, lists),
                         .deny = generator_.chance(50)});
      }
      const auto program = emit::emit_program(rules, lists, flavour);
      ASSERT_TRUE(program) << program.error().message;
      const auto loaded = TestProgram::load(*program, maps);
      ASSERT_TRUE(loaded) << loaded.error().message;
    }
  }
}

TEST_F(DifferentialInbound, TheMostRulesThereMayBeMayAllAskForLists) {
  std::vector<List> lists(8);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    lists[i].name = "list_" + std::to_string(i);
    lists[i].items = {"10.0." + std::to_string(i) + ".0/24"};
  }
  KernelMaps maps(lists);
  for (const emit::Flavour flavour : kFlavours) {
    std::vector<KernelRule> rules;
    for (std::uint32_t i = 0; i < BAILIFF_MAX_PROGRAM_RULES; ++i) {
      Check listed;
      listed.field = i % 2 == 0 && flavour == emit::Flavour::kIngress
                         ? FieldId::kFdRnet
                         : FieldId::kFdLnet;
      listed.op = Op::kIn;
      listed.lists = {i % 8};
      Check port;
      port.field = FieldId::kFdLport;
      port.op = Op::kEq;
      port.values = {std::int64_t{i}};
      rules.push_back({.rule = i,
                       .condition = {And{{{port}, {listed}}}},
                       .deny = i % 3 == 0});
    }
    const auto program = emit::emit_program(rules, lists, flavour);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, maps);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
}

}  // namespace
}  // namespace bailiff::test
