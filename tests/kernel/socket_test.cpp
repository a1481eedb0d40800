// SPDX-License-Identifier: Apache-2.0
// Sockets that a protected container makes, by the call and without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "tests/harness/io_ring.h"
#include "tests/kernel/host.h"
#include "tests/kernel/refusing.h"

namespace bailiff::test {
namespace {

using ::testing::SizeIs;

class Sockets : public ::testing::Test {
 protected:
  Sockets() : cgroup_(make_cgroup()) {}

  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  void refuse(const std::vector<std::string>& conditions) {
    const auto programs =
        protect(refusing(conditions), cgroup_.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
    EXPECT_THAT(*programs, SizeIs(1));
  }

  // errno of a process in the container that makes one.
  int error_of(int family, int type, int protocol = 0) const {
    return WEXITSTATUS(status_in(cgroup_.cgroup().fd(), [=] {
      ::_exit(::socket(family, type, protocol) < 0 ? errno : 0);
    }));
  }
  int error_by_ring(int family, int type) const {
    return WEXITSTATUS(status_in(cgroup_.cgroup().fd(), [=] {
      const int fd = IoRing().socket(family, type);
      ::_exit(fd < 0 ? -fd : 0);
    }));
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
};

TEST_F(Sockets, OfARefusedTypeAreNotMade) {
  refuse({"evt.type = socket and evt.arg.type = 3"});
  for (const int family : {AF_INET, AF_INET6}) {
    EXPECT_EQ(error_of(family, SOCK_RAW, IPPROTO_UDP), EPERM);
    EXPECT_EQ(error_of(family, SOCK_DGRAM), 0);
    EXPECT_EQ(error_of(family, SOCK_STREAM), 0);
  }
  EXPECT_EQ(error_of(AF_UNIX, SOCK_STREAM), 0);
}

TEST_F(Sockets, AreJudgedWhateverFlagsTheyAreMadeWith) {
  refuse({"evt.type = socket and evt.arg.type = 2"});
  EXPECT_EQ(error_of(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC), EPERM);
  EXPECT_EQ(error_of(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK), EPERM);
}

TEST_F(Sockets, AreJudgedWhenIoUringMakesThem) {
  refuse({"evt.type = socket and evt.arg.type = 2"});
  EXPECT_EQ(error_by_ring(AF_INET, SOCK_DGRAM), EPERM);
  EXPECT_EQ(error_by_ring(AF_INET, SOCK_STREAM), 0);
}

TEST_F(Sockets, OfOneFamilyAreRefusedAlone) {
  refuse({"evt.type = socket and evt.arg.domain = AF_INET6",
          "evt.type = socket and evt.arg.domain = AF_INET and "
          "evt.arg.proto = 17"});
  EXPECT_EQ(error_of(AF_INET6, SOCK_STREAM), EPERM);
  EXPECT_EQ(error_of(AF_INET, SOCK_STREAM), 0);
  EXPECT_EQ(error_of(AF_INET, SOCK_DGRAM, IPPROTO_UDP), EPERM);
}

TEST_F(Sockets, AreJudgedByWhoMakesThem) {
  refuse({"evt.type = socket and not user.uid = 0"});
  EXPECT_EQ(error_of(AF_INET, SOCK_STREAM), 0);
  const int status = status_in(cgroup_.cgroup().fd(), [] {
    if (::setuid(65534) != 0) ::_exit(97);
    ::_exit(::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0);
  });
  EXPECT_EQ(WEXITSTATUS(status), EPERM);
}

TEST_F(Sockets, OfOtherFamiliesHaveNoProgram) {
  const Plan plan =
      lower(refusing({"evt.type = socket and evt.arg.domain = AF_PACKET"}),
            Facts{.values = {}, .complete = true});
  EXPECT_FALSE(plan.judges());
}

}  // namespace
}  // namespace bailiff::test
