// SPDX-License-Identifier: Apache-2.0
//
// On real cgroups below the unified hierarchy, with children that fork.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "oci/sys/cgroup.h"
#include "oci/sys/files.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/respond/responder.h"
#include "sidecar/respond/ticket.h"

namespace bailiff::sidecar {
namespace {

using testing::HasSubstr;

Status write_file(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return Error{Code::kIo, "open " + path, errno};
  return write_all(fd.get(), path, text);
}

class CgroupResponderTest : public testing::Test {
 protected:
  CgroupResponderTest() : mount_(*CgroupMount::find()) {
    static int count = 0;
    relative_ = "/bailiff-test-respond-" + std::to_string(::getpid()) + "-" +
                std::to_string(++count);
    path_ = mount_.path + relative_;
    EXPECT_EQ(::mkdir(path_.c_str(), 0755), 0) << path_;
    responder_ = *make_cgroup_responder();
  }
  ~CgroupResponderTest() override {
    static_cast<void>(write_file(path_ + "/cgroup.kill", "1"));
    for (const pid_t child : children_) ::waitpid(child, nullptr, 0);
    // What those have forked dies when it is its turn.
    if (const auto cgroup = Cgroup::open(mount_, relative_)) {
      EXPECT_TRUE(cgroup->wait_empty(std::chrono::steady_clock::now() +
                                     std::chrono::seconds(30)));
    }
    ::rmdir((path_ + "/below").c_str());
    EXPECT_EQ(::rmdir(path_.c_str()), 0) << path_;
  }

