// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "sidecar/notify/descriptor_store.h"
#include "tests/unit/oci/sys/scratch.h"
#include "tests/unit/sidecar/notify/kept.h"

namespace bailiff::sidecar {
namespace {

using testing::Test;
using Names = std::vector<std::string>;

// Before anything of the tests: its first descriptors are the keeper's.
const bool kIsTest = [] {
  std::ifstream line("/proc/self/cmdline");
  std::string name;
  std::string option;
  std::string run_dir;
  std::getline(line, name, '\0');
  std::getline(line, option, '\0');
  std::getline(line, run_dir, '\0');
  if (option == "--keeper") ::_exit(run_keeper(run_dir));
  return true;
}();

class KeeperTest : public Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(kIsTest);
    adopt_keepers();
  }
  // No test leaves one.
  void TearDown() override { wait_children(); }

  OpenedStore open() {
    Result<OpenedStore> opened =
        open_store(run_.path(), kThisProgram, std::chrono::minutes(10));
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }
  bool has_socket() const {
    return std::filesystem::exists(keeper_socket(run_.path()));
  }

  ScratchFolder run_;
};

TEST_F(KeeperTest, KeepsADescriptorOverTheDeathOfWhoeverGaveIt) {
  Kept kept;
  EXPECT_EQ(in_process([&] {
              const OpenedStore opened = open();
              if (!opened.kept.empty()) return 1;
              if (!opened.store->keep("listener.1.c", kept.fd.get())) return 2;
              ::kill(::getpid(), SIGKILL);
              return 3;
            }),
            -1);
  const OpenedStore second = open();
  ASSERT_EQ(names(second.kept), Names{"listener.1.c"});
  EXPECT_TRUE(same(second.kept.front().fd.get(), kept.fd.get()));
  const OpenedStore third = open();
  EXPECT_EQ(names(third.kept), Names{"listener.1.c"});
  EXPECT_EQ(children().size(), 1U);
  kept.other = {};
}

TEST_F(KeeperTest, KeepsTheLaterOfTwoWithOneName) {
  Kept earlier;
  Kept later;
  {
    const OpenedStore opened = open();
    ASSERT_TRUE(opened.store->keep("listener.1.c", earlier.fd.get()));
    ASSERT_TRUE(opened.store->keep("listener.1.c", later.fd.get()));
  }
  const OpenedStore second = open();
  ASSERT_EQ(names(second.kept), Names{"listener.1.c"});
  EXPECT_TRUE(same(second.kept.front().fd.get(), later.fd.get()));
  later.other = {};
}

