// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/update.h"

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hook/kernel/kernel.h"
#include "oci/spec/container_record.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"

namespace bailiff::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CompiledPolicy block_listed() {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", {"127.66.0.1"})));
  return builder.build();
}

class Update : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }

  oci::ContainerRecord record(pid_t first) const {
    oci::ContainerRecord record;
    record.id = "c1";
    record.pid = first;
    record.cgroup_id = cgroup().id();
    return record;
  }
  Result<hook::UpdatedContainers> update(pid_t first, hook::Kernel& kernel) {
    return update({record(first)}, kernel);
  }
  Result<hook::UpdatedContainers> update(
      const std::vector<oci::ContainerRecord>& records, hook::Kernel& kernel) {
    return hook::update_containers(
        dir(), policy_, records,
        [](const std::vector<oci::ContainerRecord>&) -> Status { return Ok{}; },
        kernel);
  }

  ScratchBpffs bpffs_;
  hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
  hook::LinuxKernel kernel_;
  const CompiledPolicy policy_ = block_listed();
};

// Of a container whose first process left others behind and ended: it lives.
TEST_F(Update, JudgesFramesOfAContainerWhoseFirstProcessIsGone) {
  pid_t first = 0;
  {
    const Networked process(cgroup(), network_.netns());
    first = process.pid();
    ASSERT_TRUE(
        protect(policy_, cgroup(), dir(), "c1", kernel_, network_.netns()));
  }
  ASSERT_EQ(network_.frame_programs("tap0"), 1);
  const Networked other(cgroup(), network_.netns());
  const int attached = attached_programs(cgroup());
  const auto updated = update(first, kernel_);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_EQ(attached_programs(cgroup()), attached);
}

// Whoever wants frames judged no more leaves the network to others.
TEST_F(Update, JudgesFramesWhereTheContainerWasStarted) {
  std::optional<Networked> first(std::in_place, cgroup(), network_.netns());
  std::optional<Networked> other(std::in_place, cgroup(), network_.netns());
  ASSERT_TRUE(
      protect(policy_, cgroup(), dir(), "c1", kernel_, network_.netns()));
  struct stat netns {};
  ASSERT_EQ(::fstat(network_.netns(), &netns), 0);
  oci::ContainerRecord started = record(first->pid());
  started.netns = netns.st_ino;
  const auto links = interface_links(dir(), "c1");
  ASSERT_FALSE(links.empty());
  first->leave_network();
  auto updated = update({started}, kernel_);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_THAT(updated->unjudged, IsEmpty());
  EXPECT_EQ(interface_links(dir(), "c1"), links);
  // A container that nobody is in the network of any more is told of.
  other->leave_network();
  updated = update({started}, kernel_);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_THAT(
      updated->unjudged,
      ElementsAre(AllOf(HasSubstr("container 'c1': "),
                        HasSubstr("in the network it was started in"))));
}

// Its first thread has ended, and is a zombie for as long as another runs.
TEST_F(Update, FindsTheNetworkOfAProcessWhoseFirstThreadHasEnded) {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t pid = fork_into(cgroup());
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::setns(network_.netns(), CLONE_NEWNET) != 0) ::_exit(255);
    const pid_t own = ::getpid();
    std::thread([&ready, own] {
      const std::string leader = "/proc/" + std::to_string(own) + "/ns/net";
      while (::access(leader.c_str(), F_OK) == 0) ::sched_yield();
      [[maybe_unused]] const ssize_t told = ::write(ready[1], "", 1);
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
  }
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  oci::ContainerRecord record;
  record.pid = pid;
  const auto network = hook::container_network(record, cgroup());
  ASSERT_TRUE(network) << network.error().message;
  ASSERT_TRUE(*network);
  EXPECT_FALSE((*network)->host);
  struct stat found {};
  struct stat wanted {};
  ASSERT_EQ(::fstat((*network)->netns.get(), &found), 0);
  ASSERT_EQ(::fstat(network_.netns(), &wanted), 0);
  EXPECT_EQ(found.st_ino, wanted.st_ino);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// More cgroups, one in the other, than are looked through for processes.
class Nest {
 public:
  explicit Nest(const Cgroup& cgroup) {
    std::string path = cgroup.path();
    for (int depth = 0; depth < 66; ++depth) {
      path += "/n";
      EXPECT_EQ(::mkdir(path.c_str(), 0755), 0) << path;
      paths_.push_back(path);
    }
  }
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;
  ~Nest() {
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) {
      ::rmdir(path->c_str());
    }
  }

 private:
  std::vector<std::string> paths_;
};

TEST_F(Update, LeavesAContainerDegradedWhoseNetworkNobodyTells) {
  const Nest nest(cgroup());
  const hook::ScratchCgroup neighbour = make_cgroup();
  oci::ContainerRecord degraded = record(0);
  degraded.degraded = "no bpffs";
  oci::ContainerRecord other = record(0);
  other.id = "c2";
  other.cgroup_id = neighbour.cgroup().id();
  const auto updated = update({degraded, other}, kernel_);
  ASSERT_TRUE(updated) << updated.error().message;
  ASSERT_EQ(updated->records.size(), 2U);
  EXPECT_THAT(updated->records[0].degraded, HasSubstr("nested deeper"));
  EXPECT_EQ(attached_programs(cgroup()), 0);
  EXPECT_EQ(updated->records[1].degraded, "");
  EXPECT_EQ(attached_programs(neighbour.cgroup()), kHookCount);

  // One that is protected must not be left so.
  const auto failed = update({record(0)}, kernel_);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message,
              AllOf(HasSubstr("container 'c1'"), HasSubstr("nested deeper")));
}

TEST_F(Update, BringsContainersOfOneNetworkToAnotherPolicy) {
  const hook::ScratchCgroup mate = make_cgroup();
  const Networked process(cgroup(), network_.netns());
  const Networked other(mate.cgroup(), network_.netns());
  PolicyBuilder before;
  before.rule("Before", sip_in(before.list("before", {"127.66.0.2"})));
  ASSERT_TRUE(protect(before.build(), cgroup(), dir(), "c1", kernel_,
                      network_.netns()));
  ASSERT_TRUE(protect(before.build(), mate.cgroup(), dir(), "c2", kernel_,
                      network_.netns()));
  ASSERT_EQ(network_.frame_programs("tap0"), 1);
  oci::ContainerRecord second = record(other.pid());
  second.id = "c2";
  second.cgroup_id = mate.cgroup().id();
  const auto updated = update({record(process.pid()), second}, kernel_);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(updated->left, "");
  EXPECT_EQ(interface_links(dir(), "c1"), interface_links(dir(), "c2"));
  EXPECT_TRUE(network_.comes_to(1));
  for (const Cgroup* sender : {&cgroup(), &mate.cgroup()}) {
    const auto send = [&](const char* host) {
      return network_.send("tap0", ethernet(ETH_P_IP) + ip4(host, udp(1)),
                           sender);
    };
    EXPECT_EQ(send("127.66.0.1"), ENOBUFS);
    EXPECT_EQ(send("127.66.0.2"), 0);
  }
}

TEST_F(Update, TellsWhatIsNotJudged) {
  const Networked process(cgroup(), network_.netns());
  WithoutTcx old;
  const auto updated = update(process.pid(), old);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_THAT(
      updated->unjudged,
      ElementsAre(AllOf(HasSubstr("container 'c1': "), HasSubstr("no tcx"))));
}

}  // namespace
}  // namespace bailiff::test
