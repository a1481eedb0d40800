// SPDX-License-Identifier: Apache-2.0
//
// On real processes in real cgroups below the unified hierarchy.
#include "sidecar/evidence/captures.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "oci/sys/files.h"
#include "oci/sys/pidfd.h"
#include "sidecar/evidence/sha256.h"
#include "tests/unit/oci/sys/scratch.h"
#include "tests/unit/sidecar/evidence/unpacked.h"

namespace bailiff::sidecar {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr seconds kLong{60};

steady_clock::time_point later() { return steady_clock::now() + kLong; }

// A program in the cgroup, which runs when this is made.
class Contained {
 public:
  Contained(const ScratchCgroup& cgroup, const std::string& program,
            std::vector<std::string> arguments,
            std::vector<std::string> environment) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      write_file(cgroup.path() + "/cgroup.procs", "0");
      std::vector<char*> argv;
      std::vector<char*> envp;
      for (std::string& each : arguments) argv.push_back(each.data());
      for (std::string& each : environment) envp.push_back(each.data());
      argv.push_back(nullptr);
      envp.push_back(nullptr);
      ::execve(program.c_str(), argv.data(), envp.data());
      ::_exit(127);
    }
    writer = UniqueFd();
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 0);  // closed by the exec
  }
  ~Contained() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Contained(const Contained&) = delete;
  Contained& operator=(const Contained&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

// Waits for something another thread says.
class Said {
 public:
  void say(const std::string& text) {
    const std::lock_guard lock(mutex_);
    said_.push_back(text);
    changed_.notify_all();
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    said_.clear();
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, later(), [&] { return said_.size() >= count; });
    return said_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> said_;
};

class CapturesTest : public testing::Test {
 protected:
  CapturesTest() {
    std::filesystem::create_directory(scratch_ / "run");
    std::filesystem::create_directory(scratch_ / "state");
    std::filesystem::create_directory(scratch_ / "bundle");
    write_file(scratch_ / "bundle/config.json",
               R"({"ociVersion": "1.0.2", "process": {"args": ["app"], "cwd":
               "/", "env": ["TOKEN=hunter2"]}, "root": {"path": "rootfs"}})");
    folder_ = *EvidenceFolder::open(scratch_ / "state", {});
  }

  void start(milliseconds limit = milliseconds(10'000),
             Secrets secrets = Secrets::kMask) {
    captures_ = *Captures::start(
        {.run_dir = scratch_ / "run",
         .node = "node-1",
         .limit = limit,
         .secrets = secrets,
         .checkpoint_bytes = checkpoint_bytes_,
         .open_cgroup = [this](const oci::ContainerRecord&) -> Result<Cgroup> {
           if (gate_) gate_();
           return cgroup_.open();
         },
         .keeps_frozen = keeps_frozen_,
         .log = [this](const std::string& line) { log_.say(line); }},
        *folder_);
  }

  CaptureRequest request() const {
    oci::ContainerRecord record;
    record.id = "shop";
    record.bundle = scratch_ / "bundle";
    record.runtime = runtime_;
    record.runtime_root = "/run/runc";
    record.cgroup_path = cgroup_.path();
    record.cgroup_id = cgroup_.open()->id();
    record.args = {"app", "--token", "hunter2"};
    return {.record = record,
            .trigger = {.kind = "rule",
                        .rules = {"c2"},
                        .policies = {"block"},
                        .response = "kill"},
            .events = {[] { return std::string("{\"evt.type\":\"exec\"}"); }},
            .alerts = [] { return std::string("[{\"rule\":\"c2\"}]"); }};
  }

  // A capture to its end: its members.
  std::map<std::string, std::string> capture() {
    const std::string id =
        captures_->begin(request(), [](const std::string&) {});
    EXPECT_TRUE(captures_->wait(id, later()));
    EXPECT_THAT(captures_->pending(), testing::IsEmpty());
    return members(id);
  }
  std::map<std::string, std::string> members(const std::string& id) const {
    return unpacked(scratch_ / ("state/evidence/" + id + "/capture.tar.zst"));
  }

  bool is_frozen() const {
    return read_file(cgroup_.path() + "/cgroup.freeze") == "1\n";
  }

  ScratchFolder scratch_;
  ScratchCgroup cgroup_{"capture"};
  std::unique_ptr<EvidenceFolder> folder_;
  std::function<void()> gate_;
  std::function<bool(std::uint64_t)> keeps_frozen_;
  Said log_;
  std::uint64_t checkpoint_bytes_ = 0;
  std::string runtime_;
  std::unique_ptr<Captures> captures_;
};

