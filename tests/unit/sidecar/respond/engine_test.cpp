// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "oci/sys/files.h"
#include "tests/harness/fake_world.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr std::chrono::seconds kLong{60};

oci::ContainerRecord record_of(std::uint64_t cgroup = 7) {
  oci::ContainerRecord record;
  record.id = "c" + std::to_string(cgroup);
  record.cgroup_id = cgroup;
  record.cgroup_path = "/sys/fs/cgroup/" + record.id;
  record.facts.name = "shop";
  record.facts.image = "example/shop:1";
  return record;
}

void wait_for(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + kLong;
  while (!condition()) {
    ASSERT_LT(steady_clock::now(), deadline);
    ::poll(nullptr, 0, 1);
  }
}

// Knows every container, and says what it was asked; it stops none.  May hang
// when it is asked of one.
class AskedManagers final : public Managers {
 public:
  bool has(const oci::ContainerRecord& /*record*/,
           ManagerVerb /*verb*/) override {
    return knows;
  }
  Result<ManagerCall> start(const oci::ContainerRecord& record,
                            ManagerVerb verb,
                            std::int64_t /*grace_seconds*/) override {
    std::unique_lock lock(mutex_);
    asked_.push_back(verb);
    answers_.wait(lock, [&] { return hangs_for_ != record.id; });
    if (never_ends) return call_without_end();
    return Error{Code::kIo, "no"};
  }
  // "": for none.
  void hang_for(const std::string& id) {
    {
      const std::lock_guard lock(mutex_);
      hangs_for_ = id;
    }
    answers_.notify_all();
  }
  std::vector<ManagerVerb> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  std::atomic<bool> knows{false};
  std::atomic<bool> never_ends{false};  // a call that was started

 private:
  static ManagerCall call_without_end() {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) ::pause();
    }
    return {pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
            UniqueFd()};
  }

  std::mutex mutex_;
  std::condition_variable answers_;
  std::string hangs_for_;
  std::vector<ManagerVerb> asked_;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() : world_(*World::make()) {
    std::string folder = testing::TempDir() + "bailiff-engine-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
  }
  ~EngineTest() override {
    engine_.reset();
    ::munmap(&world_, sizeof(World));
    std::filesystem::remove_all(folder_);
  }

  std::string journal_path() const { return folder_ + "/responses"; }

  JournalContent journal() const {
    const Result<std::string> text = read_bounded(journal_path(), 1 << 20);
    return text ? parse_journal(*text) : JournalContent{};
  }

  void start() {
    JournalContent content;
    auto journal = Journal::open(journal_path(), content);
    ASSERT_TRUE(journal) << journal.error().message;
    auto started = ResponseEngine::start(
        {.responder = responder_,
         .isolator = isolator_,
         .managers = managers_,
         .limits = limits_,
         .journal = std::make_unique<WorldJournal>(world_, *std::move(journal)),
         .tell = [this](const Effect& effect) { return tell(effect); },
         .log = [](const std::string&) {},
         .kill_again = kill_again_,
         .manager_limits = manager_limits_},
        content);
    ASSERT_TRUE(started);
    engine_ = *std::move(started);
  }
  void restart() {
    engine_.reset();
    start();
  }

  // As the service does: what was stored is not stored again.
  bool tell(const Effect& effect) {
    world_.step();
    if (effect.recovered) {
      world_.stored = true;
    } else {
      ++world_.effects;
    }
    world_.step();
    const std::lock_guard lock(mutex_);
    told_.push_back(effect);
    return true;
  }
  std::vector<std::string> outcomes() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> outcomes;
    for (const Effect& effect : told_) outcomes.push_back(effect.outcome);
    return outcomes;
  }

  ResponseRequest request(Response response) {
    return {.response = response,
            .record = record_,
            .terms = terms_,
            .policy = "p",
            .rule = "r"};
  }

  // As the service has it when no limit is asked for.
  ResponseRequest by_hand(Response response) {
    return {.response = response,
            .record = record_,
            .terms = {.pause_limit_ms = 0, .isolate_limit_ms = 0},
            .actor = "uid=0"};
  }

  World& world_;
  std::string folder_;
  WorldResponder responder_{world_};
  WorldIsolator isolator_{world_};
  AskedManagers managers_;
  ResponseLimits limits_;
  ResponseTerms terms_;
  std::chrono::nanoseconds kill_again_ = kKillAgain;
  ManagerLimits manager_limits_;
  oci::ContainerRecord record_ = record_of();
  std::mutex mutex_;
  std::vector<Effect> told_;
  std::unique_ptr<ResponseEngine> engine_;
};