TEST_F(KeeperTest, TakesWhatIsGivenBeforeItAnswersTheNext) {
  Kept kept;
  const UniqueFd next(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  {
    const OpenedStore opened = open();
    // It reads all of this at once.
    ASSERT_EQ(keepers().size(), 1U);
    ::kill(keepers().front(), SIGSTOP);
    ASSERT_TRUE(opened.store->keep("socket", kept.fd.get()));
    ASSERT_TRUE(opened.store->keep("ledger", kept.fd.get()));
    ASSERT_TRUE(opened.store->keep("listener.1.c", kept.fd.get()));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    keeper_socket(run_.path()).copy(address.sun_path, sizeof address.sun_path);
    ASSERT_EQ(::connect(next.get(), reinterpret_cast<sockaddr*>(&address),
                        sizeof address),
              0);
    ASSERT_TRUE(send_message(next.get(), "all", -1));
  }
  ::kill(keepers().front(), SIGCONT);
  Names all;
  while (all.empty() || all.back() != ".") {
    const Result<Message> message = receive_message(next.get(), kMaxKeptName);
    ASSERT_TRUE(message);
    all.push_back(message->text);
  }
  EXPECT_EQ(all, (Names{"socket", "ledger", "listener.1.c", "."}));
  kept.other = {};
}

TEST_F(KeeperTest, KeepsTheLongestName) {
  Kept kept;
  const std::string name = kListenerPrefix + std::string(kMaxKeptName - 9, 'c');
  {
    const OpenedStore opened = open();
    ASSERT_TRUE(opened.store->keep(name, kept.fd.get()));
    EXPECT_FALSE(opened.store->keep(name + "c", kept.fd.get()));
  }
  EXPECT_EQ(names(open().kept), Names{name});
  kept.other = {};
}

TEST_F(KeeperTest, EndsWhenNobodyAsksAndNoListenerIsLeft) {
  Kept socket;
  {
    const OpenedStore opened = open();
    ASSERT_TRUE(opened.store->keep("socket", socket.fd.get()));
    EXPECT_TRUE(has_socket());
  }
  wait_children();
  EXPECT_FALSE(has_socket());
}

TEST_F(KeeperTest, EndsWithTheLastContainer) {
  Kept kept;
  { ASSERT_TRUE(open().store->keep("listener.1.c", kept.fd.get())); }
  ASSERT_EQ(children().size(), 1U);
  EXPECT_TRUE(has_socket());
  kept.other = {};
  wait_children();
  EXPECT_FALSE(has_socket());
}

TEST_F(KeeperTest, IsStartedAgainWhereOneWasKilled) {
  Kept kept;
  {
    const OpenedStore opened = open();
    ASSERT_TRUE(opened.store->keep("listener.1.c", kept.fd.get()));
    ASSERT_EQ(keepers().size(), 1U);
    ::kill(keepers().front(), SIGKILL);
    wait_children();
    EXPECT_TRUE(has_socket());
  }
  const OpenedStore second = open();
  EXPECT_EQ(names(second.kept), Names{});
  ASSERT_TRUE(second.store->keep("listener.1.c", kept.fd.get()));
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  kept.other = {};
}

TEST_F(KeeperTest, HangsUpWhenItIsKilledAndIsRenewed) {
  Kept kept;
  const OpenedStore opened = open();
  ASSERT_TRUE(opened.store->keep("listener.1.c", kept.fd.get()));
  const std::vector<pid_t> before = keepers();
  ASSERT_EQ(before.size(), 1U);
  pollfd lost{opened.store->events(), 0, 0};
  EXPECT_EQ(::poll(&lost, 1, 0), 0);
  ::kill(before.front(), SIGKILL);
  EXPECT_EQ(::poll(&lost, 1, -1), 1);
  ASSERT_TRUE(opened.store->renew());
  // What is left of the first one is gone.
  ASSERT_EQ(children().size(), 1U);
  EXPECT_NE(children(), before);
  ASSERT_TRUE(opened.store->keep("listener.1.c", kept.fd.get()));
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  kept.other = {};
}

void stop_keepers() {
  for (const pid_t each : keepers()) {
    ::kill(each, SIGSTOP);
    ::waitpid(each, nullptr, WUNTRACED);
  }
}
void continue_all() {
  for (const pid_t each : children()) ::kill(each, SIGCONT);
}

TEST_F(KeeperTest, IsNotWaitedForWhenItIsStopped) {
  Kept kept;
  const OpenedStore first = open();
  ASSERT_TRUE(first.store->keep("listener.1.c", kept.fd.get()));
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  stop_keepers();
  const Result<OpenedStore> second =
      open_store(run_.path(), kThisProgram, std::chrono::milliseconds(1));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "the keeper of descriptors does not answer");
  // What it has it still has.
  continue_all();
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  kept.other = {};
}

TEST_F(KeeperTest, IsReplacedWhenItDoesNotTakeWhatItIsGiven) {
  Kept kept;
  const Result<OpenedStore> opened =
      open_store(run_.path(), kThisProgram, std::chrono::milliseconds(10));
  ASSERT_TRUE(opened) << opened.error().message;
  stop_keepers();
  // What it has not read is bounded, and not waited for.
  Status given = Ok{};
  while (given) given = opened->store->keep("listener.1.c", kept.fd.get());
  EXPECT_EQ(given.error().sys_errno, EAGAIN);
  EXPECT_EQ(given.error().message, "the keeper of descriptors does not answer");
  pollfd lost{opened->store->events(), 0, 0};
  EXPECT_EQ(::poll(&lost, 1, 0), 0);
  opened->store->give_up();
  EXPECT_EQ(::poll(&lost, 1, 0), 1);
  ASSERT_TRUE(opened->store->renew());
  ASSERT_TRUE(opened->store->keep("listener.1.c", kept.fd.get()));
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  kept.other = {};
}

// It was there before whoever gives it up, so nobody may end it.
TEST_F(KeeperTest, IsReplacedByOneItDoesNotGetInTheWayOf) {
  Kept kept;
  const OpenedStore first = open();
  ASSERT_TRUE(first.store->keep("listener.1.c", kept.fd.get()));
  const OpenedStore second = open();
  ASSERT_EQ(names(second.kept), Names{"listener.1.c"});
  stop_keepers();
  second.store->give_up();
  ASSERT_TRUE(second.store->renew());
  ASSERT_TRUE(second.store->keep("listener.2.c", kept.fd.get()));
  EXPECT_EQ(names(open().kept), Names{"listener.2.c"});
  EXPECT_EQ(keepers().size(), 2U);
  // The earlier one has nobody left to ask it once it goes on.
  first.store->give_up();
  const std::vector<pid_t> both = keepers();
  kept.other = {};
  continue_all();
  ASSERT_EQ(::waitpid(both.front(), nullptr, 0), both.front());
  EXPECT_TRUE(has_socket());
}

