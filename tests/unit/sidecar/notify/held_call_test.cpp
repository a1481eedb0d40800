// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/held_call.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

std::uint64_t address_of(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory);
}

// As this process would be held.
seccomp_notif held(std::uint32_t arch, int number,
                   const std::vector<std::uint64_t>& arguments = {}) {
  seccomp_notif call{};
  call.pid = static_cast<std::uint32_t>(::getpid());
  call.data.arch = arch;
  call.data.nr = number;
  std::copy(arguments.begin(), arguments.end(), std::begin(call.data.args));
  return call;
}

bailiff_call known(const seccomp_notif& call) {
  const auto event = call_of(call);
  EXPECT_TRUE(event) << event.error().message;
  return event && *event ? (*event)->call : BAILIFF_CALL_COUNT;
}

std::vector<Value> field_of(const seccomp_notif& call, FieldId field) {
  auto event = call_of(call);
  EXPECT_TRUE(event && *event);
  const Facts nothing;
  auto fields = HeldFields::read(call, **std::move(event), nothing);
  EXPECT_TRUE(fields) << fields.error().message;
  return fields ? fields->extract(field, "") : std::vector<Value>();
}

TEST(HeldCall, IsKnownByItsNumber) {
  EXPECT_EQ(known(held(kNative, SYS_ptrace)), BAILIFF_CALL_PTRACE);
#if defined(__x86_64__)
  EXPECT_EQ(known(held(AUDIT_ARCH_I386, 26)), BAILIFF_CALL_PTRACE);
  EXPECT_EQ(known(held(kNative, BAILIFF_X32_CALL | SYS_mount)),
            BAILIFF_CALL_MOUNT);
  EXPECT_EQ(known(held(kNative, BAILIFF_X32_CALL | 521)), BAILIFF_CALL_PTRACE);
#endif
}

TEST(HeldCall, ThatIsNotKnownIsNotLetGoOn) {
  for (const seccomp_notif& call :
       {held(kNative, SYS_read), held(kNative, -1), held(kNative, 100'000),
        held(AUDIT_ARCH_ARM, SYS_ptrace)}) {
    const auto event = call_of(call);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().code, Code::kUnsupported);
  }
}

TEST(HeldCall, OfAllThatSocketcallDoesOnlySocketIsJudged) {
#if defined(__x86_64__)
  constexpr int kSocketCall = 102;
  void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  ASSERT_NE(low, MAP_FAILED);
  const std::uint32_t packed[] = {AF_PACKET, SOCK_RAW, 768};
  std::memcpy(low, packed, sizeof packed);
  const auto socket = call_of(
      held(AUDIT_ARCH_I386, kSocketCall, {SYS_SOCKET, address_of(low)}));
  ASSERT_TRUE(socket && *socket);
  EXPECT_EQ((*socket)->call, BAILIFF_CALL_SOCKET);
  EXPECT_EQ((*socket)->arguments[0], AF_PACKET + 0U);
  const auto connect = call_of(
      held(AUDIT_ARCH_I386, kSocketCall, {SYS_CONNECT, address_of(low)}));
  ASSERT_TRUE(connect);
  EXPECT_FALSE(*connect);
  ::munmap(low, 4096);
#endif
}

TEST(HeldCall, APathIsBelowTheFolderItIsRelativeTo) {
  const ScratchFolder folder;
  const UniqueFd fd(::open(folder.path().c_str(), O_PATH | O_CLOEXEC));
  const std::string parent = folder.path().substr(0, folder.path().rfind('/'));
  const char path[] = "./a/../../other";
  const seccomp_notif open =
      held(kNative, SYS_openat,
           {static_cast<std::uint64_t>(fd.get()), address_of(path), O_RDONLY});
  EXPECT_EQ(field_of(open, FieldId::kFdName),
            std::vector<Value>{Value(parent + "/other")});
  EXPECT_EQ(field_of(open, FieldId::kFdNameraw),
            std::vector<Value>{Value(path)});
}

TEST(HeldCall, APathThatIsTooLongIsReadAsFarAsTheKernelWould) {
  const std::string path = "/" + std::string(2 * PATH_MAX, 'x');
  const seccomp_notif open = held(kNative, SYS_openat,
                                  {static_cast<std::uint64_t>(AT_FDCWD),
                                   address_of(path.c_str()), O_RDONLY});
  EXPECT_EQ(field_of(open, FieldId::kFdName),
            std::vector<Value>{Value(path.substr(0, PATH_MAX))});
}

TEST(HeldCall, APathThatPointsToNothingIsAnError) {
  const seccomp_notif open =
      held(kNative, SYS_openat, {static_cast<std::uint64_t>(AT_FDCWD), 1, 0});
  auto event = call_of(open);
  ASSERT_TRUE(event && *event);
  const auto fields = HeldFields::read(open, **std::move(event), Facts());
  ASSERT_FALSE(fields);
  EXPECT_EQ(fields.error().code, Code::kInvalidArgument);
}

TEST(HeldCall, TellsOfItsProcess) {
  const seccomp_notif call = held(kNative, SYS_ptrace);
  EXPECT_EQ(field_of(call, FieldId::kProcPid),
            std::vector<Value>{Value(std::int64_t{::getpid()})});
  EXPECT_EQ(field_of(call, FieldId::kProcPpid),
            std::vector<Value>{Value(std::int64_t{::getppid()})});
  EXPECT_EQ(field_of(call, FieldId::kUserUid),
            std::vector<Value>{Value(std::int64_t{::geteuid()})});
}

}  // namespace
}  // namespace bailiff::sidecar
