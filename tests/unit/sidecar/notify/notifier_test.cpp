// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/notifier.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "oci/inject/registration.h"
#include "oci/sys/unix_socket.h"
#include "sidecar/notify/descriptors.h"
#include "sidecar/notify/keeper.h"
#include "tests/unit/oci/sys/scratch.h"
#include "tests/unit/sidecar/notify/held_process.h"
#include "tests/unit/sidecar/notify/kept.h"

namespace bailiff::sidecar {
namespace {

// A notifier, and what it asks the service.  Processes that are held come
// before it.
class NotifierTest : public testing::Test {
 protected:
  void TearDown() override {
    let_go_on();
    if (notifier_) notifier_->stop();
  }

  void start(std::chrono::milliseconds held_limit,
             const std::string& keeper = "") {
    auto started = Notifier::start(
        {.run_dir = run_.path(),
         .keeper = keeper,
         .container = [this](const std::string& id) { return look(id); },
         .on_failure =
             [this] {
               ask();
               return on_failure_.load();
             },
         .report = [this](const std::string& kind,
                          const std::string&) { tell(kind); },
         .held_limit = held_limit});
    ASSERT_TRUE(started) << started.error().message;
    notifier_ = *std::move(started);
  }

  // As a runtime does.
  void hand_over(const HeldProcess& process, const std::string& id) {
    const auto token = oci::register_listener(run_.path(), id);
    ASSERT_TRUE(token) << token.error().message;
    const auto runtime =
        connect_unix(oci::listener_socket(run_.path()), Deadline::max());
    ASSERT_TRUE(runtime) << runtime.error().message;
    ASSERT_TRUE(send_message(runtime->fd.get(),
                             R"({"fds":["seccompFd"],"pid":1,"metadata":")" +
                                 *token + R"(","state":{"id":")" + id +
                                 R"("}})",
                             process.listener()));
    // It is closed when the listener is taken.
    char byte = 0;
    ASSERT_EQ(::read(runtime->fd.get(), &byte, 1), 0);
  }

  // Looks for "slow" wait.
  void wait_looks(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return looks_ >= count; });
  }
  int looks() {
    const std::lock_guard lock(mutex_);
    return looks_;
  }
  void let_go_on() {
    const std::lock_guard lock(mutex_);
    go_on_ = true;
    changed_.notify_all();
  }
  std::ptrdiff_t told(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    return std::count(told_.begin(), told_.end(), kind);
  }
  void wait_told(const std::string& kind, std::ptrdiff_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return std::count(told_.begin(), told_.end(), kind) >= count;
    });
  }

  // What is asked from then on is counted.
  void count_asked() { counts_ = true; }
  int asked() const { return asked_; }

  ScratchFolder run_;
  std::atomic<OnError> on_failure_{OnError::kDeny};
  std::map<std::string, ContainerPtr> known_;
  std::unique_ptr<Notifier> notifier_;

 private:
  void ask() {
    if (counts_) ++asked_;
  }
  ContainerPtr look(const std::string& id) {
    ask();
    std::unique_lock lock(mutex_);
    ++looks_;
    changed_.notify_all();
    if (id == "slow") {
      changed_.wait(lock, [&] { return go_on_; });
    }
    const auto found = known_.find(id);
    return found == known_.end() ? nullptr : found->second;
  }
  void tell(const std::string& kind) {
    ask();
    const std::lock_guard lock(mutex_);
    told_.push_back(kind);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int looks_ = 0;
  bool go_on_ = false;
  std::vector<std::string> told_;
  std::atomic<bool> counts_{false};
  std::atomic<int> asked_{0};
};

// Of this process.
std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

constexpr std::chrono::hours kNever{24};
constexpr std::chrono::milliseconds kSoon{50};

TEST_F(NotifierTest, AnswersOfAContainerThatIsNotKnownByOnFailure) {
  HeldProcess process;
  start(kNever);
  hand_over(process, "c1");
  EXPECT_EQ(process.call_one(), EPERM);
  on_failure_ = OnError::kAllow;
  EXPECT_EQ(process.call_one(), EEXIST);
}