std::vector<std::string> steps(const json& manifest) {
  std::vector<std::string> names;
  for (const json& step : manifest["steps"]) names.push_back(step["step"]);
  return names;
}

TEST_F(CapturesTest, FreezesCollectsAndThenResponds) {
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  bool frozen = false;
  const std::string id = captures_->begin(
      request(), [&](const std::string&) { frozen = is_frozen(); });
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_TRUE(frozen);
  EXPECT_FALSE(is_frozen());
  const json manifest = json::parse(members(id).at("manifest.json"));
  EXPECT_THAT(steps(manifest), ElementsAre("frozen", "collected", "responded"));
  EXPECT_EQ(manifest["frozen"], true);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "run/frozen"));
}

TEST_F(CapturesTest, KeepsADeletedProgramAndMasksWhatItWasTold) {
  start();
  const std::string program = scratch_ / "evil";
  std::filesystem::copy("/bin/sleep", program);
  const std::string content = read_file(program);
  const Contained process(cgroup_, program, {"\x1b[31mevil", "1000"},
                          {"DB_PASSWORD=hunter2", "HOME=/\xff"});
  std::filesystem::remove(program);
  const auto found = capture();
  for (const auto& [name, text] : found) {
    EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << name;
  }
  const json processes = json::parse(found.at("processes.json"));
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0]["pid"], process.pid());
  EXPECT_EQ(processes[0]["ppid"], ::getpid());
  EXPECT_EQ(processes[0]["argv"][0], "\\x1b[31mevil");
  EXPECT_THAT(processes[0]["env"].get<std::vector<std::string>>(),
              ElementsAre("DB_PASSWORD=***", "HOME=/\\xff"));
  const json& exe = processes[0]["exe"];
  EXPECT_EQ(exe["kept"], "deleted");
  EXPECT_EQ(exe["sha256"], sha256_of(content));
  EXPECT_EQ(found.at(exe["member"].get<std::string>()), content);
  EXPECT_THAT(found.at("proc/" + std::to_string(process.pid()) + "/maps"),
              HasSubstr("(deleted)"));
  EXPECT_EQ(found.count("cgroup/cgroup.stat"), 1U);
  EXPECT_EQ(found.at("events.jsonl"), "{\"evt.type\":\"exec\"}\n");
  EXPECT_THAT(found.at("alerts.json"), HasSubstr("c2"));
}

