// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/delivery.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tests/harness/fake_store.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

Alert alert(const std::string& rule = "rule") {
  Alert made;
  made.uuid = new_uuid();
  made.rule = rule;
  return made;
}

// Answers what the test says; blocks in post() while held.
class ScriptedSink : public Sink {
 public:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Attempt> script;  // the last one repeats
    std::vector<std::string> posted;
    bool held = false;
    bool cancelled = false;

    void hold(bool now) {
      const std::lock_guard lock(mutex);
      held = now;
      changed.notify_all();
    }
    bool wait_for_posts(std::size_t count) {
      std::unique_lock lock(mutex);
      return changed.wait_for(lock, seconds(30),
                              [&] { return posted.size() >= count; });
    }
    std::size_t posts() {
      const std::lock_guard lock(mutex);
      return posted.size();
    }
  };

  explicit ScriptedSink(State& state) : state_(state) {}

  Attempt post(const Delivery& delivery) override {
    std::unique_lock lock(state_.mutex);
    const std::size_t index =
        std::min(state_.posted.size(), state_.script.size() - 1);
    state_.posted.push_back(delivery.uuid);
    state_.changed.notify_all();
    state_.changed.wait(lock, [&] { return !state_.held || state_.cancelled; });
    if (state_.cancelled) return {.error = "cancelled"};
    return state_.script[index];
  }

  void cancel() override {
    const std::lock_guard lock(state_.mutex);
    state_.cancelled = true;
    state_.changed.notify_all();
  }

 private:
  State& state_;
};

const Sink::Attempt kTaken{.outcome = Sink::Outcome::kDelivered};
const Sink::Attempt kBusy{.error = "busy"};
const Sink::Attempt kUnwanted{.outcome = Sink::Outcome::kRefused,
                              .error = "the receiver answered 404"};

NamedSink named(const std::string& name, ScriptedSink::State& state) {
  return {.name = name, .sink = std::make_unique<ScriptedSink>(state)};
}

std::vector<NamedSink> only(NamedSink sink) {
  std::vector<NamedSink> sinks;
  sinks.push_back(std::move(sink));
  return sinks;
}

class ForwarderTest : public testing::Test {
 protected:
  FakeStore store_;
  ScriptedSink::State state_{.script = {kTaken}};
};

TEST_F(ForwarderTest, DeliversWhatWasPendingAtStart) {
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  Forwarder forwarder(store_, only(named("soc", state_)));
  EXPECT_TRUE(store_.wait_for_state(0, "delivered"));
}

TEST_F(ForwarderTest, DeliversWhenNotified) {
  Forwarder forwarder(store_, only(named("soc", state_)));
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
    forwarder.notify();
    ASSERT_TRUE(store_.wait_for_state(i, "delivered")) << i;
  }
  EXPECT_TRUE(state_.wait_for_posts(20));
}

TEST_F(ForwarderTest, KeepsTheOrder) {
  std::vector<std::string> uuids;
  for (int i = 0; i < 100; ++i) {
    const Alert made = alert();
    uuids.push_back(made.uuid);
    ASSERT_TRUE(store_.append(made, {"soc"}, kMaxPending));
  }
  Forwarder forwarder(store_, only(named("soc", state_)));
  ASSERT_TRUE(store_.wait_for_state(99, "delivered"));
  forwarder.stop(steady_clock::now());
  EXPECT_EQ(state_.posted, uuids);
}

TEST_F(ForwarderTest, RetriesWhatFailed) {
  state_.script = {kBusy, kTaken};
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  Forwarder forwarder(store_, only(named("soc", state_)));
  ASSERT_TRUE(store_.wait_for_state(0, "delivered"));
  EXPECT_EQ(store_.queued(0).delivery.attempts, 2);
  forwarder.stop(steady_clock::now());
  const SinkCounts counts = forwarder.counts().at(0);
  EXPECT_EQ(counts.delivered, 1u);
  EXPECT_EQ(counts.retried, 1u);
  EXPECT_EQ(counts.error, "");
}

TEST_F(ForwarderTest, GivesUpAtOnceWhatIsRefused) {
  state_.script = {kUnwanted, kTaken};
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  Forwarder forwarder(store_, only(named("soc", state_)));
  ASSERT_TRUE(store_.wait_for_state(0, "failed"));
  EXPECT_EQ(store_.queued(0).error, "the receiver answered 404");
  EXPECT_TRUE(store_.wait_for_state(1, "delivered"));
  forwarder.stop(steady_clock::now());
  EXPECT_EQ(forwarder.counts().at(0).failed, 1u);
}