TEST_F(NotifierTest, AnswersLateByOnFailure) {
  HeldProcess process;
  start(kSoon);
  hand_over(process, "slow");
  EXPECT_EQ(process.call_one(), EPERM);
  on_failure_ = OnError::kAllow;
  EXPECT_EQ(process.call_one(), EEXIST);
  EXPECT_EQ(told("late"), 2);
}

TEST_F(NotifierTest, LooksAgainOnlyWhenContainersHaveChanged) {
  HeldProcess process;
  oci::ContainerRecord record;
  record.id = "c1";
  known_["c1"] = make_container(record, nullptr);
  start(kNever);
  hand_over(process, "c1");
  process.call_one();
  process.call_one();
  EXPECT_EQ(looks(), 1);
  notifier_->containers_changed();
  process.call_one();
  EXPECT_EQ(looks(), 2);
}

TEST_F(NotifierTest, HasNoThreadForAContainerOfWhichNothingIsHeld) {
  HeldProcess process;
  start(kNever);
  const auto before = threads();
  hand_over(process, "slow");
  EXPECT_EQ(threads(), before);
  process.call(1);
  wait_looks(1);
  EXPECT_EQ(threads(), before + 1);
}

TEST_F(NotifierTest, LeavesInTheKernelWhatIsTooMuchOfOneContainer) {
  constexpr std::uint8_t kMost = 64;
  HeldProcess greedy;
  HeldProcess other;
  start(kNever);
  hand_over(greedy, "slow");
  hand_over(other, "c2");
  greedy.call(kMost);
  greedy.wait_held(kMost);
  while (greedy.one_waits()) ::sched_yield();
  greedy.call(2);
  greedy.wait_held(kMost + 2);
  // Whoever answers it has looked at the other listener too.
  EXPECT_EQ(other.call_one(), EPERM);
  EXPECT_TRUE(greedy.one_waits());
  let_go_on();
  for (int i = 0; i < kMost + 2; ++i) EXPECT_EQ(greedy.result(), EPERM);
}

TEST_F(NotifierTest, CallsOfAContainerThatHasEndedAreNotThoseOfItsId) {
  HeldProcess before;
  HeldProcess after;
  start(kSoon);
  hand_over(before, "slow");
  before.call(3);
  wait_looks(1);
  before.end();
  hand_over(after, "slow");
  // Late as well, so after those of before.
  EXPECT_EQ(after.call_one(), EPERM);
  EXPECT_EQ(after.call_one(), EPERM);
  EXPECT_EQ(told("late"), 2);
}

TEST_F(NotifierTest, GivesAnotherKeeperEverything) {
  adopt_keepers();
  {
    HeldProcess process;
    start(kNever, kThisProgram);
    hand_over(process, "c1");
    for (int i = 1; i <= 2; ++i) {
      const std::vector<pid_t> before = keepers();
      ASSERT_EQ(before.size(), 1U);
      ::kill(before.front(), SIGKILL);
      wait_told("keeper", i);
      // It is told before.
      for (std::vector<pid_t> now = before; now.empty() || now == before;
           now = keepers()) {
        ::sched_yield();
      }
    }
    // Whoever answers this has given everything.
    EXPECT_EQ(process.call_one(), EPERM);
    notifier_.reset();
    start(kNever, kThisProgram);
    EXPECT_EQ(process.call_one(), EPERM);
    notifier_.reset();
  }
  wait_children();
}