// Leaves it so many descriptors, or takes the limit away again (0).
void limit_descriptors(pid_t keeper, rlim_t most) {
  rlimit limit{};
  ASSERT_EQ(::prlimit(keeper, RLIMIT_NOFILE, nullptr, &limit), 0);
  limit.rlim_cur = most == 0 ? limit.rlim_max : most;
  ASSERT_EQ(::prlimit(keeper, RLIMIT_NOFILE, &limit, nullptr), 0);
}

TEST_F(KeeperTest, TellsWhatItHasNoRoomFor) {
  Kept first;
  Kept second;
  const OpenedStore opened = open();
  ASSERT_EQ(keepers().size(), 1U);
  limit_descriptors(keepers().front(), kKeeperReserve + 1);
  ASSERT_TRUE(opened.store->keep("listener.1.c", first.fd.get()));
  ASSERT_TRUE(opened.store->keep("listener.2.c", second.fd.get()));
  pollfd told{opened.store->events(), POLLIN, 0};
  ASSERT_EQ(::poll(&told, 1, -1), 1);
  EXPECT_EQ(opened.store->refused(), Names{"listener.2.c"});
  EXPECT_EQ(opened.store->refused(), Names{});
  // Whoever takes over gets what there is.
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  // The other's place.
  first.other = {};
  ASSERT_TRUE(opened.store->keep("listener.2.c", second.fd.get()));
  EXPECT_EQ(names(open().kept), Names{"listener.2.c"});
  second.other = {};
}

// Returns when the process waits for something to happen.
void wait_asleep(pid_t pid) {
  std::string where;
  while (where.find("poll") == where.npos) {
    ::sched_yield();
    std::ifstream("/proc/" + std::to_string(pid) + "/wchan") >> where;
  }
}

TEST_F(KeeperTest, SleepsWhileItCannotTakeAConnection) {
  const OpenedStore opened = open();
  ASSERT_EQ(keepers().size(), 1U);
  const pid_t keeper = keepers().front();
  const std::string files = "/proc/" + std::to_string(keeper) + "/fd";
  limit_descriptors(keeper, static_cast<rlim_t>(std::distance(
                                std::filesystem::directory_iterator(files),
                                std::filesystem::directory_iterator())));
  const Result<UniqueFd> waits =
      connect_to(keeper_socket(run_.path()), SOCK_SEQPACKET);
  ASSERT_TRUE(waits);
  ASSERT_TRUE(send_message(waits->get(), "all", -1));
  wait_asleep(keeper);
  limit_descriptors(keeper, 0);
  const Result<Message> answer = receive_message(waits->get(), kMaxKeptName);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text, ".");
}

TEST_F(KeeperTest, LetsAConnectionWaitUntilAnotherHasEnded) {
  const OpenedStore opened = open();
  ASSERT_EQ(keepers().size(), 1U);
  std::vector<UniqueFd> clients;
  for (std::size_t i = 0; i < kMaxKeeperClients; ++i) {
    Result<UniqueFd> client =
        connect_to(keeper_socket(run_.path()), SOCK_SEQPACKET);
    ASSERT_TRUE(client);
    ASSERT_TRUE(send_message(client->get(), "all", -1));
    clients.push_back(*std::move(client));
  }
  for (std::size_t i = 0; i + 1 < kMaxKeeperClients; ++i) {
    ASSERT_TRUE(receive_message(clients[i].get(), kMaxKeptName));
  }
  wait_asleep(keepers().front());
  EXPECT_FALSE(
      receive_message(clients.back().get(), kMaxKeptName, MSG_DONTWAIT));
  clients.front() = {};
  const Result<Message> answer =
      receive_message(clients.back().get(), kMaxKeptName);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text, ".");
}

TEST_F(KeeperTest, IsStartedByAProcessWithoutStandardDescriptors) {
  Kept kept;
  EXPECT_EQ(in_process([&] {
              for (int fd = 0; fd <= STDERR_FILENO; ++fd) ::close(fd);
              const Result<OpenedStore> opened =
                  open_store(run_.path(), kThisProgram);
              if (!opened) return 1;
              return opened->store->keep("listener.1.c", kept.fd.get()) ? 0 : 2;
            }),
            0);
  EXPECT_EQ(names(open().kept), Names{"listener.1.c"});
  kept.other = {};
}

TEST_F(KeeperTest, SaysWhenItCannotBeStarted) {
  EXPECT_FALSE(open_store(run_.path(), run_ / "none"));
  EXPECT_FALSE(open_store(run_.path(), "/bin/false"));
}

TEST_F(KeeperTest, IsNoneWithoutItsSocket) {
  EXPECT_EQ(in_process([&] {
              const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
              ::dup2(null.get(), kKeeperListening);
              return run_keeper(run_.path());
            }),
            1);
}

}  // namespace
}  // namespace bailiff::sidecar