TEST_F(EngineTest, KillsOnceForABurst) {
  start();
  const TicketPtr first = engine_->respond(request(Response::kKill));
  const TicketPtr second = engine_->respond(request(Response::kKill));
  EXPECT_EQ(first, second);
  EXPECT_EQ(first->wait().outcome, "killed");
  EXPECT_EQ(world_.kills, 1);
  // A weaker one is of no use any more.
  EXPECT_EQ(engine_->respond(request(Response::kPause)), first);
}

TEST_F(EngineTest, AStrongerResponseFollowsAWeakerOne) {
  start();
  EXPECT_EQ(engine_->respond(request(Response::kIsolate))->wait().outcome,
            "isolated");
  EXPECT_EQ(engine_->respond(request(Response::kPause))->wait().outcome,
            "paused");
  const Condition condition = engine_->condition(record_.cgroup_id);
  EXPECT_TRUE(condition.paused);
  EXPECT_TRUE(condition.isolated);
  EXPECT_EQ(engine_->respond(request(Response::kKill))->wait().outcome,
            "killed");
}

TEST_F(EngineTest, APersonIsolatesWhatIsPaused) {
  start();
  const TicketPtr paused = engine_->respond(request(Response::kPause));
  EXPECT_EQ(paused->wait().outcome, "paused");
  // To a policy it is isolated enough.
  EXPECT_EQ(engine_->respond(request(Response::kIsolate)), paused);
  ResponseRequest by{
      .response = Response::kIsolate, .record = record_, .actor = "uid=0"};
  EXPECT_EQ(engine_->respond(by)->wait().outcome, "isolated");
  const Result<TicketPtr> resumed = engine_->resume(by);
  ASSERT_TRUE(resumed);
  EXPECT_EQ((*resumed)->wait().outcome, "resumed");
  EXPECT_TRUE(world_.isolated && !world_.frozen);
  EXPECT_TRUE(engine_->condition(record_.cgroup_id).isolated);
}

TEST_F(EngineTest, APauseIsResumedByItself) {
  terms_.pause_limit_ms = 1;
  terms_.pause_then = PauseThen::kResume;
  start();
  EXPECT_EQ(engine_->respond(request(Response::kPause))->wait().outcome,
            "paused");
  wait_for([&] { return outcomes() == std::vector<std::string>{"resumed"}; });
  EXPECT_FALSE(world_.frozen);
  EXPECT_FALSE(engine_->condition(record_.cgroup_id).paused);
}

TEST_F(EngineTest, APauseEndsInAKill) {
  terms_.pause_limit_ms = 1;
  start();
  engine_->respond(request(Response::kPause));
  wait_for([&] { return outcomes() == std::vector<std::string>{"killed"}; });
  EXPECT_FALSE(world_.alive);
}

TEST_F(EngineTest, APauseWhoseKillFailsGoesOnAndMayBeResumed) {
  world_.failing_kills = 1;
  terms_.pause_limit_ms = 1;
  start();
  engine_->respond(request(Response::kPause));
  wait_for(
      [&] { return outcomes() == std::vector<std::string>{"error: no kill"}; });
  EXPECT_TRUE(world_.frozen);
  wait_for([&] {
    return static_cast<bool>(
        engine_->resume({.record = record_, .actor = "uid=0"}));
  });
  wait_for([&] { return !engine_->condition(record_.cgroup_id).paused; });
  EXPECT_FALSE(world_.frozen);
}

TEST_F(EngineTest, AKillAtTheLimitThatFailsIsTriedAgain) {
  world_.failing_kills = 2;
  terms_.pause_limit_ms = 1;
  kill_again_ = std::chrono::milliseconds(1);
  start();
  engine_->respond(request(Response::kPause));
  const std::vector<std::string> all = {"error: no kill", "error: no kill",
                                        "killed"};
  wait_for([&] { return outcomes() == all; });
  EXPECT_FALSE(world_.alive);
}