TEST_F(ForwarderTest, WaitsAsLongAsTheReceiverAsks) {
  state_.script = {{.error = "slow down", .retry_after = seconds(120)}};
  constexpr std::uint64_t kNow = 1'000'000'000'000;
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  Forwarder forwarder(store_, only(named("soc", state_)), [] { return kNow; });
  ASSERT_TRUE(store_.wait_for_attempts(0, 1));
  EXPECT_EQ(store_.queued(0).due_ns, kNow + 120'000'000'000);
}

TEST_F(ForwarderTest, DoesNotWaitForEver) {
  state_.script = {{.error = "never", .retry_after = seconds(1 << 30)}};
  constexpr std::uint64_t kNow = 1'000'000'000'000;
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  Forwarder forwarder(store_, only(named("soc", state_)), [] { return kNow; });
  ASSERT_TRUE(store_.wait_for_attempts(0, 1));
  EXPECT_EQ(store_.queued(0).due_ns, kNow + 3600'000'000'000);
}

TEST_F(ForwarderTest, GivesUpAfterTheLastAttempt) {
  state_.script = {kBusy};
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  for (int i = 0; i < kMaxAttempts - 1; ++i) {
    ASSERT_TRUE(store_.undelivered(1, "busy", 1));
  }
  Forwarder forwarder(store_, only(named("soc", state_)));
  EXPECT_TRUE(store_.wait_for_state(0, "failed"));
}

TEST_F(ForwarderTest, ASinkThatNeverAnswersDelaysNoOther) {
  ScriptedSink::State stuck{.script = {kTaken}, .held = true};
  std::vector<NamedSink> sinks;
  sinks.push_back(named("stuck", stuck));
  sinks.push_back(named("soc", state_));
  ASSERT_TRUE(store_.append(alert(), {"stuck", "soc"}, kMaxPending));
  Forwarder forwarder(store_, std::move(sinks));
  ASSERT_TRUE(stuck.wait_for_posts(1));
  EXPECT_TRUE(store_.wait_for_state(1, "delivered"));
  EXPECT_EQ(store_.queued(0).state, "pending");
}

TEST_F(ForwarderTest, StopFinishesWhatIsInFlight) {
  state_.held = true;
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  Forwarder forwarder(store_, only(named("soc", state_)));
  ASSERT_TRUE(state_.wait_for_posts(1));
  std::thread release([this] { state_.hold(false); });
  forwarder.stop(steady_clock::now() + seconds(30));
  release.join();
  EXPECT_EQ(store_.queued(0).state, "delivered");
}

TEST_F(ForwarderTest, StopCancelsWhatDoesNotFinish) {
  state_.held = true;
  ASSERT_TRUE(store_.append(alert(), {"soc"}, kMaxPending));
  {
    Forwarder forwarder(store_, only(named("soc", state_)));
    ASSERT_TRUE(state_.wait_for_posts(1));
    forwarder.stop(steady_clock::now());
  }
  EXPECT_EQ(store_.queued(0).state, "pending");
  EXPECT_EQ(store_.queued(0).error, "cancelled");
}

TEST_F(ForwarderTest, CountsWhatIsPendingAndDropped) {
  state_.held = true;
  Forwarder forwarder(store_, only(named("soc", state_)));
  store_.fill_queue("soc", kMaxPending - 1);
  std::size_t dropped = 0;
  for (int i = 0; i < 6; ++i) {
    const auto appended = store_.append(alert(), {"soc"}, kMaxPending);
    ASSERT_TRUE(appended);
    dropped += appended->dropped.size();
    forwarder.count_dropped(appended->dropped);
  }
  EXPECT_EQ(dropped, 5u);
  const SinkCounts counts = forwarder.counts().at(0);
  EXPECT_EQ(counts.sink, "soc");
  EXPECT_EQ(counts.pending, kMaxPending);
  EXPECT_EQ(counts.dropped, 5u);
}

TEST_F(ForwarderTest, ReportsAStoreThatFails) {
  store_.break_down();
  Forwarder forwarder(store_, only(named("soc", state_)));
  EXPECT_EQ(forwarder.counts().at(0).error, "the disk is full");
}

TEST(RetryDelay, DoublesUpToFiveMinutes) {
  EXPECT_EQ(retry_delay(1, 0), seconds(1));
  EXPECT_EQ(retry_delay(2, 0), seconds(2));
  EXPECT_EQ(retry_delay(9, 0), seconds(256));
  EXPECT_EQ(retry_delay(10, 0), seconds(300));
  EXPECT_EQ(retry_delay(kMaxAttempts, 0), seconds(300));
}

TEST(RetryDelay, IsNeverLessThanHalf) {
  for (std::uint64_t random = 0; random < 5000; ++random) {
    EXPECT_GE(retry_delay(3, random), seconds(2));
    EXPECT_LE(retry_delay(3, random), seconds(4));
  }
}

}  // namespace
}  // namespace bailiff::sidecar
