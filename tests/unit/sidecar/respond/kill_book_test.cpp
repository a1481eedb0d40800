// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/kill_book.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>

#include "oci/sys/unique_fd.h"

namespace bailiff::sidecar {
namespace {

using testing::HasSubstr;

class FakeDying final : public Dying {
 public:
  explicit FakeDying(const std::atomic<bool>& dead) : dead_(dead) {}
  int fd() const override { return fd_.get(); }
  Result<bool> empty() override { return dead_.load(); }

 private:
  // Never readable: wait() then looks again at the deadline only, so the tests
  // let the container die before they wait.
  const UniqueFd fd_{::eventfd(0, EFD_CLOEXEC)};
  const std::atomic<bool>& dead_;
};

class FakeResponder final : public Responder {
 public:
  Result<std::unique_ptr<Dying>> kill(
      const oci::ContainerRecord& record) override {
    killed.push_back(record.cgroup_id);
    if (!errors.empty()) {
      Error error = errors.front();
      errors.pop_front();
      return error;
    }
    return std::unique_ptr<Dying>(std::make_unique<FakeDying>(dead));
  }

  std::vector<std::uint64_t> killed;
  std::deque<Error> errors;
  std::atomic<bool> dead{false};
};

oci::ContainerRecord record_of(std::uint64_t cgroup) {
  oci::ContainerRecord record;
  record.id = "c" + std::to_string(cgroup);
  record.cgroup_id = cgroup;
  return record;
}

TEST(KillBook, KillsOnceForABurst) {
  FakeResponder responder;
  KillBook book(responder);
  const KillPtr first = book.kill(record_of(1));
  const KillPtr second = book.kill(record_of(1));
  EXPECT_EQ(first, second);
  EXPECT_FALSE(first->done());
  ASSERT_NE(first->dying(), nullptr);
  EXPECT_GE(first->dying()->fd(), 0);
  responder.dead = true;
  EXPECT_EQ(first->wait().outcome, "killed");
  EXPECT_GT(first->result().monotonic_ns, 0U);
  EXPECT_EQ(first->dying(), nullptr);
  EXPECT_EQ(responder.killed, std::vector<std::uint64_t>{1});
}

TEST(KillBook, RemembersAKillWithoutItsDescriptors) {
  FakeResponder responder;
  KillBook book(responder);
  const KillPtr kill = book.kill(record_of(1));
  const int fd = kill->dying()->fd();
  std::shared_ptr<const Dying> polled = kill->dying();
  responder.dead = true;
  ASSERT_TRUE(kill->done());
  EXPECT_GE(::fcntl(fd, F_GETFD), 0);  // somebody may be polling it
  polled = nullptr;
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_EQ(book.kill(record_of(1)), kill);
}

TEST(KillBook, ALateEventOfAKilledContainerGetsItsOutcome) {
  FakeResponder responder;
  responder.dead = true;
  KillBook book(responder);
  const std::uint64_t when = book.kill(record_of(1))->wait().monotonic_ns;
  const KillPtr late = book.kill(record_of(1));
  ASSERT_TRUE(late->done());
  EXPECT_EQ(late->result().outcome, "killed");
  EXPECT_EQ(late->result().monotonic_ns, when);
  EXPECT_EQ(responder.killed.size(), 1U);
}

TEST(KillBook, KillsEachContainer) {
  FakeResponder responder;
  KillBook book(responder);
  const KillPtr first = book.kill(record_of(1));
  EXPECT_NE(book.kill(record_of(2)), first);
  EXPECT_EQ(responder.killed, (std::vector<std::uint64_t>{1, 2}));
}

TEST(KillBook, AContainerThatIsGoneIsNoError) {
  FakeResponder responder;
  responder.errors = {{Code::kNotFound, "no process"}};
  KillBook book(responder);
  const KillPtr kill = book.kill(record_of(1));
  ASSERT_TRUE(kill->done());
  EXPECT_EQ(kill->result().outcome, "already gone");
}

TEST(KillBook, TriesAgainAfterAnError) {
  FakeResponder responder;
  responder.errors = {{Code::kIo, "write 'cgroup.kill': broken"}};
  responder.dead = true;
  KillBook book(responder);
  EXPECT_THAT(book.kill(record_of(1))->wait().outcome,
              HasSubstr("error: write 'cgroup.kill'"));
  EXPECT_EQ(book.kill(record_of(1))->wait().outcome, "killed");
}

TEST(KillBook, ForgetsTheOldestPastTheBound) {
  FakeResponder responder;
  responder.dead = true;
  KillBook book(responder);
  for (std::uint64_t i = 0; i <= kRememberedKills; ++i) book.kill(record_of(i));
  const std::size_t before = responder.killed.size();
  book.kill(record_of(kRememberedKills));
  EXPECT_EQ(responder.killed.size(), before);
  book.kill(record_of(0));
  EXPECT_EQ(responder.killed.size(), before + 1);
}

TEST(KillBook, ManyThreadsKillOnce) {
  FakeResponder responder;
  responder.dead = true;
  KillBook book(responder);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { EXPECT_EQ(book.kill(record_of(1))->wait().outcome, "killed"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(responder.killed.size(), 1U);
}

}  // namespace
}  // namespace bailiff::sidecar