TEST_F(EngineTest, APersonsLimitCountsForWhatAPolicyBegan) {
  terms_.pause_limit_ms = 3'600'000;
  terms_.isolate_limit_ms = 3'600'000;
  start();
  const TicketPtr first = engine_->respond(request(Response::kPause));
  first->wait();
  EXPECT_EQ(engine_->respond(by_hand(Response::kPause)), first);
  ResponseRequest person = by_hand(Response::kIsolate);
  person.terms.isolate_limit_ms = 60'000;
  engine_->respond(person)->wait();
  EXPECT_NE(engine_->condition(record_.cgroup_id).isolated->until_ns, 0U);
  engine_->respond(by_hand(Response::kIsolate))->wait();
  for (int round = 0; round < 2; ++round) {
    const Condition condition = engine_->condition(record_.cgroup_id);
    ASSERT_TRUE(condition.paused && condition.isolated);
    EXPECT_EQ(condition.paused->until_ns, 0U);
    EXPECT_EQ(condition.isolated->until_ns, 0U);
    restart();
  }
  EXPECT_TRUE(world_.frozen && world_.isolated);
}

TEST_F(EngineTest, APolicyLeavesAPersonNoOtherLimit) {
  terms_.pause_limit_ms = 3'600'000;
  start();
  engine_->respond(by_hand(Response::kPause))->wait();
  engine_->respond(request(Response::kPause))->wait();
  EXPECT_EQ(engine_->condition(record_.cgroup_id).paused->until_ns, 0U);
}

// It would stay half frozen, and nobody would know.
TEST_F(EngineTest, WhatCannotBePausedIsThawed) {
  world_.never_frozen = true;
  start();
  EXPECT_EQ(engine_->respond(request(Response::kPause))->wait().outcome,
            "error: not paused after 5 s");
  EXPECT_FALSE(world_.frozen);
  wait_for([&] { return !engine_->condition(record_.cgroup_id).paused; });
}

// It would tell of the thaw that comes with the death for ever.
TEST_F(EngineTest, NobodyWatchesForTheThawOfWhatWasKilled) {
  start();
  engine_->respond(request(Response::kPause))->wait();
  wait_for([&] { return world_.thaw_watches == 1; });
  EXPECT_EQ(engine_->respond(request(Response::kKill))->wait().outcome,
            "killed");
  wait_for([&] { return world_.thaw_watches == 0; });
}

TEST_F(EngineTest, AStopIsAKillWhenTheGraceIsOver) {
  terms_.grace_ms = 1;
  start();
  EXPECT_EQ(engine_->respond(request(Response::kStop))->wait().outcome,
            "stopping");
  wait_for([&] { return outcomes() == std::vector<std::string>{"killed"}; });
  EXPECT_EQ(world_.terminations, 1);
  EXPECT_EQ(world_.kills, 1);
}

TEST_F(EngineTest, AStopNeedsNoKillWhenTheSignalIsHeard) {
  world_.dies_of_term = true;
  start();
  engine_->respond(request(Response::kStop));
  wait_for([&] { return outcomes() == std::vector<std::string>{"stopped"}; });
  EXPECT_EQ(world_.kills, 0);
}

TEST_F(EngineTest, AManagerStopsWhatItWasToldIsResumed) {
  using Verbs = std::vector<ManagerVerb>;
  managers_.knows = true;
  terms_.grace_ms = 3'600'000;
  start();
  engine_->respond(request(Response::kPause))->wait();
  wait_for([&] { return managers_.asked() == Verbs{ManagerVerb::kPause}; });
  engine_->respond(request(Response::kStop))->wait();
  const Verbs all = {ManagerVerb::kPause, ManagerVerb::kResume,
                     ManagerVerb::kStop};
  wait_for([&] { return managers_.asked() == all; });
  EXPECT_FALSE(world_.frozen);
  // As this one stops nothing.
  wait_for([&] { return world_.terminations == 1; });
}

TEST_F(EngineTest, AManagerThatHangsHoldsUpNoOtherContainer) {
  managers_.knows = true;
  managers_.hang_for(record_.id);
  start();
  engine_->respond(request(Response::kPause))->wait();
  wait_for([&] { return managers_.asked().size() == 1; });
  record_ = record_of(8);
  engine_->respond(request(Response::kPause))->wait();
  const auto resumed = engine_->resume({.record = record_, .actor = "uid=0"});
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ((*resumed)->wait().outcome, "resumed");
  managers_.hang_for("");
}

