// SPDX-License-Identifier: Apache-2.0
//
// A rule means what rules/eval says.  What the emitter makes of it must agree,
// in this kernel, on every one of a million random cases; a case is one rule
// judged on one event.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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
#include "rules/lower/lower.h"
#include "rules/lower/task.h"
#include "tests/differential/generator.h"
#include "tests/differential/options.h"
#include "tests/differential/test_program.h"

namespace bailiff::test {
namespace {

constexpr int kEventsPerProgram = 150;
// Programs over the same lists: putting a list into its array takes the kernel
// some 10 ms.
constexpr int kProgramsPerWorld = 60;
constexpr int kDepth = 4;

bool bit(const bailiff_test_event& record, std::size_t rule) {
  return (record.hits[rule / 64] >> rule % 64 & 1) != 0;
}

std::vector<std::string> names_of(const std::vector<List>& lists) {
  std::vector<std::string> names;
  for (const List& list : lists) names.push_back(list.name);
  return names;
}

std::string describe(const Event& event) {
  std::string text;
  for (const Field& one : all_fields()) {
    const std::vector<Value> values = event.extract(one.id, "");
    text += std::string(one.name) + "=" +
            (values.empty() ? "<NA>" : to_string(values.front())) + " ";
  }
  return text;
}

// Now and then many, so that the hits take several words.
std::int64_t random_rule_count(Generator& generator) {
  if (generator.chance(2)) return generator.between(65, 300);
  return generator.between(1, 24);
}

class Differential : public testing::Test {
 protected:
  // Tells different runs of one seed apart from one another.
  Generator generator_{options.seed};
};

TEST_F(Differential, ConditionsMeanTheSameInTheKernel) {
  std::uint64_t cases = 0;
  std::uint64_t hits = 0;
  std::uint64_t programs = 0;
  std::vector<List> lists;
  std::optional<KernelMaps> maps;
  for (; cases < options.cases; ++programs) {
    if (programs % kProgramsPerWorld == 0) {
      lists = generator_.lists();
      maps.emplace(lists);
    }
    std::vector<KernelRule> rules;
    std::vector<ListIndex> indices;
    const std::int64_t count = random_rule_count(generator_);
    for (std::int64_t i = 0; i < count; ++i) {
      rules.push_back(
          {.rule = static_cast<std::uint32_t>(i),
           .condition = generator_.condition(kFromKernelConnect, kDepth),
           .deny = generator_.chance(10)});
      indices.emplace_back(rules.back().condition, lists);
    }
    const auto program = emit::emit_program(rules, lists, emit::Flavour::kTest);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, *maps);
    ASSERT_TRUE(loaded) << loaded.error().message << "\n"
                        << emit::disassemble(*program);

    for (int i = 0; i < kEventsPerProgram; ++i) {
      Event event = generator_.event();
      const auto ran = loaded->run(event.record);
      ASSERT_TRUE(ran) << ran.error().message;
      bool denied = false;
      for (std::size_t rule = 0; rule < rules.size(); ++rule, ++cases) {
        const bool expected =
            evaluate(rules[rule].condition, event, indices[rule]);
        hits += expected ? 1 : 0;
        denied |= expected && rules[rule].deny;
        ASSERT_EQ(bit(event.record, rule), expected)
            << "rule " << rule << " of " << rules.size() << ": "
            << to_string(rules[rule].condition, names_of(lists)) << "\n"
            << describe(event) << "\n"
            << emit::disassemble(*program);
      }
      ASSERT_EQ(event.record.denied, denied ? 1U : 0U) << describe(event);
    }
  }
  std::cout << cases << " cases, " << hits << " hits, " << programs
            << " programs\n";
  // Random rules that hardly ever hold, or hold always, would prove nothing.
  EXPECT_GT(hits, cases / 10);
  EXPECT_LT(hits, cases - cases / 10);

