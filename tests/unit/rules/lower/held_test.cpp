// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/held.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/lower/observed.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::check;
using test::event_is;
using test::parameter;
using testing::ElementsAre;
using testing::IsEmpty;

Expr held(const Expr& condition, bailiff_call call) {
  return simplify(condition, known_of_held(call, {}));
}

TEST(Held, NoCallIsHeldThatHandsOverTheListener) {
  for (const bailiff_call call :
       {BAILIFF_CALL_SENDMSG, BAILIFF_CALL_DUP, BAILIFF_CALL_DUP2,
        BAILIFF_CALL_DUP3, BAILIFF_CALL_RECVMSG, BAILIFF_CALL_EXECVE,
        BAILIFF_CALL_SETUID}) {
    EXPECT_FALSE(can_be_held(call)) << event_type_of(call);
  }
  EXPECT_TRUE(can_be_held(BAILIFF_CALL_PTRACE));
  EXPECT_TRUE(can_be_held(BAILIFF_CALL_OPENAT));
}

TEST(Held, ACallIsJudgedAsIfItSucceeded) {
  const Expr condition =
      all_of({event_is("openat"), check(FieldId::kEvtRes, Op::kEq, {"SUCCESS"}),
              check(FieldId::kEvtFailed, Op::kEq, {false}),
              check(FieldId::kEvtRawres, Op::kGe, {std::int64_t{0}}),
              check(FieldId::kFdNum, Op::kGe, {std::int64_t{0}})});
  EXPECT_TRUE(is_true(held(condition, BAILIFF_CALL_OPENAT)));
  EXPECT_TRUE(is_false(held(condition, BAILIFF_CALL_OPEN)));
  EXPECT_TRUE(is_false(
      held(check(FieldId::kEvtRes, Op::kEq, {"ENOENT"}), BAILIFF_CALL_OPENAT)));
  EXPECT_TRUE(is_false(held(check(FieldId::kFdNum, Op::kLt, {std::int64_t{0}}),
                            BAILIFF_CALL_OPENAT)));
  EXPECT_TRUE(is_true(held(check(FieldId::kFdNum, Op::kNe, {std::int64_t{-1}}),
                           BAILIFF_CALL_OPENAT)));
}

TEST(Held, ADescriptorThatIsNotMadeYetHasNoNumber) {
  const Expr third = check(FieldId::kFdNum, Op::kEq, {std::int64_t{3}});
  EXPECT_EQ(held(third, BAILIFF_CALL_OPENAT), third);
  EXPECT_THAT(fields_unknown_when_held(third, BAILIFF_CALL_OPENAT),
              ElementsAre(FieldId::kFdNum));
  // The one a call is given has.
  EXPECT_THAT(fields_unknown_when_held(third, BAILIFF_CALL_FCHMOD), IsEmpty());
}

TEST(Held, WhatTheKernelFindsOnTheWayIsUnknown) {
  for (const char* name : {"res", "fd", "dev", "ino", "0"}) {
    EXPECT_THAT(fields_unknown_when_held(parameter(name, Op::kEq, {"1"}),
                                         BAILIFF_CALL_OPENAT),
                ElementsAre(FieldId::kEvtArg))
        << name;
  }
  EXPECT_THAT(
      fields_unknown_when_held(parameter("flags", Op::kContains, {"O_CREAT"}),
                               BAILIFF_CALL_OPENAT),
      IsEmpty());
  EXPECT_THAT(fields_unknown_when_held(parameter("fd", Op::kEq, {"3"}),
                                       BAILIFF_CALL_SETNS),
              IsEmpty());
  EXPECT_THAT(fields_unknown_when_held(
                  check(FieldId::kProcIsExeUpperLayer, Op::kEq, {true}),
                  BAILIFF_CALL_PTRACE),
              ElementsAre(FieldId::kProcIsExeUpperLayer));
}

}  // namespace
}  // namespace bailiff