TEST_F(CapturesTest, KeepsSecretsWhenToldTo) {
  start(milliseconds(10'000), Secrets::kKeep);
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"},
                          {"DB_PASSWORD=hunter2"});
  const auto found = capture();
  EXPECT_THAT(found.at("processes.json"), HasSubstr("DB_PASSWORD=hunter2"));
  EXPECT_THAT(found.at("oci/config.json"), HasSubstr("TOKEN=hunter2"));
  EXPECT_EQ(json::parse(found.at("manifest.json"))["secrets"], "kept");
}

TEST_F(CapturesTest, ListsEachMemberWithItsHash) {
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  const auto found = capture();
  const json manifest = json::parse(found.at("manifest.json"));
  EXPECT_EQ(manifest["members"].size() + 1, found.size());
  for (const json& member : manifest["members"]) {
    EXPECT_EQ(sha256_of(found.at(member["name"])), member["sha256"]);
  }
  EXPECT_EQ(manifest["container"]["id"], "shop");
  EXPECT_EQ(manifest["trigger"]["policies"][0], "block");
  // There is no root file system in the bundle.
  EXPECT_EQ(manifest["missing"][0]["member"], "upper");
}

TEST_F(CapturesTest, RespondsAtTheLimitAndCollectsWhatIsLeft) {
  Said said;
  gate_ = [&] { said.wait_for(1); };  // a collector that hangs
  start(milliseconds(50));
  auto process = std::make_unique<Contained>(
      cgroup_, "/bin/sleep", std::vector<std::string>{"sleep", "1000"},
      std::vector<std::string>{});
  const std::string id = captures_->begin(request(), [&](const std::string&) {
    process.reset();  // the kill
    said.say("responded");
  });
  ASSERT_TRUE(captures_->wait(id, later()));
  const auto found = members(id);
  const json manifest = json::parse(found.at("manifest.json"));
  EXPECT_THAT(steps(manifest), ElementsAre("responded", "collected"));
  EXPECT_EQ(manifest["frozen"], false);
  EXPECT_EQ(manifest["not_frozen"], "the response went first");
  std::vector<std::string> reasons;
  for (const json& each : manifest["missing"])
    reasons.push_back(each["reason"]);
  EXPECT_THAT(reasons, Contains(HasSubstr("the limit of 50 ms had passed")));
  // What does not die with the processes is there.
  EXPECT_EQ(found.count("oci/config.json"), 1U);
  EXPECT_EQ(found.count("events.jsonl"), 1U);
}

TEST_F(CapturesTest, RespondsFirstWithoutALimit) {
  start(milliseconds(0));
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  const json manifest = json::parse(capture().at("manifest.json"));
  EXPECT_THAT(steps(manifest), ElementsAre("responded", "collected"));
}

TEST_F(CapturesTest, LetsOthersRespondBehindTheCapture) {
  Said said;
  gate_ = [&] { said.wait_for(1); };
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  Said order;
  const std::string id = captures_->begin(
      request(), [&](const std::string& told) { order.say("first " + told); });
  const std::string again = captures_->begin(
      request(), [&](const std::string& told) { order.say("second " + told); });
  captures_->respond(request().record.cgroup_id, [&](const std::string& told) {
    order.say("third " + told);
  });
  captures_->respond(
      1, [&](const std::string& told) { order.say("other '" + told + "'"); });
  said.say("go on");
  EXPECT_EQ(again, id);
  EXPECT_THAT(order.wait_for(4), ElementsAre("other ''", "first " + id,
                                             "second " + id, "third " + id));
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_EQ(captures_->counts().complete, 1U);
}

TEST_F(CapturesTest, HoldsOneCaptureOfAContainerThatAsksAgain) {
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  const auto nothing = [](const std::string&) {};
  const std::string id = captures_->begin(request(), nothing);
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_EQ(captures_->begin(request(), nothing), id);
  const std::string other = captures_->begin(
      request(), nothing, Captures::Leaves::kNothing, Captures::When::kAnyway);
  EXPECT_NE(other, id);
  ASSERT_TRUE(captures_->wait(other, later()));
  EXPECT_EQ(folder_->summaries()->size(), 2U);
}

TEST_F(CapturesTest, LeavesFrozenWhatSomebodyElseFroze) {
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  ASSERT_TRUE(cgroup_.open()->freeze());
  const json manifest = json::parse(capture().at("manifest.json"));
  EXPECT_EQ(manifest["frozen"], true);
  EXPECT_TRUE(is_frozen());
}

TEST_F(CapturesTest, FreezesAgainWhatIsPausedWhileItThaws) {
  // It is from the moment on when it runs again.
  keeps_frozen_ = [this](std::uint64_t) { return !is_frozen(); };
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  const json manifest = json::parse(capture().at("manifest.json"));
  EXPECT_EQ(manifest["frozen"], true);
  EXPECT_TRUE(is_frozen());
}

TEST_F(CapturesTest, TellsWhatIsMissingOfAContainerThatIsGone) {
  start();
  const auto found = capture();
  const json manifest = json::parse(found.at("manifest.json"));
  EXPECT_EQ(manifest["missing"][1]["reason"], "there is no process");
  EXPECT_EQ(json::parse(found.at("processes.json")), json::array());
}

TEST_F(CapturesTest, ShowsACaptureThatCouldNotBeWritten) {
  start();
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  std::filesystem::remove_all(scratch_ / "state/evidence");
  const std::string id = captures_->begin(request(), [](const std::string&) {});
  ASSERT_TRUE(captures_->wait(id, later()));
  const std::vector<PendingCapture> pending = captures_->pending();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].id, id);
  EXPECT_EQ(pending[0].state, "failed");
  EXPECT_THAT(pending[0].error, HasSubstr("make folder"));
  EXPECT_EQ(captures_->counts().failed, 1U);
  EXPECT_THAT(log_.wait_for(1),
              ElementsAre(testing::AllOf(HasSubstr(id), HasSubstr("shop"))));
}