  for (const Field& one : all_fields()) {
    if ((one.from & kFromKernelConnect) == 0) continue;
    for (const Op op : all_operators()) {
      Check check;
      check.field = one.id;
      check.op = op;
      EXPECT_EQ(generator_.cells().contains({one.id, op}),
                has_operator(one.type, op) && decidable_at_connect(check))
          << one.name << " " << to_string(op);
    }
  }
}

// The whole way: container facts folded in, the sidecar's part left out.
// Whether some name of a host stands below an odd number of negations: for want
// of a name nothing is refused.
bool wants_no_name(const Expr& expr, bool negated) {
  const auto any = [negated](const std::vector<Expr>& operands) {
    return std::any_of(
        operands.begin(), operands.end(),
        [negated](const Expr& one) { return wants_no_name(one, negated); });
  };
  if (const auto* check = std::get_if<Check>(&expr.node)) {
    return negated && of_host_name(check->field);
  }
  if (const auto* node = std::get_if<Not>(&expr.node)) {
    return wants_no_name(*node->operand, !negated);
  }
  if (const auto* node = std::get_if<And>(&expr.node)) {
    return any(node->operands);
  }
  if (const auto* node = std::get_if<Or>(&expr.node)) {
    return any(node->operands);
  }
  return false;
}

TEST_F(Differential, PlansAgreeWithTheRulesTheyAreMadeOf) {
  std::uint64_t cases = 0;
  std::uint64_t candidates = 0;
  std::vector<List> lists;
  std::optional<KernelMaps> maps;
  for (int world = 0; cases < options.cases / 4; ++world) {
    if (world % kProgramsPerWorld == 0) {
      lists = generator_.lists();
      maps.emplace(lists);
    }
    CompiledPolicy policy;
    policy.lists = lists;
    constexpr std::uint8_t kAll =
        kFromKernelConnect | kFromSidecarConnect | kFromContainer;
    policy.policies.resize(1);
    policy.policies[0].mode =
        generator_.chance(80) ? Mode::kEnforce : Mode::kMonitor;
    policy.policies[0].block = generator_.chance(80);
    const bool refuses =
        policy.policies[0].mode == Mode::kEnforce && policy.policies[0].block;
    for (std::uint32_t i = 0; i < 16; ++i) {
      Rule rule;
      rule.name = "rule " + std::to_string(i);
      rule.condition = generator_.condition(kAll, kDepth);
      policy.rules.push_back(std::move(rule));
      policy.policies[0].rules.push_back(i);
    }
    const Facts facts = generator_.facts();
    const ListIndex index(policy);
    const Plan plan = lower(policy, facts);
    if (plan.connect.empty()) continue;
    // What is a bit of the process is asked of nobody here: task_test.cpp does.
    std::vector<KernelRule> judged = plan.connect;
    for (KernelRule& rule : judged) {
      rule.condition =
          over_approximate(rule.condition, [&](const Check& check) {
            return task_check(check, policy.lists).has_value();
          });
    }
    const auto program =
        emit::emit_program(judged, policy.lists, emit::Flavour::kTest);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, *maps);
    ASSERT_TRUE(loaded) << loaded.error().message;

    for (int i = 0; i < kEventsPerProgram; ++i) {
      Event event = generator_.event();
      for (const auto& [name, values] : facts.values) {
        event.others[*find_field(name)] = values.front();
      }
      const auto ran = loaded->run(event.record);
      ASSERT_TRUE(ran) << ran.error().message;
      bool denied = false;
      std::size_t next = 0;  // in plan.connect
      for (std::uint32_t rule = 0; rule < policy.rules.size(); ++rule) {
        ++cases;
        const bool holds = evaluate(policy.rules[rule].condition, event, index);
        const auto text = [&] {
          return to_string(policy.rules[rule].condition,
                           names_of(policy.lists)) +
                 "\n" + plan.placements[rule].folded + "\n" + describe(event);
        };
        if (next == plan.connect.size() || plan.connect[next].rule != rule) {
          // Of some of the names of hosts nobody is told.
          const Placement& placement = plan.placements[rule];
          const auto& fields = placement.fields;
          if (placement.enforcement == Enforcement::kUnsupported &&
              std::any_of(fields.begin(), fields.end(), of_host_name)) {
            continue;
          }
          ASSERT_FALSE(holds) << "left out: " << text();
          continue;
        }
        const KernelRule& kernel = plan.connect[next];
        const bool hit = bit(event.record, next);
        const bool with_bits = judged[next].condition != kernel.condition;
        ++next;
        denied |= hit && kernel.deny;
        if (with_bits) {
          ASSERT_TRUE(hit || !holds) << "missed: " << text();
          continue;
        }
        if (kernel.candidate) {
          ++candidates;
          ASSERT_FALSE(kernel.deny) << text();
          ASSERT_TRUE(hit || !holds) << "missed: " << text();
        } else {
          ASSERT_EQ(kernel.deny,
                    refuses && !wants_no_name(kernel.condition, false))
              << text();
          ASSERT_EQ(hit, holds) << text();
        }
      }
      ASSERT_EQ(event.record.denied, denied ? 1U : 0U);
    }
  }
  std::cout << cases << " cases, " << candidates << " of candidates\n";
  EXPECT_GT(candidates, cases / 10);
}

