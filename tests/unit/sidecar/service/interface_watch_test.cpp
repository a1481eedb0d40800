// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/interface_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "hook/kernel/network_namespace.h"
#include "tests/unit/sidecar/service/fakes.h"

namespace bailiff::sidecar {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::chrono::seconds kLong{60};
constexpr std::chrono::hours kNever{24};

// A network namespace that can get interfaces.
class Network {
 public:
  Network() {
    auto made = hook::make_network_namespace();
    EXPECT_TRUE(made) << made.error().message;
    if (!made) return;
    netns_ = *std::move(made);
    const auto id = hook::network_namespace_id(netns_);
    EXPECT_TRUE(id);
    inode_ = id->second;
  }
  int netns() const { return netns_.get(); }
  std::uint64_t inode() const { return inode_; }
  // It is there as long as the descriptor.
  UniqueFd add_interface(const std::string& name) const {
    UniqueFd fd;
    const Status made =
        hook::in_network_namespace(netns_.get(), [&]() -> Status {
          fd = UniqueFd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
          ifreq request{};
          ::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
          request.ifr_flags = IFF_TAP | IFF_NO_PI;
          EXPECT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0);
          return Ok{};
        });
    EXPECT_TRUE(made);
    return fd;
  }

 private:
  UniqueFd netns_;
  std::uint64_t inode_ = 0;
};

// What a descriptor of this process is of; "": it is not open.
std::string target_of(const std::string& fd) {
  std::error_code error;
  const auto target =
      std::filesystem::read_symlink("/proc/self/fd/" + fd, error);
  return error ? "" : target.string();
}

class InterfaceWatchTest : public testing::Test {
 protected:
  ~InterfaceWatchTest() override { watch_.reset(); }

  ContainerPtr run(
      const std::string& id, const Network& network,
      const std::function<void(oci::ContainerRecord&)>& change =
          [](oci::ContainerRecord&) {},
      bool enforced = true) {
    oci::ContainerRecord record = start_record(id, ++cgroup_, "d");
    record.netns = network.inode();
    record.programs = {"p"};
    change(record);
    const CompiledPolicy policy;
    const ContainerPtr container = make_container(
        std::move(record),
        enforced ? *Generation::make(policy, encode(policy)) : nullptr);
    containers_.add(container);
    const std::lock_guard lock(mutex_);
    netns_[network.inode()] = UniqueFd(::dup(network.netns()));
    return container;
  }
  void end(const ContainerPtr& container) {
    ASSERT_NE(containers_.stop(container->record.id, container->record.time_ns),
              nullptr);
  }

  void start(std::chrono::milliseconds retry = kNever) {
    auto watch = InterfaceWatch::start(
        {.containers = containers_,
         .open = [this](const oci::ContainerRecord& record)
             -> Result<std::optional<hook::InterfaceEvents>> {
           const std::lock_guard lock(mutex_);
           opened_.push_back(record.netns);
           changed_.notify_all();
           if (nowhere_) return std::optional<hook::InterfaceEvents>();
           if (open_failures_ > 0) {
             --open_failures_;
             return Error{Code::kExhausted, "injected"};
           }
           ASSIGN_OR_RETURN(
               hook::InterfaceEvents events,
               hook::InterfaceEvents::open(netns_.at(record.netns)));
           sockets_.push_back(target_of(std::to_string(events.fd())));
           return std::optional(std::move(events));
         },
         .judge = [this](const ContainerPtr& container) -> Status {
           const std::lock_guard lock(mutex_);
           judged_.push_back(container->record.id);
           changed_.notify_all();
           if (failures_ == 0) return Ok{};
           --failures_;
           return Error{Code::kIo, "injected"};
         },
         .retry = retry});
    ASSERT_TRUE(watch) << watch.error().message;
    watch_ = *std::move(watch);
  }