TEST_F(CapturesTest, RespondsWhenItIsStopped) {
  Said said;
  gate_ = [&] { said.wait_for(1); };
  start();
  Said responded;
  const std::string id = captures_->begin(
      request(), [&](const std::string& told) { responded.say(told); });
  captures_->stop(steady_clock::now());
  EXPECT_THAT(responded.wait_for(1), ElementsAre(id));
  bool at_once = false;
  // It is still under way, and holds up nobody.
  EXPECT_EQ(
      captures_->begin(request(), [&](const std::string&) { at_once = true; }),
      id);
  EXPECT_TRUE(at_once);
  said.say("the collector ends");
  // It is on its own: the test waits until it does not use the gate any more.
  ASSERT_TRUE(captures_->wait(id, later()));
}

TEST_F(CapturesTest, FindsWhatACrashLeftFrozen) {
  const Contained process(cgroup_, "/bin/sleep", {"sleep", "1000"}, {});
  const Result<Cgroup> cgroup = cgroup_.open();
  ASSERT_TRUE(cgroup->freeze());
  std::filesystem::create_directory(scratch_ / "run/frozen");
  const auto mark = [&] {
    write_file(scratch_ / "run/frozen/shop", std::to_string(cgroup->id()));
  };
  mark();
  write_file(scratch_ / "run/frozen/gone", "1");
  write_file(scratch_ / "run/frozen/broken", "");
  const std::vector<Interrupted> found = interrupted_captures(scratch_ / "run");
  ASSERT_EQ(found.size(), 2U);
  for (const Interrupted& each : found) {
    EXPECT_TRUE(settle(scratch_ / "run", each, /*stays_frozen=*/false));
  }
  EXPECT_FALSE(is_frozen());

  ASSERT_TRUE(cgroup->freeze());
  mark();
  ASSERT_TRUE(settle(scratch_ / "run",
                     interrupted_captures(scratch_ / "run").at(0),
                     /*stays_frozen=*/true));
  EXPECT_TRUE(is_frozen());
  EXPECT_THAT(interrupted_captures(scratch_ / "run"), testing::IsEmpty());
}

// With a runtime that is a script: its image folder is $images, and its cgroup
// $cgroup.
class CheckpointTest : public CapturesTest {
 protected:
  CheckpointTest() { checkpoint_bytes_ = std::uint64_t{64} << 20; }

  void runtime(const std::string& script) {
    runtime_ = scratch_ / "runtime";
    // "--root DIR checkpoint --leave-running --image-path DIR": the sixth.
    write_file(runtime_, "#!/bin/sh\nimages=$6\ncgroup=" + cgroup_.path() +
                             "\n" + script + "\n");
    std::filesystem::permissions(runtime_, std::filesystem::perms::owner_all);
  }