Expr in_list(FieldId field, std::uint32_t list) {
  Check check;
  check.field = field;
  check.op = Op::kIn;
  check.lists = {list};
  return {check};
}

// A list looks different in the kernel by its length and its networks.
TEST_F(Differential, ListsOfAnyLengthMeanTheSameInTheKernel) {
  struct Size {
    std::size_t hosts4;
    std::size_t hosts6;
    std::size_t networks4;
    std::size_t networks6;
    int shortest4;
    int shortest6;
    std::size_t endpoints;  // of each family, in both lists
  };
  const Size sizes[] = {
      {0, 1, 1, 0, 0, 0, 0},
      {1, 0, 0, 1, 1, 1, 1},
      {40, 40, 40, 40, 4, 4, 40},
      // More than a page of the tree, and than the first page of the filter.
      {1500, 500, 1500, 500, 8, 16, 1000},
      {5000, 5000, 5000, 5000, 12, 32, 0},
      {20'000, 20'000, 20'000, 20'000, 20, 48, 20'000},
      {100, 100, 5000, 5000, 30, 126, 3000},
  };
  std::uint64_t cases = 0;
  for (const Size& size : sizes) {
    std::vector<List> lists(2);
    lists[0].name = "hosts";
    lists[0].items = generator_.addresses(4, size.hosts4);
    lists[1].name = "networks";
    lists[1].items = generator_.networks(4, size.networks4, size.shortest4);
    for (std::string& item : generator_.addresses(6, size.hosts6)) {
      lists[0].items.push_back(std::move(item));
    }
    for (std::string& item :
         generator_.networks(6, size.networks6, size.shortest6)) {
      lists[1].items.push_back(std::move(item));
    }
    for (List& list : lists) {
      for (const std::uint8_t family : {4, 6}) {
        for (std::string& item : generator_.endpoints(family, size.endpoints)) {
          list.items.push_back(std::move(item));
        }
      }
    }
    const std::vector<KernelRule> rules = {
        {.rule = 0, .condition = in_list(FieldId::kFdSip, 0)},
        {.rule = 1, .condition = in_list(FieldId::kFdSnet, 1)},
    };
    const ListIndex hosts(rules[0].condition, lists);
    const ListIndex networks(rules[1].condition, lists);
    KernelMaps maps(lists);
    const auto program = emit::emit_program(rules, lists, emit::Flavour::kTest);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, maps);
    ASSERT_TRUE(loaded) << loaded.error().message;
    constexpr int kEvents = 20'000;
    for (int i = 0; i < kEvents; ++i, cases += 2) {
      const std::vector<std::string>& items =
          lists[static_cast<std::size_t>(i % 2)].items;
      const auto last = static_cast<std::int64_t>(items.size()) - 1;
      Event event = items.empty() || generator_.chance(10)
                        ? generator_.event()
                        : generator_.event_near(items[static_cast<std::size_t>(
                              generator_.between(0, last))]);
      ASSERT_TRUE(loaded->run(event.record));
      ASSERT_EQ(bit(event.record, 0),
                evaluate(rules[0].condition, event, hosts))
          << describe(event);
      ASSERT_EQ(bit(event.record, 1),
                evaluate(rules[1].condition, event, networks))
          << describe(event);
    }
  }
  std::cout << cases << " cases\n";
}

