// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/call_numbers.h"

#include <sys/syscall.h>

namespace bailiff::hook {
namespace {

// Calls an architecture does not have, such as open on arm64.
#ifndef __NR_open
#define __NR_open -1
#endif
#ifndef __NR_creat
#define __NR_creat -1
#endif
#ifndef __NR_rename
#define __NR_rename -1
#endif
#ifndef __NR_renameat
#define __NR_renameat -1
#endif
#ifndef __NR_unlink
#define __NR_unlink -1
#endif
#ifndef __NR_rmdir
#define __NR_rmdir -1
#endif
#ifndef __NR_mkdir
#define __NR_mkdir -1
#endif
#ifndef __NR_chmod
#define __NR_chmod -1
#endif
#ifndef __NR_link
#define __NR_link -1
#endif
#ifndef __NR_symlink
#define __NR_symlink -1
#endif
#ifndef __NR_dup2
#define __NR_dup2 -1
#endif

constexpr void set(CallNumbers& calls, int number, std::uint8_t call) {
  if (number >= 0) calls[static_cast<std::size_t>(number)] = call;
}

constexpr CallNumbers make_native() {
  CallNumbers calls{};
  calls.fill(BAILIFF_NOT_OBSERVED);
#define BAILIFF_SET(id, name, nr32) set(calls, __NR_##name, BAILIFF_CALL_##id);
  BAILIFF_CALLS(BAILIFF_SET)
#undef BAILIFF_SET
#if defined(__x86_64__)
  // x32's own, whose arguments have the layout of 32 bits.
  set(calls, 517, BAILIFF_CALL_RECVFROM);
  set(calls, 518, BAILIFF_CALL_SENDMSG);
  set(calls, 519, BAILIFF_CALL_RECVMSG);
  set(calls, 520, BAILIFF_CALL_EXECVE);
  set(calls, 521, BAILIFF_CALL_PTRACE);
  set(calls, 545, BAILIFF_CALL_EXECVEAT);
#endif
  return calls;
}

constexpr CallNumbers make_compat() {
  CallNumbers calls{};
  calls.fill(BAILIFF_NOT_OBSERVED);
#if defined(__x86_64__)
#define BAILIFF_SET(id, name, nr32) set(calls, nr32, BAILIFF_CALL_##id);
  BAILIFF_CALLS(BAILIFF_SET)
#undef BAILIFF_SET
  // The first setuid of a 32-bit program, with 16 bits of id.
  set(calls, 23, BAILIFF_CALL_SETUID);
#endif
  return calls;
}

constexpr CallNumbers kNative = make_native();
constexpr CallNumbers kCompat = make_compat();

}  // namespace

const CallNumbers& native_calls() { return kNative; }
const CallNumbers& compat_calls() { return kCompat; }

}  // namespace bailiff::hook