// The test would not end.
TEST_F(EngineTest, AManagerThatHangsHoldsUpNoStop) {
  managers_.knows = true;
  managers_.never_ends = true;
  manager_limits_ = {.call = std::chrono::hours(1),
                     .at_stop = std::chrono::milliseconds(1)};
  start();
  const TicketPtr paused = engine_->respond(request(Response::kPause));
  EXPECT_EQ(paused->wait().outcome, "paused");
  engine_->told(paused);
  wait_for([&] { return managers_.asked().size() == 1; });
  const auto resumed = engine_->resume({.record = record_, .actor = "uid=0"});
  ASSERT_TRUE(resumed) << resumed.error().message;
  // What was asked after it is not begun, and is by the next one.
  restart();
  wait_for([&] { return managers_.asked().size() == 2; });
  EXPECT_EQ(managers_.asked().back(), ManagerVerb::kResume);
  EXPECT_TRUE(world_.frozen);
  restart();
  EXPECT_FALSE(world_.frozen);
  EXPECT_FALSE(engine_->condition(record_.cgroup_id).paused);
  EXPECT_EQ(outcomes(), std::vector<std::string>{"resumed"});
}

TEST_F(EngineTest, WhatIsPausedWhileAManagerResumesItStaysPaused) {
  managers_.knows = true;
  start();
  engine_->respond(request(Response::kPause))->wait();
  wait_for([&] { return managers_.asked().size() == 1; });
  managers_.hang_for(record_.id);
  const auto resumed = engine_->resume({.record = record_, .actor = "uid=0"});
  ASSERT_TRUE(resumed) << resumed.error().message;
  wait_for([&] { return managers_.asked().size() == 2; });
  EXPECT_EQ(engine_->respond(request(Response::kPause))->wait().outcome,
            "paused");
  world_.frozen = false;  // as the manager has it
  managers_.hang_for("");
  EXPECT_EQ((*resumed)->wait().outcome, "error: it was paused again");
  EXPECT_TRUE(world_.frozen);
  wait_for([&] { return managers_.asked().size() == 3; });
  EXPECT_EQ(managers_.asked().back(), ManagerVerb::kPause);
  restart();
  EXPECT_TRUE(engine_->condition(record_.cgroup_id).paused);
  EXPECT_TRUE(world_.frozen);
}

// A service that was killed may not have come to ask.
TEST_F(EngineTest, AManagerIsAskedAgainForAStopAfterARestart) {
  using Verbs = std::vector<ManagerVerb>;
  terms_.grace_ms = 3'600'000;
  start();
  engine_->respond(request(Response::kStop))->wait();
  engine_.reset();
  managers_.knows = true;
  start();
  wait_for([&] { return managers_.asked() == Verbs{ManagerVerb::kStop}; });
  EXPECT_TRUE(engine_->condition(record_.cgroup_id).stopping);
}

TEST_F(EngineTest, IsReleasedByHandAndByItself) {
  start();
  engine_->respond(request(Response::kIsolate))->wait();
  const ResponseRequest by{.record = record_, .actor = "uid=0"};
  const Result<TicketPtr> released = engine_->release(by);
  ASSERT_TRUE(released) << released.error().message;
  EXPECT_EQ((*released)->wait().outcome, "released");
  EXPECT_FALSE(world_.isolated);
  EXPECT_EQ(engine_->release(by).error().code, Code::kUnsupported);
  terms_.isolate_limit_ms = 1;
  engine_->respond(request(Response::kIsolate))->wait();
  wait_for([&] { return world_.releases == 2; });
}

TEST_F(EngineTest, ResumesWhatSomebodyElsePaused) {
  start();
  const ResponseRequest by{.record = record_, .actor = "uid=0"};
  EXPECT_EQ(engine_->resume(by).error().code, Code::kUnsupported);
  world_.frozen = true;
  const Result<TicketPtr> resumed = engine_->resume(by);
  ASSERT_TRUE(resumed);
  EXPECT_EQ((*resumed)->wait().outcome, "resumed");
  EXPECT_FALSE(world_.frozen);
}

