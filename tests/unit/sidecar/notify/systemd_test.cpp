// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/systemd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sidecar/notify/descriptor_store.h"
#include "tests/unit/oci/sys/scratch.h"
#include "tests/unit/sidecar/notify/kept.h"

namespace bailiff::sidecar {
namespace {

constexpr std::size_t kMessageLimit = 4096;

// As systemd starts a unit.
class SystemdTest : public testing::Test {
 protected:
  void SetUp() override {
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = scratch_ / "notify";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                     sizeof address),
              0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("FDSTORE", "3", 1);
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "FDSTORE", "LISTEN_PID",
                             "LISTEN_FDS", "LISTEN_FDNAMES"}) {
      ::unsetenv(name);
    }
  }

  OpenedStore open() {
    Result<OpenedStore> opened = open_store(scratch_.path(), "");
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }
  bool received_nothing() const {
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  ScratchFolder scratch_;
  UniqueFd socket_;
};

TEST_F(SystemdTest, HearsWhenTheServiceIsReady) {
  ASSERT_TRUE(tell_systemd_ready());
  const Result<Message> message = receive_message(socket_.get(), kMessageLimit);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "READY=1");
}

TEST_F(SystemdTest, IsToldNothingWhereItIsNotThere) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(tell_systemd_ready());
  EXPECT_TRUE(received_nothing());
}

TEST_F(SystemdTest, SendsTheDescriptorWithItsName) {
  Kept kept;
  ASSERT_TRUE(open().store->keep("listener.1.c", kept.fd.get()));
  const Result<Message> message = receive_message(socket_.get(), kMessageLimit);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "FDSTORE=1\nFDNAME=listener.1.c");
  EXPECT_TRUE(same(message->fd.get(), kept.fd.get()));
}

TEST_F(SystemdTest, IsNotUsedWhereNothingWouldBeKept) {
  Kept kept;
  ::setenv("FDSTORE", "0", 1);
  ASSERT_TRUE(open().store->keep("listener.1.c", kept.fd.get()));
  EXPECT_TRUE(received_nothing());
  ::unsetenv("FDSTORE");
  ASSERT_TRUE(open().store->keep("listener.1.c", kept.fd.get()));
  EXPECT_TRUE(received_nothing());
}

TEST_F(SystemdTest, RefusesANameThatSystemdWouldDrop) {
  constexpr std::size_t kMost = 255;
  Kept kept;
  EXPECT_TRUE(open().store->keep(std::string(kMost, 'n'), kept.fd.get()));
  ASSERT_TRUE(receive_message(socket_.get(), kMessageLimit));
  EXPECT_FALSE(open().store->keep(std::string(kMost + 1, 'n'), kept.fd.get()));
  EXPECT_TRUE(received_nothing());
}

TEST_F(SystemdTest, TakesBackWhatAnEarlierProcessHadKept) {
  constexpr int kFirst = 3;
  Kept socket;
  Kept listener;
  EXPECT_EQ(in_process([&] {
              // Neither is where it goes.
              const int one = ::fcntl(socket.fd.get(), F_DUPFD, 64);
              const int two = ::fcntl(listener.fd.get(), F_DUPFD, 64);
              ::dup2(one, kFirst);
              ::dup2(two, kFirst + 1);
              ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
              ::setenv("LISTEN_FDS", "2", 1);
              ::setenv("LISTEN_FDNAMES", "socket:listener.1.c", 1);
              const OpenedStore opened = open();
              if (names(opened.kept) !=
                  std::vector<std::string>{"socket", "listener.1.c"}) {
                return 1;
              }
              if (!same(opened.kept[0].fd.get(), one)) return 2;
              if (!same(opened.kept[1].fd.get(), two)) return 3;
              const int flags = ::fcntl(opened.kept[1].fd.get(), F_GETFD);
              return (flags & FD_CLOEXEC) != 0 ? 0 : 4;
            }),
            0);
}

TEST_F(SystemdTest, LeavesAloneWhatIsForAnotherProcess) {
  ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_FDNAMES", "socket:listener.1.c", 1);
  EXPECT_TRUE(open().kept.empty());
}

}  // namespace
}  // namespace bailiff::sidecar
