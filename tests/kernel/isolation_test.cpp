// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/isolation.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/network_namespace.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"

namespace bailiff {
namespace {

using test::connect_in;
using test::FaultyKernel;

class IsolationTest : public testing::Test {
 protected:
  Status isolate(hook::Kernel& kernel) {
    return hook::isolate(bpffs_.path(), "c1", cgroup_.cgroup(), allowed_,
                         kernel);
  }
  Status isolate() { return isolate(kernel_); }

  test::ScratchBpffs bpffs_;
  hook::ScratchCgroup cgroup_ = test::make_cgroup();
  hook::LinuxKernel kernel_;
  std::vector<IpNetwork> allowed_;
};

TEST_F(IsolationTest, RefusesEveryPeerButTheAllowed) {
  allowed_ = {*parse_network("127.77.0.0/16"), *parse_network("::1/128")};
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, 0);
  ASSERT_TRUE(isolate());
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, EPERM);
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {.send = true}).error, EPERM);
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {.ipv6 = true}).error, EPERM);
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {.address = "127.77.1.2"}).error, 0);
  EXPECT_EQ(
      connect_in(cgroup_.cgroup(), {.address = "127.77.1.2", .ipv6 = true})
          .error,
      0);
  ASSERT_TRUE(hook::release(bpffs_.path(), "c1", kernel_));
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, 0);
}

TEST_F(IsolationTest, EndsWhatIsConnected) {
  test::ConnectedSender sender(cgroup_.cgroup(), {});
  ASSERT_EQ(sender.send(), 0);
  ASSERT_TRUE(isolate());
  // It has no peer any longer; what the programs refuse is EPERM.
  EXPECT_EQ(sender.send(), EDESTADDRREQ);
}

// A privileged one can make more than it was given.
TEST_F(IsolationTest, EndsWhatIsConnectedInEachOfItsNetworks) {
  test::ConnectedSender one(cgroup_.cgroup(), {});
  const auto netns = hook::make_network_namespace();
  ASSERT_TRUE(netns);
  const auto own = hook::network_namespace_of(::getpid());
  ASSERT_TRUE(own);
  ASSERT_EQ(::setns(netns->get(), CLONE_NEWNET), 0);
  EXPECT_EQ(::system("ip link set lo up"), 0);
  test::ConnectedSender other(cgroup_.cgroup(), {});
  ASSERT_EQ(::setns(own->get(), CLONE_NEWNET), 0);
  ASSERT_EQ(other.send(), 0);
  ASSERT_TRUE(isolate());
  EXPECT_EQ(one.send(), EDESTADDRREQ);
  EXPECT_EQ(other.send(), EDESTADDRREQ);
}

TEST_F(IsolationTest, LeavesNothingWhenTheKthCallFails) {
  for (int call = 0;; ++call) {
    FaultyKernel faulty(call);
    const Status done = isolate(faulty);
    if (!faulty.failed()) {
      ASSERT_TRUE(done) << done.error().message;
      break;
    }
    // What is not ended is dead all the same.
    if (done) {
      ASSERT_TRUE(hook::release(bpffs_.path(), "c1", kernel_));
      continue;
    }
    EXPECT_EQ(test::attached_programs(cgroup_.cgroup()), 0) << call;
    EXPECT_TRUE(bpffs_.entries().empty()) << call;
  }
  EXPECT_GT(test::attached_programs(cgroup_.cgroup()), 0);
}

TEST_F(IsolationTest, FinishesWhatAKilledProcessLeft) {
  ASSERT_TRUE(isolate());
  const int attached = test::attached_programs(cgroup_.cgroup());
  const std::string link = bpffs_.path() + "/links/c1/isolate-connect4";
  ASSERT_TRUE(kernel_.detach(*kernel_.open_link(link)));
  ASSERT_TRUE(kernel_.unlink(link));
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, 0);
  ASSERT_TRUE(isolate());
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, EPERM);
  EXPECT_EQ(test::attached_programs(cgroup_.cgroup()), attached);
  // Twice is once.
  ASSERT_TRUE(isolate());
  EXPECT_EQ(test::attached_programs(cgroup_.cgroup()), attached);
}