  // What the capture does not have of a checkpoint, and why.
  static std::string missing(const json& manifest) {
    for (const json& each : manifest["missing"]) {
      if (each["member"] == "checkpoint") return each["reason"];
    }
    return "";
  }
  json manifest_of(const std::string& id) const {
    return json::parse(members(id).at("manifest.json"));
  }

  // Neither images, nor a mark of what is frozen.
  void expect_nothing_left(const std::string& id) const {
    EXPECT_FALSE(std::filesystem::exists(
        scratch_ / ("state/evidence/partial-" + id + "-images")));
    EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "run/frozen"));
  }

  // A capture to its end, with a response that finds the container frozen: its
  // id.
  std::string captured(Captures::Leaves leaves = Captures::Leaves::kNothing) {
    start();
    bool frozen = false;
    const std::string id = captures_->begin(
        request(), [&](const std::string&) { frozen = is_frozen(); }, leaves);
    EXPECT_TRUE(captures_->wait(id, later()));
    EXPECT_TRUE(frozen);
    return id;
  }

  // Begins a capture, with a response that says "waited", of which a runtime
  // that makes the file "begun" is making the checkpoint when this returns and
  // its limit has passed.  On a slow machine the limit may come too soon: then
  // again, with a longer one.
  std::string begin_slow(Said& said) {
    for (milliseconds limit(300); limit < kLong; limit *= 2) {
      start(limit);
      said.forget();
      std::filesystem::remove(scratch_ / "begun");
      const auto begun = steady_clock::now();
      const std::string id = captures_->begin(
          request(), [&](const std::string&) { said.say("waited"); },
          Captures::Leaves::kProcesses);
      while (!captures_->wait(id, steady_clock::now() + milliseconds(1))) {
        if (std::filesystem::exists(scratch_ / "begun") &&
            steady_clock::now() > begun + limit + milliseconds(50)) {
          return id;
        }
      }
    }
    ADD_FAILURE() << "no checkpoint was begun";
    return "";
  }

  const Contained process_{cgroup_, "/bin/sleep", {"sleep", "1000"}, {}};
};

TEST_F(CheckpointTest, KeepsWhatTheRuntimeMadeOfAFrozenContainer) {
  runtime(
      "echo \"$@\" > $images/arguments; cat $cgroup/cgroup.freeze > "
      "$images/frozen; env > $images/environment; echo said; echo done");
  const std::string id = captured();
  EXPECT_FALSE(is_frozen());
  const auto found = members(id);
  const json manifest = json::parse(found.at("manifest.json"));
  EXPECT_THAT(steps(manifest),
              ElementsAre("frozen", "collected", "checkpoint", "responded"));
  EXPECT_EQ(missing(manifest), "");
  EXPECT_THAT(found.at("checkpoint/arguments"),
              HasSubstr("--tcp-established --ext-unix-sk --shell-job "
                        "--file-locks shop\n"));
  EXPECT_THAT(found.at("checkpoint/arguments"),
              testing::StartsWith("--root /run/runc checkpoint "
                                  "--leave-running --image-path "));
  EXPECT_EQ(found.at("checkpoint/frozen"), "1\n");
  EXPECT_THAT(found.at("checkpoint/environment"), Not(HasSubstr("HOME=")));
  EXPECT_EQ(found.at("checkpoint/runtime.log"), "said\ndone\n");
  for (const json& member : manifest["members"]) {
    EXPECT_EQ(sha256_of(found.at(member["name"])), member["sha256"]);
  }
  expect_nothing_left(id);
}

TEST_F(CheckpointTest, IsNotMadeUnlessAskedFor) {
  checkpoint_bytes_ = 0;
  runtime("touch " + scratch_.path() + "/called");
  const json manifest = manifest_of(captured());
  EXPECT_THAT(steps(manifest), ElementsAre("frozen", "collected", "responded"));
  EXPECT_EQ(missing(manifest), "");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "called"));
}

