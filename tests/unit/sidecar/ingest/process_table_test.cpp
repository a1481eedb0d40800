// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/process_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>

#include "sidecar/ingest/process_facts.h"
#include "tests/harness/observed_records.h"

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;
using testing::Optional;

// Beyond what a machine gives by default, so that /proc has none of them.
constexpr std::uint32_t kParent = 4'100'000;
constexpr std::uint32_t kChild = 4'100'001;

template <typename Builder>
ObservedEvent event(Builder builder) {
  return *parse_observed(builder.build());
}

std::vector<std::string> names(const Lineage& lineage) {
  std::vector<std::string> all;
  for (const ProcessPtr& each : lineage.above) all.push_back(each->comm);
  return all;
}

TEST(ProcessTable, AChildHasTheProgramOfItsParentUntilItRunsItsOwn) {
  ProcessTable table;
  table.take(event(test::exec_record(kParent, {"/bin/sh", "-c", "x"})));
  table.take(event(test::fork_record(kChild).ancestors({{kParent, "sh"}})));
  const Lineage forked =
      table.take(event(test::call_record(kChild, BAILIFF_CALL_MKDIR)));
  EXPECT_THAT(forked.self->program->args,
              Optional(ElementsAre("/bin/sh", "-c", "x")));

  const Lineage ran = table.take(event(
      test::exec_record(kChild, {"/bin/ls"}).ancestors({{kParent, "sh"}})));
  EXPECT_THAT(ran.self->program->args, Optional(ElementsAre("/bin/ls")));
  ASSERT_THAT(names(ran), ElementsAre("sh"));
  EXPECT_THAT(ran.above[0]->program->args,
              Optional(ElementsAre("/bin/sh", "-c", "x")));
}

TEST(ProcessTable, TheParentIsKnownAfterItsEnd) {
  ProcessTable table;
  table.take(event(test::exec_record(kParent, {"/bin/sh", "-c", "x"})));
  table.take(event(test::fork_record(kChild).ancestors({{kParent, "sh"}})));
  table.take(event(test::exit_record(kParent)));
  const Lineage ran = table.take(event(
      test::exec_record(kChild, {"/bin/ls"}).ancestors({{kParent, "sh"}})));
  EXPECT_THAT(ran.above.at(0)->program->args,
              Optional(ElementsAre("/bin/sh", "-c", "x")));
}

TEST(ProcessTable, FillsInWhatProcNoLongerHas) {
  ProcessTable table;
  auto program = test::exec_record(kChild, {"/bin/nc", "-w", "7"})
                     .ancestors({{kParent, "httpd"}});
  program.common_part().process.tty = 34816;
  table.take(event(program));
  table.take(event(test::exit_record(kChild)));
  const ProcessPtr known = table.last_known(kChild, UINT64_MAX);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(table.last_known(kParent + 7, UINT64_MAX), nullptr);
  EXPECT_EQ(table.last_known(kChild, known->start_ns - 1), nullptr);

  ProcessFacts facts;
  facts.args.emplace();  // as of one that nobody has waited for
  facts.cwd = "/srv";
  fill_in(facts, *known);
  EXPECT_THAT(facts.args, Optional(ElementsAre("/bin/nc", "-w", "7")));
  EXPECT_EQ(facts.parent_comm, "httpd");
  EXPECT_EQ(facts.ppid, kParent);
  EXPECT_EQ(facts.cwd, "/srv");
  EXPECT_EQ(facts.tty, 34816);
  EXPECT_EQ(facts.login_uid, -1);
}

TEST(ProcessTable, TheTerminalOfAProcessIsTheLastItHad) {
  ProcessTable table;
  table.take(event(test::exec_record(kChild, {"/bin/sh"})));
  auto call = test::call_record(kChild, BAILIFF_CALL_MKDIR);
  call.common_part().process.tty = 34816;
  call.common_part().process.loginuid = 1000;
  table.take(event(call));
  const ProcessPtr known = table.last_known(kChild, UINT64_MAX);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->tty, 34816);
  EXPECT_EQ(known->login_uid, 1000);
}