TEST_F(EngineTest, APauseThatSomebodyElseEndsIsOver) {
  start();
  EXPECT_EQ(engine_->respond(request(Response::kPause))->wait().outcome,
            "paused");
  world_.frozen = false;
  // No reason not to pause it again at once.
  EXPECT_EQ(engine_->respond(request(Response::kPause))->wait().outcome,
            "paused");
  EXPECT_TRUE(world_.frozen);
  EXPECT_EQ(world_.freezes, 2);
  world_.frozen = false;
  wait_for([&] { return outcomes().size() == 2; });
  EXPECT_EQ(outcomes(), (std::vector<std::string>{"resumed", "resumed"}));
  EXPECT_FALSE(engine_->condition(record_.cgroup_id).paused);
}

TEST_F(EngineTest, ABudgetThatIsUsedUpIsToldOfOnce) {
  limits_.policy = 1;
  limits_.workload = 9;
  start();
  engine_->respond(request(Response::kKill))->wait();
  for (std::uint64_t cgroup = 8; cgroup < 11; ++cgroup) {
    const oci::ContainerRecord other = record_of(cgroup);
    ResponseRequest asked{
        .response = Response::kKill, .record = other, .policy = "p"};
    EXPECT_EQ(engine_->respond(asked)->wait().outcome, "over_budget");
  }
  wait_for([&] { return !outcomes().empty(); });
  EXPECT_EQ(outcomes(), std::vector<std::string>{"over_budget"});
  ASSERT_EQ(engine_->over().size(), 1U);
  // It stays so over a restart, until somebody re-arms it.
  restart();
  ASSERT_EQ(engine_->over().size(), 1U);
  EXPECT_EQ(engine_->over()[0].name, "p");
  engine_->rearm();
  EXPECT_TRUE(engine_->over().empty());
  restart();
  EXPECT_TRUE(engine_->over().empty());
  // What it had counted is forgotten too.
  const ResponseRequest next{
      .response = Response::kKill, .record = record_of(20), .policy = "p"};
  EXPECT_NE(engine_->respond(next)->wait().outcome, "over_budget");
}

TEST_F(EngineTest, APersonIsNotBoundByBudgets) {
  limits_.node = 1;
  start();
  engine_->respond(request(Response::kIsolate))->wait();
  ResponseRequest by{
      .response = Response::kKill, .record = record_, .actor = "uid=0"};
  EXPECT_EQ(engine_->respond(by)->wait().outcome, "killed");
}

TEST_F(EngineTest, WhatReplacesAContainerIsLinked) {
  start();
  const TicketPtr ticket = engine_->respond(request(Response::kKill));
  ticket->wait();
  oci::ContainerRecord next = record_;
  next.cgroup_id = 99;
  ASSERT_TRUE(engine_->replaced(next));
  EXPECT_EQ(engine_->replaced(next)->id, ticket->id());
  next.id = "another";
  EXPECT_FALSE(engine_->replaced(next));
  EXPECT_FALSE(engine_->replaced(record_));
}

TEST_F(EngineTest, WhatIsPreparedIsInTheJournalAndJoinedAndCarriedOutOnce) {
  start();
  const TicketPtr ticket = engine_->prepare(request(Response::kKill));
  ASSERT_EQ(journal().responses.size(), 1U);
  EXPECT_TRUE(world_.alive);
  EXPECT_FALSE(ticket->done());
  EXPECT_EQ(engine_->respond(request(Response::kPause)), ticket);
  EXPECT_TRUE(world_.alive && !world_.frozen);
  engine_->carry_out(ticket);
  engine_->carry_out(ticket);
  EXPECT_EQ(ticket->wait().outcome, "killed");
  EXPECT_EQ(world_.kills, 1);
}

TEST_F(EngineTest, WhatWasOnlyPreparedIsCarriedOutByTheNextOne) {
  for (const Response response : {Response::kKill, Response::kPause,
                                  Response::kStop, Response::kIsolate}) {
    SCOPED_TRACE(to_string(response));
    world_.reset();
    std::filesystem::remove(journal_path());
    terms_ = {};
    start();
    static_cast<void>(engine_->prepare(request(response)));
    engine_.reset();
    ASSERT_TRUE(world_.alive && !world_.frozen && !world_.isolated);
    start();
    wait_for([&] {
      return !world_.alive || world_.frozen || world_.isolated ||
             world_.terminations > 0;
    });
    EXPECT_EQ(engine_->wants_frozen(record_.cgroup_id),
              response == Response::kPause);
    engine_.reset();
  }
}