TEST_F(CheckpointTest, TellsWhyTheRuntimeFailedAndKeepsTheRest) {
  runtime(
      "echo 'level=error msg=\"criu failed\"' >&2; echo half > "
      "$images/pages-1.img; printf '(1) ok\\n(2) Error (a.c:1): no vdso\\n(3) "
      "done\\n' > $images/dump.log; exit 3");
  const std::string id = captured();
  const auto found = members(id);
  const json manifest = json::parse(found.at("manifest.json"));
  EXPECT_THAT(steps(manifest), ElementsAre("frozen", "collected", "responded"));
  EXPECT_EQ(missing(manifest),
            "'" + runtime_ +
                " checkpoint' ended with 3: level=error msg=\"criu failed\"; "
                "criu: (2) Error (a.c:1): no vdso");
  EXPECT_EQ(found.count("checkpoint/pages-1.img"), 0U);
  EXPECT_EQ(found.count("processes.json"), 1U);
  expect_nothing_left(id);
}

TEST_F(CheckpointTest, IsCutOffByAKillAtTheLimit) {
  runtime("sleep 1000");
  start(milliseconds(400));
  auto process = std::make_unique<Contained>(
      cgroup_, "/bin/sleep", std::vector<std::string>{"sleep", "1000"},
      std::vector<std::string>{});
  bool frozen = false;
  const std::string id = captures_->begin(request(), [&](const std::string&) {
    frozen = is_frozen();
    process.reset();  // the kill
  });
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_TRUE(frozen);
  EXPECT_FALSE(is_frozen());
  EXPECT_THAT(missing(manifest_of(id)),
              HasSubstr("the limit of 400 ms had passed"));
  expect_nothing_left(id);
}

TEST_F(CheckpointTest, IsWaitedForByWhatLeavesProcesses) {
  runtime("touch " + scratch_.path() + "/begun; while [ ! -e " +
          scratch_.path() + "/end ]; do sleep 0.01; done; echo > $images/a");
  Said said;
  const std::string id = begin_slow(said);
  captures_->respond(
      request().record.cgroup_id,
      [&](const std::string&) { said.say("so did this"); },
      Captures::Leaves::kProcesses);
  EXPECT_THAT(said.wait_for(0), testing::IsEmpty());
  write_file(scratch_ / "end", "");
  EXPECT_THAT(said.wait_for(2), ElementsAre("waited", "so did this"));
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_THAT(steps(manifest_of(id)),
              ElementsAre("frozen", "collected", "checkpoint", "responded"));
}

TEST_F(CheckpointTest, IsCutOffByAKillThatComesAfterTheLimit) {
  // With what it has started.
  runtime("sleep 1000 & echo $! > " + scratch_.path() + "/begun; wait");
  Said said;
  const std::string id = begin_slow(said);
  EXPECT_THAT(said.wait_for(0), testing::IsEmpty());
  captures_->respond(request().record.cgroup_id, [&](const std::string&) {
    said.say(is_frozen() ? "killed frozen" : "killed");
  });
  EXPECT_THAT(said.wait_for(2), ElementsAre("waited", "killed frozen"));
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_THAT(missing(manifest_of(id)), HasSubstr("it was cut off"));
  const Result<Pidfd> child =
      Pidfd::open(std::stoi(read_file(scratch_ / "begun")));
  EXPECT_TRUE(!child || *child->wait_exit(later()));
  expect_nothing_left(id);
}

TEST_F(CheckpointTest, IsCutOffWhenItBecomesTooLong) {
  checkpoint_bytes_ = std::uint64_t{8} << 20;
  runtime(
      "echo 0 > $cgroup/cgroup.freeze; "
      "head -c 9000000 /dev/zero > $images/pages-1.img; sleep 1000");
  const std::string id = captured(Captures::Leaves::kProcesses);
  EXPECT_FALSE(is_frozen());
  EXPECT_THAT(missing(manifest_of(id)),
              HasSubstr("it became longer than 8 MiB"));
  EXPECT_EQ(members(id).count("checkpoint/pages-1.img"), 0U);
  expect_nothing_left(id);
}