  // A process in the cgroup that forks `grandchildren` and sleeps; returns
  // when all of them are there.
  void start(const std::string& folder, int grandchildren) {
    int ready[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    const UniqueFd reader(ready[0]);
    UniqueFd writer(ready[1]);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (!write_file(folder + "/cgroup.procs", "0")) ::_exit(1);
      for (int i = 0; i < grandchildren; ++i) {
        if (::fork() == 0) break;
      }
      ::signal(SIGTERM, SIG_IGN);
      if (::write(writer.get(), "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    children_.push_back(child);
    writer = UniqueFd();
    char byte = 0;
    for (int i = 0; i <= grandchildren; ++i) {
      ASSERT_EQ(::read(reader.get(), &byte, 1), 1);
    }
  }

  oci::ContainerRecord record() const {
    oci::ContainerRecord record;
    record.id = "abc";
    record.cgroup_path = path_;
    record.cgroup_id = Cgroup::open(mount_, relative_)->id();
    return record;
  }
  static void wait(Result<std::unique_ptr<Waiting>> waiting) {
    ASSERT_TRUE(waiting) << waiting.error().message;
    Ticket ticket("", Response::kKill);
    ticket.wait_for(*std::move(waiting), "done");
    EXPECT_EQ(ticket.wait().outcome, "done");
  }
  // That there is such a process now.
  static ProcessName named(pid_t pid) {
    const ClockOffsets clocks = ClockOffsets::now();
    return {.pid = pid,
            .seen_ns = monotonic_ns() +
                       static_cast<std::uint64_t>(clocks.boottime_ns)};
  }
  bool populated() const {
    return *Cgroup::open(mount_, relative_)->populated();
  }

  const CgroupMount mount_;
  std::string relative_;
  std::string path_;
  std::vector<pid_t> children_;
  std::unique_ptr<Responder> responder_;
};

TEST_F(CgroupResponderTest, KillsEveryProcessAndKnowsWhenTheyAreDead) {
  ASSERT_EQ(::mkdir((path_ + "/below").c_str(), 0755), 0);
  start(path_, 5);
  start(path_ + "/below", 3);
  wait(responder_->kill(record()));
  EXPECT_FALSE(populated());
}

TEST_F(CgroupResponderTest, KillsByTheFirstProcessAndTheOthersByTheCgroup) {
  start(path_, 2);
  start(path_, 0);
  oci::ContainerRecord with_first = record();
  with_first.pid = children_[0];
  wait(responder_->kill(with_first));
  EXPECT_FALSE(populated());
}

TEST_F(CgroupResponderTest, LeavesAFirstProcessOfAnotherCgroupAlone) {
  start(path_, 0);
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    for (;;) ::pause();
  }
  oci::ContainerRecord another = record();
  another.pid = other;
  wait(responder_->kill(another));
  EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
}

// Two threads wait for one response: the one that reads of its end first must
// not keep it from the other.
TEST_F(CgroupResponderTest, TellsOfTheEndAfterItWasReadToo) {
  start(path_, 0);
  auto waiting = responder_->kill(record());
  ASSERT_TRUE(waiting) << waiting.error().message;
  for (Result<bool> done = false; !*done;) {
    pollfd event{
        .fd = (*waiting)->fd(), .events = (*waiting)->events(), .revents = 0};
    ASSERT_EQ(::poll(&event, 1, 30'000), 1);
    done = (*waiting)->done();
    ASSERT_TRUE(done) << done.error().message;
  }
  pollfd event{
      .fd = (*waiting)->fd(), .events = (*waiting)->events(), .revents = 0};
  EXPECT_EQ(::poll(&event, 1, 0), 1);
}

TEST_F(CgroupResponderTest, KillsWhatIsFrozen) {
  start(path_, 1);
  ASSERT_TRUE(write_file(path_ + "/cgroup.freeze", "1"));
  wait(responder_->kill(record()));
  EXPECT_FALSE(populated());
}

TEST_F(CgroupResponderTest, KillsOneProcessAndNoOther) {
  start(path_, 0);
  start(path_, 0);
  wait(responder_->kill_process(record(), named(children_[0])));
  EXPECT_EQ(::kill(children_[1], 0), 0);
  EXPECT_TRUE(populated());
  // The number may be another's by now: whoever has it started later.
  ProcessName earlier = named(children_[1]);
  earlier.seen_ns = 1;
  const auto other = responder_->kill_process(record(), earlier);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kNotFound);
  EXPECT_EQ(::kill(children_[1], 0), 0);
}

TEST_F(CgroupResponderTest, KillsNoProcessOutsideTheContainer) {
  start(path_, 0);
  const auto ours = responder_->kill_process(record(), named(::getpid()));
  ASSERT_FALSE(ours);
  EXPECT_EQ(ours.error().code, Code::kPermission);
  EXPECT_FALSE(responder_->kill_process(record(), named(1)));
  EXPECT_FALSE(responder_->kill_process(record(), {}));
}

TEST_F(CgroupResponderTest, FreezesAndThaws) {
  start(path_, 2);
  wait(responder_->freeze(record()));
  EXPECT_TRUE(responder_->look(record())->frozen);
  ASSERT_TRUE(responder_->thaw(record()));
  EXPECT_FALSE(responder_->look(record())->frozen);
  EXPECT_FALSE(responder_->look(record())->gone);
}

TEST_F(CgroupResponderTest, ASandboxIsLeftAloneWhenThatCanBeBelieved) {
  start(path_, 0);
  oci::ContainerRecord sandbox = record();
  sandbox.facts.sandbox = true;
  sandbox.facts.pod_identity_trusted = true;
  const auto refused = responder_->kill(sandbox);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  // Whoever starts a container may write what he likes into its annotations.
  sandbox.facts.pod_identity_trusted = false;
  wait(responder_->kill(sandbox));
}

TEST(PodCgroup, IsFoundInBothOfTheKubeletsNamings) {
  EXPECT_EQ(pod_cgroup("/kubepods/burstable/pod12-3/abc"),
            "/kubepods/burstable/pod12-3");
  EXPECT_EQ(
      pod_cgroup("/kubepods.slice/kubepods-burstable.slice/"
                 "kubepods-burstable-pod12_3.slice/cri-containerd-a.scope"),
      "/kubepods.slice/kubepods-burstable.slice/"
      "kubepods-burstable-pod12_3.slice");
  EXPECT_EQ(pod_cgroup("/system.slice/bailiffd.service"), "");
  EXPECT_EQ(pod_cgroup("/kubepods.slice"), "");
}

TEST_F(CgroupResponderTest, AnEmptyContainerIsGoneAlready) {
  Result<std::unique_ptr<Waiting>> dying = responder_->kill(record());
  ASSERT_FALSE(dying);
  EXPECT_EQ(dying.error().code, Code::kNotFound);
}

TEST_F(CgroupResponderTest, ARemovedCgroupIsGoneAlready) {
  oci::ContainerRecord gone = record();
  gone.cgroup_path += "-never-made";
  Result<std::unique_ptr<Waiting>> dying = responder_->kill(gone);
  ASSERT_FALSE(dying);
  EXPECT_EQ(dying.error().code, Code::kNotFound);
}

TEST_F(CgroupResponderTest, LeavesAnotherCgroupOfThatPathAlone) {
  start(path_, 0);
  oci::ContainerRecord other = record();
  other.cgroup_id += 1;
  Result<std::unique_ptr<Waiting>> dying = responder_->kill(other);
  ASSERT_FALSE(dying);
  EXPECT_EQ(dying.error().code, Code::kNotFound);
  EXPECT_TRUE(populated());
}

TEST_F(CgroupResponderTest, RefusesTheRootOurOwnAndWhatIsAboveIt) {
  const std::string own = *unified_path(::getpid());
  std::vector<std::string> paths = {mount_.path,
                                    mount_.path + "/",
                                    mount_.path + "//",
                                    mount_.path + "/.",
                                    mount_.path + "/..",
                                    "/etc",
                                    ""};
  if (own != "/") paths.push_back(mount_.path + own);
  for (const std::string& path : paths) {
    oci::ContainerRecord bad = record();
    bad.cgroup_path = path;
    // The id would fit: what protects us is not that it does not.
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0) bad.cgroup_id = found.st_ino;
    Result<std::unique_ptr<Waiting>> dying = responder_->kill(bad);
    ASSERT_FALSE(dying) << path;
    EXPECT_NE(dying.error().code, Code::kNotFound) << path;
  }
}

TEST_F(CgroupResponderTest, RefusesACgroupThatHoldsOurs) {
  // In a child, which moves itself below the cgroup it then wants to kill.
  ASSERT_EQ(::mkdir((path_ + "/below").c_str(), 0755), 0);
  const oci::ContainerRecord above = record();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!write_file(path_ + "/below/cgroup.procs", "0")) ::_exit(1);
    Result<std::unique_ptr<Waiting>> dying = responder_->kill(above);
    ::_exit(!dying && dying.error().code == Code::kPermission ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace bailiff::sidecar
