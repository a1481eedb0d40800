// SPDX-License-Identifier: Apache-2.0
// What rules see of system calls that are really made: the observer's record of
// each, as Falco names its parts.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/observer.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/ring_buffer.h"
#include "rules/lower/observed.h"
#include "sidecar/ingest/observed_fields.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using sidecar::Observed;
using sidecar::ObservedEvent;
using sidecar::ObservedFields;

// Descriptors that the calls are given.
constexpr int kFolder = 100;
constexpr int kFile = 101;
constexpr int kSocket = 102;
constexpr int kPeer = 103;
constexpr std::uint16_t kPort = 45'671;

class ObservedCalls : public ::testing::Test {
 protected:
  ObservedCalls() { EXPECT_TRUE(hook::ensure_shared_maps(dir(), kernel_)); }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  // The last call of this type that `body` makes, in a folder with a file
  // "file" and with the descriptors above.
  void observe(const std::string& type, const std::function<void()>& body) {
    const auto cgroup = make_cgroup();
    CompiledPolicy policy;
    Rule rule;
    rule.name = type;
    rule.condition = event_is(type);
    policy.rules.push_back(std::move(rule));
    policy.policies.push_back({.name = "all", .rules = {0}});
    const auto programs =
        protect(policy, cgroup.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
    run_in(cgroup.cgroup().fd(), body);
    const bailiff_call call = *observed_call(type);
    std::optional<ObservedEvent> last;
    auto ring = hook::RingBuffer::open(
        hook::observer_ring(hook::Pins(dir())),
        [&](std::span<const std::byte> record) {
          Result<ObservedEvent> event = sidecar::parse_observed(record);
          ASSERT_TRUE(event) << event.error().message;
          if (event->kind == ObservedEvent::Kind::kCall &&
              event->call == call) {
            last = *std::move(event);
          }
        });
    ASSERT_TRUE(ring && ring->consume());
    ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
    ASSERT_TRUE(last) << "no call of " << type;
    observed_ = {};
    observed_.event = *std::move(last);
    sidecar::ProcessTable table;
    observed_.lineage = table.take(observed_.event);
    observed_.descriptor = sidecar::describe_descriptor(observed_.event);
  }

  // What a field says; "-": nothing.
  std::string text(FieldId field, std::string_view argument = "") const {
    const Facts nothing;
    const std::vector<Value> values =
        ObservedFields(observed_, nothing).extract(field, argument);
    if (values.empty()) return "-";
    const Value& value = values.front();
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      return std::to_string(*number);
    }
    if (const auto* truth = std::get_if<bool>(&value)) {
      return *truth ? "true" : "false";
    }
    if (const auto* words = std::get_if<std::string>(&value)) return *words;
    return "?";
  }
  std::string argument(std::string_view name) const {
    return text(FieldId::kEvtArg, name);
  }
  std::string in_folder(const std::string& name) const {
    return folder_.path() + "/" + name;
  }

 private:
  void run_in(int cgroup, const std::function<void()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int procs = ::openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
      if (procs < 0 || ::write(procs, "0", 1) != 1 ||
          ::chdir(folder_.path().c_str()) != 0) {
        ::_exit(1);
      }
      ::dup2(::open(".", O_RDONLY | O_DIRECTORY), kFolder);
      ::dup2(::open("file", O_RDWR | O_CREAT, 0600), kFile);
      body();
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  ScratchFolder folder_;
  Observed observed_;
};

TEST_F(ObservedCalls, Openat2) {
  observe("openat2", [] {
    open_how how{};
    how.flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
    how.mode = 0640;
    how.resolve = RESOLVE_NO_SYMLINKS;
    ::syscall(SYS_openat2, kFolder, "made", &how, sizeof how);
  });
  EXPECT_EQ(argument("name"), in_folder("made"));
  EXPECT_EQ(argument("dirfd"), "100");
  EXPECT_EQ(argument("flags"), "O_EXCL|O_CREAT|O_RDWR|O_CLOEXEC|O_F_CREATED");
  EXPECT_EQ(argument("mode"), "0640");
  EXPECT_EQ(argument("resolve"), "RESOLVE_NO_SYMLINKS");
  EXPECT_EQ(text(FieldId::kFdName), in_folder("made"));
  EXPECT_EQ(text(FieldId::kFdNameraw), "made");
  EXPECT_EQ(text(FieldId::kEvtIsOpenRead), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenWrite), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenCreate), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenExec), "false");
  EXPECT_EQ(text(FieldId::kEvtRawres), text(FieldId::kFdNum));
}