// Its links are pinned still, and attached to nothing.
TEST_F(IsolationTest, IsolatesAContainerThatHasTheNameOfOneThatEnded) {
  {
    const hook::ScratchCgroup ended = test::make_cgroup();
    ASSERT_TRUE(
        hook::isolate(bpffs_.path(), "c1", ended.cgroup(), allowed_, kernel_));
  }
  ASSERT_TRUE(isolate());
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, EPERM);
}

// Killed between ending links and removing their pins.
TEST_F(IsolationTest, IsolatesAContainerWhoseLinksAreAttachedToNothing) {
  ASSERT_TRUE(isolate());
  const int attached = test::attached_programs(cgroup_.cgroup());
  const std::string folder = bpffs_.path() + "/links/c1";
  const auto names = kernel_.list(folder);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    ASSERT_TRUE(kernel_.detach(*kernel_.open_link(folder + "/" + name)));
  }
  ASSERT_EQ(connect_in(cgroup_.cgroup(), {}).error, 0);
  ASSERT_TRUE(isolate());
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {}).error, EPERM);
  EXPECT_EQ(test::attached_programs(cgroup_.cgroup()), attached);
}

TEST_F(IsolationTest, IsolatesOverWhatIsLeftThoughTheKthCallFailedBefore) {
  int call = 0;
  for (bool failed = true; failed; ++call) {
    ASSERT_LT(call, 1000);
    SCOPED_TRACE("call " + std::to_string(call) + " fails");
    {
      const hook::ScratchCgroup ended = test::make_cgroup();
      ASSERT_TRUE(hook::isolate(bpffs_.path(), "c1", ended.cgroup(), allowed_,
                                kernel_));
    }
    FaultyKernel faulty(call);
    const Status done = isolate(faulty);
    failed = faulty.failed();
    if (!done) {
      ASSERT_EQ(test::attached_programs(cgroup_.cgroup()), 0);
    }
    ASSERT_TRUE(isolate());
    ASSERT_EQ(connect_in(cgroup_.cgroup(), {}).error, EPERM);
    ASSERT_TRUE(hook::release(bpffs_.path(), "c1", kernel_));
    ASSERT_EQ(test::attached_programs(cgroup_.cgroup()), 0);
  }
  // Each of the links that are left is looked at, ended and unlinked.
  EXPECT_GT(call, 30);
}

// Ending connections takes as long as the container has sockets.
TEST_F(IsolationTest, EndsConnectionsWhileOthersMayAttach) {
  class Watching final : public test::FaultyKernel {
   public:
    explicit Watching(std::string folder)
        : FaultyKernel(-1), folder_(std::move(folder)) {}
    Status cut_connections(int netns, const std::set<std::uint64_t>& cgroups,
                           std::span<const IpNetwork> spared) override {
      hook::LinuxKernel other;
      is_free_ =
          other.lock(folder_, std::chrono::steady_clock::now()).has_value();
      return FaultyKernel::cut_connections(netns, cgroups, spared);
    }
    std::optional<bool> is_free_;

   private:
    const std::string folder_;
  };
  const test::Sleeper sleeper(cgroup_.cgroup());
  Watching watching(bpffs_.path());
  ASSERT_TRUE(isolate(watching));
  EXPECT_EQ(watching.is_free_, true);
}

TEST_F(IsolationTest, EndsWithTheContainer) {
  ASSERT_TRUE(isolate());
  ASSERT_TRUE(hook::detach(bpffs_.path(), "c1", kernel_));
  EXPECT_EQ(test::attached_programs(cgroup_.cgroup()), 0);
  EXPECT_TRUE(hook::release(bpffs_.path(), "c1", kernel_));
}

}  // namespace
}  // namespace bailiff