TEST_F(NotifierTest, CountsListenersThatAreNotKept) {
  adopt_keepers();
  {
    HeldProcess first;
    HeldProcess second;
    start(kNever, kThisProgram);
    ASSERT_EQ(keepers().size(), 1U);
    const pid_t keeper = keepers().front();
    // Its own two, and one more.
    rlimit limit{};
    ASSERT_EQ(::prlimit(keeper, RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = kKeeperReserve + 3;
    ASSERT_EQ(::prlimit(keeper, RLIMIT_NOFILE, &limit, nullptr), 0);
    hand_over(first, "c1");
    EXPECT_EQ(notifier_->unkept(), 0U);
    hand_over(second, "c2");
    wait_told("keep", 1);
    // It is told before.
    while (notifier_->unkept() != 1) ::sched_yield();
    EXPECT_EQ(second.call_one(), EPERM);
    first.end();
    while (notifier_->unkept() != 0) ::sched_yield();
    notifier_.reset();
    start(kNever, kThisProgram);
    EXPECT_EQ(second.call_one(), EPERM);
    notifier_.reset();
  }
  wait_children();
}

TEST_F(NotifierTest, AnswersWhileItsKeeperTakesNothing) {
  adopt_keepers();
  {
    HeldProcess process;
    HeldProcess other;
    start(kNever, kThisProgram);
    ASSERT_EQ(keepers().size(), 1U);
    const pid_t keeper = keepers().front();
    ::kill(keeper, SIGSTOP);
    ::waitpid(keeper, nullptr, WUNTRACED);
    // More than it can be given unread.
    while (notifier_->unkept() == 0) hand_over(process, "c1");
    hand_over(other, "c2");
    EXPECT_EQ(other.call_one(), EPERM);
    ::kill(keeper, SIGCONT);
    while (notifier_->unkept() != 0) ::sched_yield();
    notifier_.reset();
  }
  wait_children();
}

TEST_F(NotifierTest, LetsRuntimesWaitForWhichThereIsNoDescriptor) {
  HeldProcess process;
  int gate[2];
  ASSERT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  const UniqueFd waits(gate[0]);
  UniqueFd opens(gate[1]);
  // While there is one thread: a lock that another holds is held for ever in
  // the child.
  const pid_t runtime = ::fork();
  if (runtime == 0) {
    opens = {};
    char byte = 0;
    if (::read(waits.get(), &byte, 1) != 1) ::_exit(2);
    hand_over(process, "c1");
    ::_exit(HasFailure() ? 1 : 0);
  }
  start(kNever);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit full = before;
  {
    const UniqueFd next(::dup(STDERR_FILENO));
    full.rlim_cur = static_cast<rlim_t>(next.get());
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &full), 0);
  ASSERT_EQ(::write(opens.get(), "", 1), 1);
  wait_told("runtime", 1);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(runtime, &status, 0), runtime);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(process.call_one(), EPERM);
}

// Stops the notifier while its container's thread looks, which it then may.
class NotifierStops : public NotifierTest {
 protected:
  void stop_during_a_look() {
    const std::string tasks = "/proc/self/task";
    const std::size_t threads = count_files(tasks);
    std::atomic<pid_t> tid{0};
    std::atomic<bool> stopped{false};
    std::thread stopper([&] {
      tid = ::gettid();
      notifier_->stop();
      count_asked();
      stopped = true;
    });
    // It waits, and not for the thread that receives, which is gone.
    const auto waits = [&] {
      std::string where;
      if (tid != 0 && count_files(tasks) == threads) {
        std::ifstream(tasks + "/" + std::to_string(tid) + "/wchan") >> where;
      }
      return where.starts_with("futex");
    };
    while (!stopped && !waits()) ::sched_yield();
    EXPECT_FALSE(stopped);
    let_go_on();
    stopper.join();
  }
};

TEST_F(NotifierStops, AfterALookThatIsUnderWay) {
  HeldProcess process;
  start(kNever);
  hand_over(process, "slow");
  process.call(1);
  wait_looks(1);
  stop_during_a_look();
}

TEST_F(NotifierStops, AndAsksNothingMore) {
  constexpr std::uint8_t kCalls = 64;
  HeldProcess process;
  const auto without = threads();
  start(kNever);
  hand_over(process, "slow");
  process.call(kCalls);
  process.wait_held(kCalls);
  while (process.one_waits()) ::sched_yield();
  wait_looks(1);
  // The next call would be looked for again.
  notifier_->containers_changed();
  stop_during_a_look();
  while (threads() > without) ::sched_yield();
  EXPECT_EQ(asked(), 0);
}

}  // namespace
}  // namespace bailiff::sidecar
