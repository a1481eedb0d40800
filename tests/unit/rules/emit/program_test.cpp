// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/harness/expr.h"

namespace bailiff::emit {
namespace {

using test::check;
using test::constant;
using testing::HasSubstr;

std::vector<List> lists(std::vector<std::string> items) {
  return {{.name = "c2", .items = std::move(items), .includes = {}}};
}

KernelRule rule(Expr condition, std::uint32_t index = 0) {
  return {.rule = index, .condition = std::move(condition), .deny = true};
}

const Expr kListed = check(FieldId::kFdSip, Op::kIn, {}, {0});

TEST(EmitConnect, TheItemsOfAddressListsAreNotPartOfTheProgram) {
  const auto one =
      emit_program({rule(kListed)}, lists({"1.2.3.4"}), Flavour::kConnect4);
  const auto other = emit_program({rule(kListed)}, lists({"::1", "5.6.7.8"}),
                                  Flavour::kConnect4);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->digest(), other->digest());
}

TEST(EmitAllowAll, ReturnsOneAndNeedsNothing) {
  const Program program = emit_allow_all(Flavour::kConnect6);
  EXPECT_EQ(program.flavour, Flavour::kConnect6);
  EXPECT_THAT(program.maps, testing::IsEmpty());
  EXPECT_EQ(disassemble(program), "    0: r0 = 1\n    1: exit\n");
}

TEST(EmitConnect, AsksAListWhereARuleDoesOrForManyOnceBeforeThem) {
  const auto asked = [](std::uint32_t rules) {
    std::vector<KernelRule> all;
    for (std::uint32_t i = 0; i < rules; ++i) all.push_back(rule(kListed, i));
    const std::string text =
        disassemble(*emit_program(all, lists({}), Flavour::kConnect4));
    const std::string list = "list 'c2' as addr4";
    std::size_t count = 0;
    for (std::size_t at = text.find(list); at != std::string::npos;
         at = text.find(list, at + 1)) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(asked(8), 8U);
  EXPECT_EQ(asked(9), 1U);
  EXPECT_EQ(asked(300), 1U);
}

TEST(EmitConnect, EachFlavourUsesTheListsOfItsFamilies) {
  const auto kinds = [](Flavour flavour) {
    const auto program = emit_program({rule(kListed)}, lists({}), flavour);
    std::vector<std::string> names;
    for (const MapRef& map : program->maps) {
      if (map.kind == MapKind::kList) {
        names.emplace_back(to_string(map.list_kind));
      }
    }
    return names;
  };
  EXPECT_THAT(kinds(Flavour::kConnect4), testing::ElementsAre("addr4"));
  EXPECT_THAT(kinds(Flavour::kConnect6),
              testing::ElementsAre("addr4", "addr6"));
}

TEST(EmitConnect, OnlyWhatMattersChangesTheDigest) {
  const auto digest = [](const KernelRule& one, Flavour flavour) {
    return emit_program({one}, lists({}), flavour)->digest();
  };
  const KernelRule base = rule(kListed);
  KernelRule allowed = base;
  allowed.deny = false;
  KernelRule other = base;
  other.rule = 1;
  const Digest expected = digest(base, Flavour::kConnect4);
  EXPECT_EQ(digest(base, Flavour::kConnect4), expected);
  EXPECT_FALSE(digest(allowed, Flavour::kConnect4) == expected);
  EXPECT_FALSE(digest(other, Flavour::kConnect4) == expected);
  EXPECT_FALSE(digest(base, Flavour::kConnect6) == expected);
}

TEST(EmitConnect, AnotherPolicyIsAnotherProgram) {
  const auto digest = [](Flavour flavour, std::uint64_t policy) {
    return emit_program({rule(kListed)}, lists({}), flavour, policy)->digest();
  };
  for (const Flavour flavour :
       {Flavour::kFrame, Flavour::kEgress, Flavour::kConnect4}) {
    EXPECT_FALSE(digest(flavour, 1) == digest(flavour, 2));
  }
}

TEST(EmitFrame, UsesNoCgroupStorage) {
  for (const Flavour flavour : {Flavour::kFrame, Flavour::kBareFrame}) {
    const auto program = emit_program({rule(kListed)}, lists({}), flavour);
    ASSERT_TRUE(program);
    for (const MapRef& map : program->maps) {
      EXPECT_NE(map.kind, MapKind::kContainers);
    }
  }
}

TEST(EmitFrameGuard, JudgesByNoRule) {
  EXPECT_THAT(emit_frame_guard().maps, testing::IsEmpty());
  const auto program =
      emit_program({rule(kListed)}, lists({}), Flavour::kSetsockopt);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::kInvalidArgument);
}

TEST(EmitConnect, AnotherListNameIsAnotherProgram) {
  std::vector<List> renamed = lists({});
  renamed[0].name = "other";
  const auto one = emit_program({rule(kListed)}, lists({}), Flavour::kConnect4);
  const auto other = emit_program({rule(kListed)}, renamed, Flavour::kConnect4);
  EXPECT_FALSE(one->digest() == other->digest());
}

TEST(EmitConnect, RefusesAFieldTheKernelDoesNotKnow) {
  const auto program =
      emit_program({rule(check(FieldId::kProcCmdline, Op::kEq, {"x"}), 7)}, {},
                   Flavour::kConnect4);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::kInvalidArgument);
  EXPECT_EQ(program.error().message,
            "rule 7: the check of 'proc.cmdline' cannot be made in 'connect4'");
}

TEST(EmitConnect, RefusesTooManyOperandsInOneRule) {
  std::vector<Value> ports;
  for (std::int64_t i = 0; i < 40000; ++i) ports.emplace_back(i);
  const auto program = emit_program(
      {rule(check(FieldId::kFdSport, Op::kIn, ports))}, {}, Flavour::kConnect4);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::kExhausted);
  EXPECT_THAT(program.error().message, HasSubstr("does not fit"));
}

TEST(EmitConnect, ARuleThatNeverHoldsAllowsAndARuleThatAlwaysHoldsDecides) {
  for (const bool value : {false, true}) {
    const auto program =
        emit_program({rule(constant(value))}, {}, Flavour::kConnect4);
    ASSERT_TRUE(program);
    EXPECT_FALSE(program->insns.empty());
  }
}

TEST(Disassemble, NamesJumpsMapsAndFunctions) {
  const auto program =
      emit_program({rule(kListed)}, lists({}), Flavour::kConnect4);
  ASSERT_TRUE(program);
  const std::string text = disassemble(*program);
  EXPECT_THAT(text, HasSubstr("r1 = *(u32 *)(r6 +4)\n"));
  EXPECT_THAT(text, HasSubstr("r2 = list 'c2' as addr4\n"));
  EXPECT_THAT(text, HasSubstr("call map_lookup_elem\n"));
  EXPECT_THAT(text, HasSubstr("call ringbuf_output\n"));
  EXPECT_THAT(text, HasSubstr("goto L1\n"));
  EXPECT_THAT(text, HasSubstr("L1:\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("?")));
  // A line for each instruction but second halves, and one for each label.
  const auto lines = std::count(text.begin(), text.end(), '\n');
  EXPECT_GT(lines, 20);
}

}  // namespace
}  // namespace bailiff::emit