// Stays in its end after SIGKILL, as in the kernel's hands, until it is let go.
class DyingSlowly {
 public:
  explicit DyingSlowly(pid_t pid) : pid_(pid) {
    EXPECT_EQ(::ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACEEXIT), 0);
  }
  void wait_killed() const {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, __WALL), pid_);
    EXPECT_EQ(status >> 8, SIGTRAP | (PTRACE_EVENT_EXIT << 8));
  }
  void let_go() const {
    EXPECT_EQ(::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr), 0);
  }

 private:
  const pid_t pid_;
};

// Tells when a folder is listed.
class Listings {
 public:
  explicit Listings(const std::string& folder) {
    EXPECT_GE(::inotify_add_watch(fd_.get(), folder.c_str(), IN_OPEN), 0);
  }
  void forget() {
    while (::read(fd_.get(), events_.data(), events_.size()) > 0) {
    }
  }
  void wait_for_one() {
    pollfd event{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&event, 1, poll_timeout(later())), 1);
    forget();
  }

 private:
  const UniqueFd fd_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  std::array<char, 4096> events_{};
};

TEST_F(CheckpointTest, IsCutOffOnceHoweverLongItTakesToDie) {
  checkpoint_bytes_ = std::uint64_t{8} << 20;
  runtime("echo $$ > " + scratch_.path() + "/pid; echo > $images/a; touch " +
          scratch_.path() + "/begun; exec sleep 1000");
  Said said;
  const std::string id = begin_slow(said);
  const std::string images =
      scratch_ / ("state/evidence/partial-" + id + "-images");
  const DyingSlowly dying(std::stoi(read_file(scratch_ / "pid")));
  captures_->respond(request().record.cgroup_id,
                     [&](const std::string&) { said.say("killed"); });
  EXPECT_THAT(said.wait_for(2), ElementsAre("waited", "killed"));
  dying.wait_killed();
  const auto until = later();
  while (is_frozen() && steady_clock::now() < until) {
    EXPECT_FALSE(captures_->wait(id, steady_clock::now() + milliseconds(1)));
  }
  Listings looks(images);
  std::filesystem::resize_file(images + "/a", std::uint64_t{9} << 20);
  looks.forget();
  // It is looked at again when what came of the first look is done.
  looks.wait_for_one();
  looks.wait_for_one();
  EXPECT_FALSE(is_frozen());
  dying.let_go();
  ASSERT_TRUE(captures_->wait(id, later()));
  EXPECT_FALSE(is_frozen());
  EXPECT_THAT(missing(manifest_of(id)),
              HasSubstr("it became longer than 8 MiB"));
  expect_nothing_left(id);
}

TEST_F(CheckpointTest, IsNotBegunWhenThereIsMoreMemoryThanRoom) {
  checkpoint_bytes_ = 1;
  runtime("touch " + scratch_.path() + "/called");
  const json manifest = manifest_of(captured());
  EXPECT_THAT(missing(manifest), HasSubstr("MiB of memory"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "called"));
}

TEST_F(CheckpointTest, NeedsToKnowTheRuntime) {
  EXPECT_THAT(missing(manifest_of(captured())),
              HasSubstr("nobody told which runtime"));
}

TEST_F(CheckpointTest, RunsNoRuntimeThatOthersMayChange) {
  runtime("touch " + scratch_.path() + "/called");
  std::filesystem::permissions(runtime_, std::filesystem::perms::all);
  EXPECT_THAT(missing(manifest_of(captured())), HasSubstr("runtime"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "called"));
}

TEST_F(CheckpointTest, FreezesAgainWhatTheRuntimeLeavesRunning) {
  runtime("echo 0 > $cgroup/cgroup.freeze; echo > $images/a");
  const std::string id = captured();
  EXPECT_EQ(members(id).count("checkpoint/a"), 1U);
  EXPECT_THAT(manifest_of(id)["missing"].dump(),
              HasSubstr("let it go on behind the checkpoint"));
}