  // Waits until it is so, of what open() and judge() were called with.
  void wait_until(const std::function<bool()>& is_so) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLong, is_so));
  }
  // Waits until the container was judged so often.
  void wait_for(const std::string& id, int times) {
    wait_until([&] { return count(id) >= times; });
  }
  int times(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return count(id);
  }
  // How many networks are heard of.
  std::size_t heard() {
    std::vector<std::string> sockets;
    {
      const std::lock_guard lock(mutex_);
      sockets = sockets_;
    }
    std::size_t open = 0;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/self/fd", error)) {
      const std::string target = target_of(entry.path().filename().string());
      open += static_cast<std::size_t>(
          std::count(sockets.begin(), sockets.end(), target));
    }
    return open;
  }
  // Waits until it is that many.
  bool comes_to_hear(std::size_t networks) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (heard() != networks) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      ::sched_yield();
    }
    return true;
  }

  Containers containers_;
  std::uint64_t cgroup_ = 4710;
  std::map<std::uint64_t, UniqueFd> netns_;  // by inode

  std::mutex mutex_;
  std::condition_variable changed_;
  bool nowhere_ = false;   // no network is found
  int open_failures_ = 0;  // of open(), before it succeeds
  int failures_ = 0;       // of judge(), the same
  std::vector<std::uint64_t> opened_;
  std::vector<std::string> sockets_;
  std::vector<std::string> judged_;

  std::unique_ptr<InterfaceWatch> watch_;

 private:
  int count(const std::string& id) const {
    return static_cast<int>(std::count(judged_.begin(), judged_.end(), id));
  }
};

// What came before it heard of the network is not told.
TEST_F(InterfaceWatchTest, HasEachContainerJudgedAtFirst) {
  const Network network;
  const Network other;
  run("c1", network);
  run("c2", network);
  run("c3", other);
  start();
  for (const char* id : {"c1", "c2", "c3"}) wait_for(id, 1);
  watch_->stop();
  EXPECT_EQ(judged_.size(), 3U);
  EXPECT_EQ(opened_.size(), 2U);
}

TEST_F(InterfaceWatchTest, HasThoseOfANetworkJudgedThatGetsAnInterface) {
  const Network network;
  const Network other;
  run("c1", network);
  run("c2", network);
  run("c3", other);
  start();
  for (const char* id : {"c1", "c2", "c3"}) wait_for(id, 1);
  std::vector<UniqueFd> interfaces;
  for (int time = 2; time <= 4; ++time) {
    interfaces.push_back(network.add_interface("tap" + std::to_string(time)));
    for (const char* id : {"c1", "c2"}) wait_for(id, time);
  }
  interfaces.push_back(other.add_interface("tap0"));
  wait_for("c3", 2);
  watch_->stop();
  EXPECT_EQ(times("c3"), 2);
}

TEST_F(InterfaceWatchTest, HearsOfANetworkThatComesLater) {
  const Network network;
  start();
  run("c1", network);
  watch_->look();
  wait_for("c1", 1);
  const UniqueFd interface = network.add_interface("tap0");
  wait_for("c1", 2);
}

// What came before it was known to be in there was judged for others only.
TEST_F(InterfaceWatchTest, HasOneJudgedThatComesToAKnownNetwork) {
  const Network network;
  run("c1", network);
  start();
  wait_for("c1", 1);
  run("c2", network);
  watch_->look();
  wait_for("c2", 1);
}

TEST_F(InterfaceWatchTest, HearsOfInterfacesBeforeTheNextTry) {
  const Network network;
  run("c1", network);
  failures_ = 1;
  start();
  wait_for("c1", 1);
  const UniqueFd fd = network.add_interface("tap1");
  wait_for("c1", 2);
}

TEST_F(InterfaceWatchTest, LeavesContainersThatHaveNoPrograms) {
  const Network network;
  const Network elsewhere;
  for (const Network* one : {&network, &elsewhere}) {
    const std::string in = one == &network ? "a-" : "b-";
    run(in + "idle", *one,
        [](oci::ContainerRecord& record) { record.programs.clear(); });
    run(
        in + "degraded", *one,
        [](oci::ContainerRecord& record) {
          record.programs.clear();
          record.degraded = "no bpffs";
        },
        /*enforced=*/false);
    run(
        in + "lost", *one, [](oci::ContainerRecord&) {}, /*enforced=*/false);
    run(in + "host", *one,
        [](oci::ContainerRecord& record) { record.netns = 0; });
    end(run(in + "gone", *one));
  }
  // The last by its name, and so the last that is looked at.
  run("z", network);
  start();
  wait_for("z", 1);
  const UniqueFd unheard = elsewhere.add_interface("tap0");
  const UniqueFd interface = network.add_interface("tap0");
  wait_for("z", 2);
  watch_->stop();
  EXPECT_THAT(judged_, Each("z"));
  EXPECT_THAT(opened_, ElementsAre(network.inode()));
}

