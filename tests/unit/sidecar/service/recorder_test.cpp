// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "tests/harness/fake_store.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLong{60};

// Dies when told, and says so by poll(2).  POLLPRI is not what an eventfd
// gives, so the end is told to the recorder through more work.
class SlowDeath final : public Waiting {
 public:
  explicit SlowDeath(const std::atomic<bool>& dead) : dead_(dead) {}
  int fd() const override { return fd_.get(); }
  short events() const override { return POLLPRI; }
  Result<bool> done() override { return dead_.load(); }

 private:
  const UniqueFd fd_{::eventfd(0, EFD_CLOEXEC)};
  const std::atomic<bool>& dead_;
};

Draft draft_of(const std::string& rule, bool awaits = false) {
  Draft draft;
  draft.alert.uuid = new_uuid();
  draft.alert.rule = rule;
  draft.alert.outcome = awaits ? "" : "none";
  draft.sinks = {"soc"};
  draft.awaits_response = awaits;
  draft.asked = Response::kKill;
  return draft;
}

Work work_of(const Draft& draft) {
  Work work;
  work.draft = [draft] { return std::vector<Draft>{draft}; };
  return work;
}

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    Result<std::unique_ptr<Recorder>> started =
        Recorder::start(store_, metrics_,
                        [this](const std::vector<std::string>&) { ++stored_; });
    recorder_ = *std::move(started);
  }

  bool drain() { return recorder_->drain(steady_clock::now() + kLong); }
  std::vector<std::string> stored() {
    std::vector<std::string> json;
    const Result<std::vector<StoredAlert>> alerts = store_.query({});
    for (const StoredAlert& alert : *alerts) {
      json.push_back(alert.json);
    }
    return json;
  }

  FakeStore store_;
  Metrics metrics_;
  std::atomic<int> stored_{0};
  std::unique_ptr<Recorder> recorder_;
};

TEST_F(RecorderTest, StoresInTheOrderOfThePushes) {
  for (const char* rule : {"one", "two", "three"}) {
    ASSERT_TRUE(recorder_->push(work_of(draft_of(rule))));
  }
  ASSERT_TRUE(drain());
  const std::vector<std::string> json = stored();
  ASSERT_EQ(json.size(), 3U);
  EXPECT_THAT(json[0], testing::HasSubstr("\"one\""));
  EXPECT_THAT(json[2], testing::HasSubstr("\"three\""));
  EXPECT_EQ(stored_, 3);
}

TEST_F(RecorderTest, WaitsForTheKillAndNotForOthers) {
  std::atomic<bool> dead{false};
  Work slow = work_of(draft_of("slow", true));
  slow.ticket = std::make_shared<Ticket>("id", Response::kKill);
  slow.ticket->wait_for(std::make_unique<SlowDeath>(dead), "killed");
  ASSERT_TRUE(recorder_->push(std::move(slow)));
  ASSERT_TRUE(recorder_->push(work_of(draft_of("quick"))));
  ASSERT_TRUE(store_.wait_for_newer(0, 60'000));
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_THAT(stored()[0], testing::HasSubstr("\"quick\""));
  dead = true;
  ASSERT_TRUE(recorder_->push(work_of(draft_of("next"))));
  ASSERT_TRUE(drain());
  ASSERT_EQ(stored().size(), 3U);
  EXPECT_THAT(stored()[1], testing::HasSubstr("\"outcome\":\"killed\""));
}

TEST_F(RecorderTest, TellsWhenItIsStored) {
  std::atomic<bool> told{false};
  Work work = work_of(draft_of("one"));
  work.stored = [&] { told = true; };
  ASSERT_TRUE(recorder_->push(std::move(work)));
  ASSERT_TRUE(drain());
  EXPECT_TRUE(told);
}

TEST_F(RecorderTest, LatencyIsFromTheEventToTheDeath) {
  Draft draft = draft_of("one", true);
  complete(draft, {.outcome = "killed", .monotonic_ns = 5'000'000}, 4'588'000);
  EXPECT_EQ(draft.alert.latency_us, 412U);
  draft = draft_of("one", true);
  complete(draft, {.outcome = "killed", .monotonic_ns = 5}, 6);
  EXPECT_EQ(draft.alert.latency_us, 0U);
}

}  // namespace
}  // namespace bailiff::sidecar
