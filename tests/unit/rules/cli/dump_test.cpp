// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "rules/cli/files.h"
#include "rules/cli/offline_inspect.h"
#include "rules/policy/compiled_policy.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::check;
using test::event_is;
using testing::AllOf;
using testing::HasSubstr;

// What `bailiff dump` prints of a policy that blocks one rule.
class DumpTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_), nullptr); }
  void TearDown() override {
    ::unlink(path().c_str());
    ::rmdir(folder_);
  }

  std::string path() const { return std::string(folder_) + "/policy.bin"; }

  std::string dumped(Expr condition, std::vector<std::string> options) {
    CompiledPolicy policy;
    Rule rule;
    rule.name = "r";
    rule.condition = std::move(condition);
    policy.rules.push_back(std::move(rule));
    Policy part{.name = "p", .rules = {0}};
    part.block = true;
    policy.policies.push_back(std::move(part));
    EXPECT_TRUE(cli::write_file(path(), encode(policy)));
    CLI::App app;
    add_dump(app, exit_code_);
    std::vector<std::string> words = {"dump", path()};
    words.insert(words.end(), options.begin(), options.end());
    // As CLI11 takes them: the last one first.
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    testing::internal::CaptureStdout();
    app.parse(std::move(reversed));
    return testing::internal::GetCapturedStdout();
  }

  char folder_[32] = "/tmp/bailiff-dump-XXXXXX";
  int exit_code_ = -1;
};

TEST_F(DumpTest, ShowsProgramsThatJudgeByBitsOfTheProcess) {
  const Expr condition =
      all_of({event_is("connect"),
              check(FieldId::kProcCmdline, Op::kContains, {"jndi"})});
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{},
        std::vector<std::string>{"--container", "container.name=a"}}) {
    EXPECT_THAT(
        dumped(condition, options),
        AllOf(HasSubstr("  bit 0 of a process: proc.cmdline contains jndi\n"),
              HasSubstr("\nprogram connect4 "),
              HasSubstr("\nprogram sendmsg6 ")));
    EXPECT_EQ(exit_code_, 0);
  }
}

TEST_F(DumpTest, ShowsWhatIsDecidedWhenAProgramIsExecuted) {
  const Expr condition = all_of(
      {event_is("execve"), check(FieldId::kContainerName, Op::kEq, {"a"}),
       check(FieldId::kProcName, Op::kEq, {"miner"})});
  EXPECT_THAT(dumped(condition, {}), HasSubstr("  at exec 'r': deny when "));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(dumped(condition, {"--container", "container.name=a"}),
              HasSubstr("  at exec 'r': deny when "));
  EXPECT_EQ(exit_code_, 0);
}

}  // namespace
}  // namespace bailiff