TEST_F(ObservedCalls, Creat) {
  observe("creat", [] { ::syscall(SYS_creat, "made", 0755); });
  EXPECT_EQ(argument("name"), in_folder("made"));
  EXPECT_EQ(argument("mode"), "0755");
  EXPECT_EQ(text(FieldId::kFdName), in_folder("made"));
  EXPECT_EQ(text(FieldId::kEvtIsOpenRead), "false");
  EXPECT_EQ(text(FieldId::kEvtIsOpenWrite), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenExec), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenCreate), "true");
}

TEST_F(ObservedCalls, AnOpenThatFails) {
  observe("openat",
          [] { ::syscall(SYS_openat, AT_FDCWD, "none/../../x", O_WRONLY, 0); });
  EXPECT_EQ(argument("fd"), "ENOENT");
  EXPECT_EQ(argument("dirfd"), "AT_FDCWD");
  EXPECT_EQ(argument("flags"), "O_WRONLY");
  EXPECT_EQ(text(FieldId::kEvtRawres), std::to_string(-ENOENT));
  EXPECT_EQ(text(FieldId::kEvtRes), "ENOENT");
  EXPECT_EQ(text(FieldId::kFdNum), "-1");
  EXPECT_EQ(text(FieldId::kFdNameraw), "none/../../x");
  EXPECT_EQ(text(FieldId::kEvtIsOpenWrite), "true");
}

TEST_F(ObservedCalls, Linkat) {
  observe("linkat", [] {
    ::syscall(SYS_linkat, kFolder, "file", AT_FDCWD, "second",
              AT_SYMLINK_FOLLOW);
  });
  EXPECT_EQ(argument("res"), "0");
  EXPECT_EQ(argument("olddir"), "100");
  EXPECT_EQ(argument("oldpath"), in_folder("file"));
  EXPECT_EQ(argument("newdir"), "AT_FDCWD");
  EXPECT_EQ(argument("newpath"), in_folder("second"));
  EXPECT_EQ(argument("flags"), "AT_SYMLINK_FOLLOW");
}

TEST_F(ObservedCalls, Symlinkat) {
  observe("symlinkat",
          [] { ::syscall(SYS_symlinkat, "/etc/shadow", kFolder, "link"); });
  EXPECT_EQ(argument("target"), "/etc/shadow");
  EXPECT_EQ(argument("linkdirfd"), "100");
  EXPECT_EQ(argument("linkpath"), in_folder("link"));
}

TEST_F(ObservedCalls, Renameat2) {
  observe("renameat2", [] {
    ::syscall(SYS_renameat2, kFolder, "file", AT_FDCWD, "moved",
              RENAME_NOREPLACE);
  });
  EXPECT_EQ(argument("res"), "0");
  EXPECT_EQ(argument("olddirfd"), "100");
  EXPECT_EQ(argument("oldpath"), in_folder("file"));
  EXPECT_EQ(argument("newdirfd"), "AT_FDCWD");
  EXPECT_EQ(argument("newpath"), in_folder("moved"));
  EXPECT_EQ(argument("flags"), "RENAME_NOREPLACE");
}

TEST_F(ObservedCalls, UnlinkatOfAFolder) {
  observe("unlinkat", [] {
    ::mkdir("gone", 0700);
    ::syscall(SYS_unlinkat, kFolder, "gone", AT_REMOVEDIR);
  });
  EXPECT_EQ(argument("res"), "0");
  EXPECT_EQ(argument("name"), in_folder("gone"));
  EXPECT_EQ(argument("flags"), "AT_REMOVEDIR");
}

TEST_F(ObservedCalls, MkdiratAndItsError) {
  observe("mkdirat", [] { ::syscall(SYS_mkdirat, kFolder, "file", 0710); });
  EXPECT_EQ(argument("res"), "EEXIST");
  EXPECT_EQ(argument("dirfd"), "100");
  EXPECT_EQ(argument("path"), in_folder("file"));
  EXPECT_EQ(argument("mode"), "0710");
}

TEST_F(ObservedCalls, FchmodOfADescriptor) {
  observe("fchmod", [] { ::syscall(SYS_fchmod, kFile, 04750); });
  EXPECT_EQ(argument("fd"), "<f>" + in_folder("file"));
  EXPECT_EQ(argument("mode"),
            "S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID");
  EXPECT_EQ(text(FieldId::kFdName), in_folder("file"));
}

