// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/task_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "rules/emit/program.h"
#include "tests/harness/expr.h"

namespace bailiff::emit {
namespace {

using test::all_of;
using test::check;
using test::event_is;
using test::negated;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Plan plan_of(Expr condition) {
  CompiledPolicy compiled;
  compiled.lists = {{.name = "l", .items = {"b", "c"}, .includes = {}}};
  Rule rule;
  rule.condition = std::move(condition);
  compiled.rules.push_back(std::move(rule));
  Policy policy{.name = "p"};
  policy.rules = {0};
  policy.block = true;
  compiled.policies.push_back(std::move(policy));
  return lower(compiled, Facts{.values = {}, .complete = true});
}

std::vector<List> lists() {
  return {{.name = "l", .items = {"b", "c"}, .includes = {}}};
}

std::vector<bailiff_task_test> tests_of(const TaskTable& table) {
  std::vector<bailiff_task_test> tests(table.tests);
  for (std::uint32_t i = 0; i < table.tests; ++i) {
    std::memcpy(&tests[i],
                table.pages[i / BAILIFF_TASK_PAGE_TESTS].data() +
                    i % BAILIFF_TASK_PAGE_TESTS * sizeof tests[i],
                sizeof tests[i]);
  }
  return tests;
}

Expr executed(Expr condition) {
  return all_of({check(FieldId::kEvtType, Op::kIn, {"execve", "execveat"}),
                 std::move(condition)});
}

TEST(TaskTable, OfNoBitsThereIsNone) {
  const TaskTable table = make_task_table(
      plan_of(all_of({event_is("connect"),
                      check(FieldId::kFdSport, Op::kEq, {std::int64_t{1}})})),
      lists());
  EXPECT_EQ(table.id, 0U);
  EXPECT_THAT(table.pages, IsEmpty());
}

TEST(TaskTable, ACheckHasATestForEachOperandWithTheNamesFirst) {
  const TaskTable table = make_task_table(
      plan_of(
          executed(all_of({check(FieldId::kProcArgs, Op::kIcontains, {"AbC"}),
                           check(FieldId::kProcPname, Op::kIn, {"a"}, {0})}))),
      lists());
  const auto tests = tests_of(table);
  ASSERT_THAT(tests, SizeIs(4));
  EXPECT_EQ(table.name_tests, 3U);
  EXPECT_EQ(table.subjects, 1U << BAILIFF_TASK_NAME | 1U << BAILIFF_TASK_ARGS);
  EXPECT_STREQ(tests[0].text, "a");
  EXPECT_STREQ(tests[2].text, "c");
  EXPECT_EQ(tests[0].check, tests[2].check);
  EXPECT_EQ(tests[3].op, BAILIFF_TASK_ICONTAINS);
  EXPECT_STREQ(tests[3].text, "abc");
  EXPECT_EQ(tests[3].bytes, 3U);
}

TEST(TaskTable, ConditionsAreInPostfixOrder) {
  const TaskTable table = make_task_table(
      plan_of(
          executed(all_of({negated(check(FieldId::kProcName, Op::kEq, {"x"})),
                           check(FieldId::kProcAname, Op::kEq, {"x"})}))),
      lists());
  ASSERT_EQ(table.code, 5U);
  std::vector<std::uint32_t> code(table.code);
  std::memcpy(code.data(), table.pages.back().data(), 5 * 4);
  const auto unit = [](bailiff_task_code what, std::uint32_t with) {
    return static_cast<std::uint32_t>(what) << BAILIFF_TASK_CODE_SHIFT | with;
  };
  EXPECT_THAT(
      code, ElementsAre(unit(BAILIFF_TASK_CODE_OWN, 0),
                        unit(BAILIFF_TASK_CODE_NOT, 0),
                        unit(BAILIFF_TASK_CODE_ABOVE, 0),
                        unit(BAILIFF_TASK_CODE_AND, 0),
                        unit(BAILIFF_TASK_CODE_RULE, BAILIFF_TASK_RULE_KILLS)));
}

// There may be no such ancestor, and then it has no other name either.
TEST(TaskTable, AnotherNameOfOneAncestorNeedsThatThereIsOne) {
  Expr second = check(FieldId::kProcAname, Op::kNe, {"x"});
  std::get<Check>(second.node).argument = "2";
  const TaskTable table =
      make_task_table(plan_of(executed(std::move(second))), lists());
  ASSERT_EQ(table.code, 5U);
  std::vector<std::uint32_t> code(table.code);
  std::memcpy(code.data(), table.pages.back().data(), 5 * 4);
  const auto unit = [](bailiff_task_code what, std::uint32_t with) {
    return static_cast<std::uint32_t>(what) << BAILIFF_TASK_CODE_SHIFT | with;
  };
  EXPECT_THAT(
      code, ElementsAre(
                unit(BAILIFF_TASK_CODE_LEVEL, 2U << BAILIFF_TASK_LEVEL_SHIFT),
                unit(BAILIFF_TASK_CODE_NOT, 0), unit(BAILIFF_TASK_CODE_DEEP, 2),
                unit(BAILIFF_TASK_CODE_AND, 0),
                unit(BAILIFF_TASK_CODE_RULE, BAILIFF_TASK_RULE_KILLS)));
}

TEST(TaskTable, OtherTestsHaveAnotherId) {
  const auto id = [](const char* text) {
    return make_task_table(
               plan_of(executed(check(FieldId::kProcExe, Op::kEq, {text}))),
               lists())
        .id;
  };
  EXPECT_NE(id("x"), id("y"));
  EXPECT_EQ(id("x"), id("x"));
  EXPECT_NE(id("x"), 0U);
}

TEST(TaskTable, AConnectLooksTheProcessUpOnce) {
  const Plan plan =
      plan_of(all_of({event_is("connect"),
                      check(FieldId::kProcExe, Op::kStartswith, {"/tmp/"}),
                      negated(check(FieldId::kProcPname, Op::kEq, {"x"}))}));
  const TaskTable table = make_task_table(plan, lists());
  const auto program =
      emit_program(plan.connect, lists(), Flavour::kConnect4, 0, &table);
  ASSERT_TRUE(program) << program.error().message;
  int tasks = 0;
  for (const MapRef& map : program->maps) {
    if (map.kind == MapKind::kTasks) ++tasks;
  }
  EXPECT_EQ(tasks, 1);
  // Without the table nobody says which bits they are.
  EXPECT_FALSE(emit_program(plan.connect, lists(), Flavour::kConnect4));
}

}  // namespace
}  // namespace bailiff::emit