TEST_F(EngineTest, AStopThatCouldNotBeBegunHasNoEnd) {
  world_.alive = false;
  start();
  EXPECT_EQ(engine_->respond(request(Response::kStop))->wait().outcome,
            "already gone");
  // What is told in order behind it is the first that is told.
  world_.alive = true;
  limits_.node = 0;
  engine_->set_limits(limits_);
  oci::ContainerRecord other = record_;
  other.cgroup_id = 99;
  engine_->respond(
      {.response = Response::kKill, .record = other, .policy = "p"});
  wait_for([&] { return !outcomes().empty(); });
  EXPECT_EQ(outcomes(), std::vector<std::string>{"over_budget"});
}

struct CrashCase {
  const char* name;
  Response response;
  PauseThen then;
  bool dies_of_term;
  bool alive, frozen, isolated;  // in the end
  int effects;                   // at least
};

class CrashTest : public EngineTest,
                  public testing::WithParamInterface<CrashCase> {
 protected:
  // Begins the response, tells of it, and waits for its end.
  void live() {
    start();
    ResponseRequest asked = request(GetParam().response);
    asked.process = {.pid = 4711, .seen_ns = 1};
    const TicketPtr ticket = engine_->respond(asked);
    ticket->wait();
    world_.step();
    world_.stored = true;  // its alert
    world_.step();
    engine_->told(ticket);
    wait_until_over();
  }
  void wait_until_over() {
    wait_for([&] {
      for (const Journaled& each : journal().responses) {
        if (!each.told || !is_over(each)) return false;
      }
      return true;
    });
  }
};

// The process is killed before and after every step: whatever it had begun is
// finished by the next one, and told.
TEST_P(CrashTest, EveryStepIsFinishedAfterAKill) {
  const CrashCase& expected = GetParam();
  terms_ = {.grace_ms = 1,
            .pause_limit_ms = 1,
            .pause_then = expected.then,
            .isolate_limit_ms = 1};
  int crashes = 0;
  for (int k = 0;; ++k) {
    SCOPED_TRACE(k);
    world_.reset();
    world_.dies_of_term = expected.dies_of_term;
    std::filesystem::remove(journal_path());
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      world_.left = k;
      live();
      ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    world_.left = -1;
    const bool crashed = WEXITSTATUS(status) == 9;
    ASSERT_TRUE(crashed || WEXITSTATUS(status) == 0);
    const bool begun = !journal().responses.empty();
    start();
    wait_until_over();
    engine_.reset();
    if (begun) {
      EXPECT_EQ(world_.alive, expected.alive);
      EXPECT_EQ(world_.frozen, expected.frozen);
      EXPECT_EQ(world_.isolated, expected.isolated);
      EXPECT_TRUE(world_.stored);
      EXPECT_GE(world_.effects, expected.effects);
    } else {
      // Nothing is done that nobody would know of.
      EXPECT_TRUE(world_.alive && !world_.frozen && !world_.isolated);
    }
    EXPECT_LE(world_.kills, 1);
    // What is over is not begun again.
    const auto acts = [this] {
      return world_.kills + world_.freezes + world_.isolations +
             world_.terminations + world_.processes_killed;
    };
    const int before = acts();
    EXPECT_EQ(before > 0, begun);
    start();
    engine_.reset();
    EXPECT_EQ(acts(), before);
    if (!crashed) break;
    ++crashes;
  }
  EXPECT_GT(crashes, 5);
}

INSTANTIATE_TEST_SUITE_P(
    Responses, CrashTest,
    testing::Values(CrashCase{"kill", Response::kKill, PauseThen::kKill, false,
                              false, false, false, 0},
                    CrashCase{"kill_process", Response::kKillProcess,
                              PauseThen::kKill, false, true, false, false, 0},
                    CrashCase{"pause_then_kill", Response::kPause,
                              PauseThen::kKill, false, false, true, false, 1},
                    CrashCase{"pause_then_resume", Response::kPause,
                              PauseThen::kResume, false, true, false, false, 1},
                    CrashCase{"stop_heard", Response::kStop, PauseThen::kKill,
                              true, false, false, false, 1},
                    CrashCase{"stop_ignored", Response::kStop, PauseThen::kKill,
                              false, false, false, false, 1},
                    CrashCase{"isolate", Response::kIsolate, PauseThen::kKill,
                              false, true, false, false, 1}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace bailiff::sidecar