TEST_F(ObservedCalls, MemfdCreate) {
  observe("memfd_create", [] {
    ::syscall(SYS_memfd_create, "hidden", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  });
  EXPECT_EQ(argument("name"), "hidden");
  EXPECT_EQ(argument("flags"), "MFD_CLOEXEC|MFD_ALLOW_SEALING");
  EXPECT_EQ(text(FieldId::kFdTypechar), "m");
}

TEST_F(ObservedCalls, Userfaultfd) {
  observe("userfaultfd", [] {
    ::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
  });
  EXPECT_EQ(argument("flags"), "O_CLOEXEC|O_NONBLOCK|UFFD_USER_MODE_ONLY");
}

TEST_F(ObservedCalls, Mount) {
  observe("mount", [] {
    ::syscall(SYS_mount, "none", "nowhere", "tmpfs", MS_NOSUID | MS_RDONLY, 0);
  });
  EXPECT_EQ(argument("res"), "ENOENT");
  EXPECT_EQ(argument("dev"), "none");
  EXPECT_EQ(argument("dir"), in_folder("nowhere"));
  EXPECT_EQ(argument("flags"), "RDONLY|NOSUID");
}

sockaddr_in local_end() {
  sockaddr_in end{};
  end.sin_family = AF_INET;
  end.sin_port = htons(kPort);
  end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return end;
}

// A socket that is bound there.
void bind_socket(int type) {
  const sockaddr_in end = local_end();
  const int on = 1;
  ::dup2(::socket(AF_INET, type, 0), kSocket);
  ::setsockopt(kSocket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(kSocket, reinterpret_cast<const sockaddr*>(&end), sizeof end) !=
      0) {
    ::_exit(1);
  }
}

// Sends it three bytes from `kPeer`.
void send_message_to_it() {
  sockaddr_in end = local_end();
  ::dup2(::socket(AF_INET, SOCK_DGRAM, 0), kPeer);
  char bytes[] = "abc";
  iovec part{bytes, 3};
  msghdr message{};
  message.msg_name = &end;
  message.msg_namelen = sizeof end;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (::syscall(SYS_sendmsg, kPeer, &message, 0) != 3) ::_exit(1);
}

const std::string kEnd = "127.0.0.1:" + std::to_string(kPort);

TEST_F(ObservedCalls, Sendmsg) {
  observe("sendmsg", [] {
    bind_socket(SOCK_DGRAM);
    send_message_to_it();
  });
  EXPECT_EQ(argument("res"), "3");
  EXPECT_EQ(argument("data"), "abc");
  EXPECT_EQ(text(FieldId::kFdSport), std::to_string(kPort));
  EXPECT_EQ(text(FieldId::kFdL4proto), "udp");
  EXPECT_TRUE(text(FieldId::kFdName).ends_with("->" + kEnd))
      << text(FieldId::kFdName);
  EXPECT_EQ(text(FieldId::kEvtRawres), "3");
}

TEST_F(ObservedCalls, Recvmsg) {
  observe("recvmsg", [] {
    bind_socket(SOCK_DGRAM);
    send_message_to_it();
    sockaddr_in from{};
    char bytes[16] = {};
    iovec part{bytes, sizeof bytes};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (::syscall(SYS_recvmsg, kSocket, &message, 0) != 3) ::_exit(1);
  });
  EXPECT_EQ(argument("res"), "3");
  EXPECT_EQ(argument("size"), "3");
  EXPECT_EQ(argument("data"), "abc");
  EXPECT_EQ(text(FieldId::kFdLport), std::to_string(kPort));
  EXPECT_NE(text(FieldId::kFdRport), "-");
}

TEST_F(ObservedCalls, Accept4) {
  observe("accept4", [] {
    bind_socket(SOCK_STREAM);
    const sockaddr_in end = local_end();
    if (::listen(kSocket, 1) != 0) ::_exit(1);
    ::dup2(::socket(AF_INET, SOCK_STREAM, 0), kPeer);
    if (::connect(kPeer, reinterpret_cast<const sockaddr*>(&end), sizeof end) !=
            0 ||
        ::syscall(SYS_accept4, kSocket, nullptr, nullptr, SOCK_CLOEXEC) < 0) {
      ::_exit(1);
    }
  });
  EXPECT_EQ(argument("flags"), std::to_string(SOCK_CLOEXEC));
  EXPECT_TRUE(argument("tuple").ends_with("->" + kEnd)) << argument("tuple");
  EXPECT_TRUE(argument("fd").starts_with("<4")) << argument("fd");
  EXPECT_EQ(text(FieldId::kFdLport), std::to_string(kPort));
  EXPECT_EQ(text(FieldId::kFdSport), std::to_string(kPort));
  EXPECT_EQ(text(FieldId::kFdIsServer), "true");
}

}  // namespace
}  // namespace bailiff::test
