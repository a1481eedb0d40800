// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/call_numbers.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>

namespace bailiff::hook {
namespace {

TEST(CallNumbers, AreThoseOfThisMachine) {
  EXPECT_EQ(native_calls()[SYS_openat], BAILIFF_CALL_OPENAT);
  EXPECT_EQ(native_calls()[SYS_execve], BAILIFF_CALL_EXECVE);
  EXPECT_EQ(native_calls()[SYS_read], BAILIFF_NOT_OBSERVED);
}

TEST(CallNumbers, EachCallHasAtMostOneOfThem) {
  constexpr int kFirstOfX32 = 512;
  const auto* const last = native_calls().begin() + kFirstOfX32;
  for (int call = 0; call < BAILIFF_CALL_COUNT; ++call) {
    EXPECT_LE(std::count(native_calls().begin(), last, call), 1) << call;
  }
}

TEST(CallNumbers, X32HasItsOwnForSome) {
#if defined(__x86_64__)
  EXPECT_EQ(native_calls()[520], BAILIFF_CALL_EXECVE);
  EXPECT_EQ(native_calls()[521], BAILIFF_CALL_PTRACE);
#endif
}

TEST(CallNumbers, A32BitProgramHasItsOwn) {
#if defined(__x86_64__)
  EXPECT_EQ(compat_calls()[5], BAILIFF_CALL_OPEN);
  EXPECT_EQ(compat_calls()[23], BAILIFF_CALL_SETUID);
  EXPECT_EQ(compat_calls()[213], BAILIFF_CALL_SETUID);
  EXPECT_EQ(compat_calls()[3], BAILIFF_NOT_OBSERVED);
#endif
}

}  // namespace
}  // namespace bailiff::hook