// As long as it takes for a tree of all its levels.
TEST_F(Differential, TheLongestListsMeanTheSameInTheKernel) {
  for (const std::uint8_t family : {4, 6}) {
    const std::int64_t count = family == 4 ? 2'000'000 : 120'000;
    IpAddress address{.family = family};
    // Listed are the even addresses of 10.0.0.0/8, or of a00::.
    address.bytes[0] = 10;
    const auto set = [&](std::int64_t number) {
      const std::size_t end = family == 4 ? 4 : 16;
      for (std::size_t i = 1; i <= 3; ++i, number >>= 8) {
        address.bytes[end - i] = static_cast<std::uint8_t>(number);
      }
    };
    std::vector<List> lists(1);
    lists[0].name = "hosts";
    for (std::int64_t i = 0; i < count; ++i) {
      set(2 * i);
      lists[0].items.push_back(to_string(address));
    }
    KernelMaps maps(lists);
    const auto program = emit::emit_program(
        {{.rule = 0, .condition = in_list(FieldId::kFdSip, 0)}}, lists,
        emit::Flavour::kTest);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, maps);
    ASSERT_TRUE(loaded) << loaded.error().message;
    for (int i = 0; i < 50'000; ++i) {
      const std::int64_t number = generator_.between(0, count * 2 + 100);
      set(number);
      Event event = generator_.event();
      event.record.family = family;
      std::memcpy(event.record.addr_be, address.bytes.data(), 16);
      ASSERT_TRUE(loaded->run(event.record));
      ASSERT_EQ(bit(event.record, 0), number % 2 == 0 && number < count * 2)
          << to_string(address);
    }
  }
}

TEST_F(Differential, TheLongestListsOfPortsMeanTheSameInTheKernel) {
  for (const std::uint8_t family : {4, 6}) {
    constexpr std::int64_t kCount = 300'000;
    IpAddress address{.family = family};
    address.bytes[0] = 10;
    const auto set = [&](std::int64_t number) {
      const std::size_t end = family == 4 ? 4 : 16;
      for (std::size_t i = 1; i <= 3; ++i, number >>= 8) {
        address.bytes[end - i] = static_cast<std::uint8_t>(number);
      }
    };
    // Of three addresses that meet the first is listed whole, the second for
    // two ports.
    std::vector<List> lists(1);
    lists[0].name = "hosts";
    for (std::int64_t i = 0; i < kCount; ++i) {
      set(3 * i);
      lists[0].items.push_back(to_string(address));
      set(3 * i + 1);
      lists[0].items.push_back(to_string(address) + "|1389");
      lists[0].items.push_back(to_string(address) + "|65535");
    }
    KernelMaps maps(lists);
    const auto program = emit::emit_program(
        {{.rule = 0, .condition = in_list(FieldId::kFdSip, 0)}}, lists,
        emit::Flavour::kTest);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, maps);
    ASSERT_TRUE(loaded) << loaded.error().message;
    for (int i = 0; i < 50'000; ++i) {
      const std::int64_t number = generator_.between(0, kCount * 3 + 100);
      set(number);
      Event event = generator_.event();
      event.record.family = family;
      std::memcpy(event.record.addr_be, address.bytes.data(), 16);
      const std::uint16_t port = event.record.port;
      const bool listed = number % 3 == 0 ||
                          (number % 3 == 1 && (port == 1389 || port == 65535));
      ASSERT_TRUE(loaded->run(event.record));
      ASSERT_EQ(bit(event.record, 0), listed && number < kCount * 3)
          << to_string(address) << " port " << port;
    }
  }
}

// What the test flavour does not show: that the verifier takes the programs
// that read the real context and write records.
TEST_F(Differential, TheVerifierTakesTheConnectFlavours) {
  const std::vector<List> lists = generator_.lists();
  KernelMaps maps(lists);
  for (int i = 0; i < 100; ++i) {
    std::vector<KernelRule> rules;
    const std::int64_t count = random_rule_count(generator_);
    for (std::int64_t rule = 0; rule < count; ++rule) {
      rules.push_back(
          {.rule = static_cast<std::uint32_t>(rule),
           .condition = generator_.condition(kFromKernelConnect, kDepth),
           .candidate = generator_.chance(30),
           .deny = generator_.chance(30)});
    }
    for (const emit::Flavour flavour :
         {emit::Flavour::kConnect4, emit::Flavour::kConnect6}) {
      const auto program = emit::emit_program(rules, lists, flavour);
      ASSERT_TRUE(program) << program.error().message;
      const auto loaded = TestProgram::load(*program, maps);
      ASSERT_TRUE(loaded) << loaded.error().message << "\n"
                          << emit::disassemble(*program);
    }
  }
}