TEST(ProcessTable, ANumberThatWasGivenAgainIsAnotherProcess) {
  ProcessTable table;
  table.take(event(test::exec_record(kParent, {"/bin/sh"})));
  auto later = test::call_record(kParent, BAILIFF_CALL_MKDIR);
  later.common_part().process.start_ns += 1'000'000'000;
  EXPECT_FALSE(table.take(event(later)).self->program->args);
}

TEST(ProcessTable, AProcessItNeverSawIsReadFromProc) {
  ProcessTable table;
  const auto self = static_cast<std::uint32_t>(::getpid());
  table.seed(self);
  EXPECT_GE(table.size(), 1U);
  auto forked = test::fork_record(kChild).ancestors({{self, "x"}});
  const Lineage other = table.take(event(forked));
  // The start the record tells is not this process's: it is not taken for it.
  EXPECT_FALSE(other.self->program->args);

  auto call = test::call_record(self, BAILIFF_CALL_MKDIR);
  const ProcessFacts facts =
      read_process(::getpid(), std::numeric_limits<std::uint64_t>::max());
  call.common_part().process.start_ns = *facts.start_ns;
  call.common_part().process.ppid = static_cast<std::uint32_t>(::getppid());
  const Lineage own = table.take(event(call));
  EXPECT_EQ(own.self->program->args, facts.args);
  EXPECT_EQ(own.self->program->executable, facts.exe_path);
  EXPECT_EQ(own.self->directory, facts.cwd);
  ASSERT_FALSE(own.above.empty());
  const ProcessFacts parent =
      read_process(::getppid(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(own.above.front()->comm, parent.comm);
  EXPECT_EQ(own.above.front()->program->args, parent.args);
}

TEST(ProcessTable, WhoseParentDiedHasTheNextOne) {
  ProcessTable table;
  table.take(event(test::exec_record(kParent, {"/bin/init"})));
  table.take(event(test::fork_record(kChild).ancestors(
      {{4'100'005, "gone"}, {kParent, "init"}})));
  auto call = test::call_record(kChild, BAILIFF_CALL_MKDIR);
  call.common_part().process.ppid = kParent;
  EXPECT_THAT(names(table.take(event(call))), ElementsAre("init"));
}

TEST(ProcessTable, AnAncestorNobodyKnowsHasItsName) {
  ProcessTable table;
  const Lineage ran = table.take(
      event(test::exec_record(kChild, {"/bin/ls"})
                .ancestors({{kParent, "httpd"}, {4'100'005, "runc"}})));
  EXPECT_THAT(names(ran), ElementsAre("httpd", "runc"));
  EXPECT_FALSE(ran.above[0]->program->args);
}

TEST(ProcessTable, HoldsNoMoreThanItMay) {
  constexpr std::size_t kMost = 10;
  ProcessTable table(kMost);
  for (std::uint32_t i = 0; i < 100; ++i) {
    table.take(event(test::exec_record(kParent + i, {"/bin/ls"})));
    EXPECT_LE(table.size(), kMost);
  }
  // The last ones are those that are known.
  const Lineage last =
      table.take(event(test::call_record(kParent + 99, BAILIFF_CALL_MKDIR)));
  EXPECT_THAT(last.self->program->args, Optional(ElementsAre("/bin/ls")));
}

TEST(ProcessTable, EndedProcessesAreForgottenFirst) {
  ProcessTable table;
  table.take(event(test::exec_record(kChild, {"/bin/init"})));
  for (std::uint32_t i = 0; i < kMaxEnded + 100; ++i) {
    table.take(event(test::exec_record(kParent + 10 + i, {"/bin/ls"})));
    table.take(event(test::exit_record(kParent + 10 + i)));
  }
  EXPECT_LE(table.size(), kMaxEnded + 1);
  EXPECT_THAT(table.take(event(test::call_record(kChild, BAILIFF_CALL_MKDIR)))
                  .self->program->args,
              Optional(ElementsAre("/bin/init")));
}

TEST(ProcessTable, TellsWhetherASocketHasAnotherName) {
  ProcessTable table;
  EXPECT_TRUE(table.renames(5, "a->b"));
  EXPECT_FALSE(table.renames(5, "a->b"));
  EXPECT_TRUE(table.renames(5, "a->c"));
  EXPECT_TRUE(table.renames(6, "a->c"));
}

}  // namespace
}  // namespace bailiff::sidecar