TEST_F(InterfaceWatchTest, LeavesOneThatHasGone) {
  const Network network;
  const ContainerPtr gone = run("c1", network);
  run("c2", network);
  start();
  for (const char* id : {"c1", "c2"}) wait_for(id, 1);
  end(gone);
  const UniqueFd interface = network.add_interface("tap0");
  wait_for("c2", 2);
  watch_->stop();
  EXPECT_EQ(times("c1"), 1);
}

TEST_F(InterfaceWatchTest, TriesAgainWhereItFailed) {
  const Network network;
  failures_ = 3;
  run("c1", network);
  start(std::chrono::milliseconds(1));
  wait_for("c1", 4);
  // And then only when there is something.
  watch_->look();
  const UniqueFd interface = network.add_interface("tap0");
  wait_for("c1", 5);
}

TEST_F(InterfaceWatchTest, TriesANetworkAgainThatCouldNotBeOpened) {
  const Network network;
  open_failures_ = 2;
  run("c1", network);
  start(std::chrono::milliseconds(1));
  wait_for("c1", 1);
  watch_->stop();
  EXPECT_EQ(opened_.size(), 3U);
}

TEST_F(InterfaceWatchTest, WhoeverLooksNeedNotWaitForTheNextTry) {
  const Network network;
  failures_ = 1;
  run("c1", network);
  start();
  wait_for("c1", 1);
  const UniqueFd interface = network.add_interface("tap0");
  watch_->look();
  wait_for("c1", 2);
}

TEST_F(InterfaceWatchTest, LooksForANetworkAgainThatWasNotFound) {
  const Network network;
  nowhere_ = true;
  run("c1", network);
  start();
  wait_until([&] { return opened_.size() == 1; });
  {
    const std::lock_guard lock(mutex_);
    nowhere_ = false;
  }
  watch_->look();
  wait_for("c1", 1);
  watch_->stop();
  EXPECT_EQ(opened_.size(), 2U);
}

TEST_F(InterfaceWatchTest, LetsGoOfANetworkWithItsLastContainer) {
  const Network network;
  const Network other;
  const ContainerPtr first = run("c1", network);
  const ContainerPtr last = run("c2", network);
  run("c3", other);
  start();
  for (const char* id : {"c1", "c2", "c3"}) wait_for(id, 1);
  EXPECT_EQ(heard(), 2U);
  end(first);
  watch_->look();
  // It has looked when it has found what came behind that.
  const Network marker;
  const ContainerPtr marked = run("c4", marker);
  watch_->look();
  wait_for("c4", 1);
  EXPECT_EQ(heard(), 3U);
  const UniqueFd interface = network.add_interface("tap0");
  wait_for("c2", 2);
  end(last);
  end(marked);
  watch_->look();
  EXPECT_TRUE(comes_to_hear(1));
  // When it is used again, it is heard of again.
  run("c5", network);
  watch_->look();
  wait_for("c5", 1);
  EXPECT_EQ(heard(), 2U);
  watch_->stop();
  EXPECT_EQ(times("c1"), 1);
  watch_.reset();
  EXPECT_EQ(heard(), 0U);
}

TEST_F(InterfaceWatchTest, EndsWhileSomethingIsPending) {
  const Network network;
  failures_ = 1;
  run("c1", network);
  start(kNever);
  wait_for("c1", 1);
  watch_->stop();
  EXPECT_EQ(times("c1"), 1);
  // And once more, for nothing.
  watch_->stop();
  watch_->look();
}

TEST_F(InterfaceWatchTest, EndsWithoutHavingHadAnythingToDo) {
  start();
  watch_.reset();
  EXPECT_THAT(opened_, IsEmpty());
}

}  // namespace
}  // namespace bailiff::sidecar
