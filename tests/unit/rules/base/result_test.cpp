// SPDX-License-Identifier: Apache-2.0
#include "rules/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

namespace bailiff {
namespace {

Result<int> parse_port(int port) {
  if (port > 65535) {
    return Error{Code::kInvalidArgument, "port '70000' is above 65535"};
  }
  return port;
}

Status write(bool works) {
  if (!works) return Error{Code::kIo, "write 'policy.bin'", ENOSPC};
  return Ok{};
}

Result<std::string> twice(int port) {
  ASSIGN_OR_RETURN(const int first, parse_port(port));
  ASSIGN_OR_RETURN(const int second, parse_port(port));
  return std::to_string(first) + "," + std::to_string(second);
}

Status both(bool first, bool second, int& reached) {
  RETURN_IF_ERROR(write(first));
  ++reached;
  RETURN_IF_ERROR(write(second));
  ++reached;
  return Ok{};
}

TEST(Result, HoldsTheValueOfAnOperationThatWorked) {
  const Result<int> port = parse_port(443);
  ASSERT_TRUE(port.has_value());
  EXPECT_TRUE(port);
  EXPECT_EQ(*port, 443);
}

TEST(Result, HoldsTheReasonOfAnOperationThatFailed) {
  const Result<int> port = parse_port(70000);
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().code, Code::kInvalidArgument);
  EXPECT_EQ(port.error().message, "port '70000' is above 65535");
}

TEST(Result, SaysThatNoSystemCallIsBehindAnErrorByDefault) {
  EXPECT_EQ(parse_port(70000).error().sys_errno, 0);
}

TEST(Result, KeepsTheErrnoOfASystemCall) {
  EXPECT_EQ(write(false).error().sys_errno, ENOSPC);
}

TEST(Result, GivesAwayAValueThatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> made(std::make_unique<int>(7));
  std::unique_ptr<int> taken = *std::move(made);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, LetsTheValueBeChangedInPlace) {
  Result<std::string> text(std::string("a"));
  text->append("b");
  *text += "c";
  EXPECT_EQ(*text, "abc");
}

TEST(Result, LetsTheCallerAddContextToAnError) {
  Status status = write(false);
  status.error().message = "save policy: " + status.error().message;
  EXPECT_EQ(std::move(status).error().message,
            "save policy: write 'policy.bin'");
}

TEST(AssignOrReturn, BindsTheValueAndGoesOn) {
  const Result<std::string> text = twice(80);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "80,80");
}

TEST(AssignOrReturn, ReturnsTheErrorOfTheCall) {
  const Result<std::string> text = twice(70000);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kInvalidArgument);
}

TEST(ReturnIfError, GoesOnWhileTheCallsWork) {
  int reached = 0;
  EXPECT_TRUE(both(true, true, reached));
  EXPECT_EQ(reached, 2);
}

TEST(ReturnIfError, StopsAtTheFirstCallThatFails) {
  int reached = 0;
  EXPECT_FALSE(both(false, true, reached));
  EXPECT_EQ(reached, 0);
  EXPECT_FALSE(both(true, false, reached));
  EXPECT_EQ(reached, 1);
}

}  // namespace
}  // namespace bailiff