TEST_F(CheckpointTest, LeavesFrozenWhatSomebodyElseFroze) {
  runtime("echo > $images/a");
  ASSERT_TRUE(cgroup_.open()->freeze());
  const std::string id = captured();
  EXPECT_TRUE(is_frozen());
  EXPECT_EQ(members(id).count("checkpoint/a"), 1U);
  expect_nothing_left(id);
}

TEST_F(CheckpointTest, IsCutOffWhenTheServiceStops) {
  runtime("touch " + scratch_.path() + "/begun; sleep 1000");
  Said said;
  const std::string id = begin_slow(said);
  captures_->stop(later());
  EXPECT_THAT(said.wait_for(1), ElementsAre("waited"));
  EXPECT_FALSE(is_frozen());
  EXPECT_THAT(missing(manifest_of(id)), HasSubstr("it was cut off"));
  expect_nothing_left(id);
}

// As after a crash: with what it began still running.
TEST_F(CheckpointTest, IsEndedBeforeWhatACrashLeftIsThawed) {
  const Result<Cgroup> cgroup = cgroup_.open();
  std::filesystem::create_directory(scratch_ / "run/frozen");
  for (const bool was_frozen : {false, true}) {
    Result<CheckpointRun> run = CheckpointRun::prepare(
        {"/bin/sleep", "1000"}, scratch_ / (was_frozen ? "run" : "state"));
    ASSERT_TRUE(run) << run.error().message;
    run->go();
    write_file(scratch_ / "run/frozen/shop",
               std::to_string(cgroup->id()) + " " +
                   std::to_string(run->process().pid) + " " +
                   std::to_string(run->process().ticks) +
                   (was_frozen ? " 1" : " 0"));
    const std::vector<Interrupted> found =
        interrupted_captures(scratch_ / "run");
    ASSERT_EQ(found.size(), 1U);
    ASSERT_TRUE(settle(scratch_ / "run", found[0], /*stays_frozen=*/false));
    EXPECT_TRUE(run->wait_ended(later()));
    EXPECT_EQ(run->reap(), 128 + SIGKILL);
    EXPECT_EQ(is_frozen(), was_frozen);
    EXPECT_THAT(interrupted_captures(scratch_ / "run"), testing::IsEmpty());
  }
}

// As for the first process of a pid namespace, which a service in a pod may be.
TEST_F(CheckpointTest, LeavesNoZombieOfWhatTheRuntimeStarted) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  Result<CheckpointRun> run = CheckpointRun::prepare(
      {"/bin/sh", "-c",
       "sleep 1000 & touch " + scratch_.path() + "/begun; wait"},
      scratch_ / "run");
  ASSERT_TRUE(run) << run.error().message;
  run->go();
  while (!std::filesystem::exists(scratch_ / "begun")) {
    ASSERT_FALSE(run->wait_ended(steady_clock::now() + milliseconds(1)));
  }
  const pid_t session = run->process().pid;
  run->end();
  EXPECT_EQ(run->reap(), 128 + SIGKILL);
  EXPECT_EQ(::waitpid(-session, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
  // It has no number any more by which it could be killed.
  run->end();
}

// As one is whose service is killed right after it was started.
TEST_F(CheckpointTest, IsEndedThatHasNoSessionYet) {
  const Result<Pidfd> process = Pidfd::open(process_.pid());
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_NE(::getsid(process_.pid()), process_.pid());
  end_checkpoint({process_.pid(), *process->start_time()});
  EXPECT_TRUE(*process->wait_exit(later()));
}

TEST_F(CheckpointTest, LeavesAProcessAloneThatHasTheNumberNow) {
  end_checkpoint({process_.pid(), 1});
  EXPECT_EQ(::kill(process_.pid(), 0), 0);
}

}  // namespace
}  // namespace bailiff::sidecar