// As many rules as share a word of hits, and some more, each of which may be
// hit or not.
TEST_F(Differential, TheVerifierTakesAnyNumberOfRules) {
  const std::vector<List> lists;
  KernelMaps maps(lists);
  std::vector<KernelRule> rules;
  for (std::uint32_t i = 0; i < 70; ++i) {
    Check port;
    port.field = FieldId::kFdSport;
    port.op = Op::kEq;
    port.values = {std::int64_t{i}};
    rules.push_back({.rule = i, .condition = {port}, .deny = i % 3 == 0});
    for (const emit::Flavour flavour :
         {emit::Flavour::kConnect4, emit::Flavour::kConnect6}) {
      const auto program = emit::emit_program(rules, lists, flavour);
      ASSERT_TRUE(program) << program.error().message;
      const auto loaded = TestProgram::load(*program, maps);
      ASSERT_TRUE(loaded) << i << ": " << loaded.error().message;
    }
  }
}

// The largest program there may be still loads and still tells its rules
// apart.
TEST_F(Differential, AProgramHoldsTheMostRulesThereMayBe) {
  const std::vector<List> lists = generator_.lists();
  std::vector<KernelRule> rules;
  for (std::uint32_t i = 0; i < BAILIFF_MAX_PROGRAM_RULES; ++i) {
    Check port;
    port.field = FieldId::kFdSport;
    port.op = Op::kEq;
    port.values = {std::int64_t{i}};
    rules.push_back({.rule = i,
                     .condition = {port},
                     .deny = i == BAILIFF_MAX_PROGRAM_RULES - 1});
  }
  const auto program = emit::emit_program(rules, lists, emit::Flavour::kTest);
  ASSERT_TRUE(program) << program.error().message;
  KernelMaps maps(lists);
  const auto loaded = TestProgram::load(*program, maps);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const emit::Flavour flavour :
       {emit::Flavour::kConnect4, emit::Flavour::kConnect6}) {
    const auto real = emit::emit_program(rules, lists, flavour);
    ASSERT_TRUE(real) << real.error().message;
    const auto accepted = TestProgram::load(*real, maps);
    ASSERT_TRUE(accepted) << accepted.error().message;
  }
  for (std::uint32_t i = 0; i < BAILIFF_MAX_PROGRAM_RULES; i += 31) {
    Event event = generator_.event();
    event.record.port = static_cast<std::uint16_t>(i);
    ASSERT_TRUE(loaded->run(event.record));
    for (std::uint32_t rule = 0; rule < BAILIFF_MAX_PROGRAM_RULES; ++rule) {
      ASSERT_EQ(bit(event.record, rule), rule == i);
    }
    EXPECT_EQ(event.record.denied, rules[i].deny ? 1U : 0U);
  }

  rules.push_back(rules.back());
  const auto refused = emit::emit_program(rules, lists, emit::Flavour::kTest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
}

// However many rules ask for lists, the verifier looks at a bounded number of
// look-ups.
TEST_F(Differential, TheMostRulesMayAllAskForLists) {
  std::vector<List> lists(8);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    lists[i].name = "list_" + std::to_string(i);
    lists[i].items = {"10.0." + std::to_string(i) + ".0/24"};
  }
  std::vector<KernelRule> rules;
  for (std::uint32_t i = 0; i < BAILIFF_MAX_PROGRAM_RULES; ++i) {
    Check listed;
    listed.field = FieldId::kFdSnet;
    listed.op = Op::kIn;
    listed.lists = {i % 8};
    Check port;
    port.field = FieldId::kFdSport;
    port.op = Op::kEq;
    port.values = {std::int64_t{i}};
    rules.push_back({.rule = i, .condition = {And{{{port}, {listed}}}}});
  }
  KernelMaps maps(lists);
  for (const emit::Flavour flavour :
       {emit::Flavour::kConnect4, emit::Flavour::kConnect6,
        emit::Flavour::kTest}) {
    const auto program = emit::emit_program(rules, lists, flavour);
    ASSERT_TRUE(program) << program.error().message;
    const auto loaded = TestProgram::load(*program, maps);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
}

}  // namespace
}  // namespace bailiff::test
