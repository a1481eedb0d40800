// SPDX-License-Identifier: Apache-2.0
// The program bailiff-runc, in front of a runtime that writes down what it was
// given, and in front of the real runc with a container of busybox.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "oci/spec/config.h"
#include "oci/spec/state.h"
#include "oci/sys/unique_fd.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::oci {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kRunc[] = "/usr/sbin/runc";
constexpr char kBusybox[] = "/bin/busybox";

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class BailiffRunc : public testing::Test {
 protected:
  void SetUp() override {
    program("runtime", "#!/bin/sh\nfor a; do echo \"[$a]\"; done >" +
                           scratch_ / "called" + "\necho from-the-runtime\n");
    // The hook keeps what it reads, and where the process is.
    program("hook", "#!/bin/sh\ncat >" + scratch_ / "$1.json" + "\nenv >" +
                        scratch_ / "env" + "\necho \"$*\" >" +
                        scratch_ / "$1.arguments" + "\npid=$(sed " +
                        "'s/.*\"pid\":\\([0-9]*\\).*/\\1/' " +
                        scratch_ / "$1.json" +
                        ")\ngrep ^0 /proc/$pid/cgroup >" + scratch_ / "cgroup" +
                        "\n[ ! -e " + scratch_ / "fail" + " ]\n");
    settings("runtime: " + scratch_ / "runtime" + "\n");
    std::filesystem::create_directory(scratch_ / "bundle");
  }

  void program(const std::string& name, const std::string& text) {
    write_file(scratch_ / name, text);
    ASSERT_EQ(::chmod((scratch_ / name).c_str(), 0755), 0);
  }

  void settings(const std::string& more) {
    write_file(scratch_ / "bailiff.yaml",
               "hook: " + scratch_ / "hook" + "\n" + more);
  }

  void config(const std::string& text) {
    write_file(scratch_ / "bundle/config.json", text);
  }
  std::string config() { return read_file(scratch_ / "bundle/config.json"); }

  // Runs bailiff-runc with our settings and these arguments.
  Outcome run(std::vector<std::string> args, bool as_nobody = false) {
    args.insert(args.begin(), {"bailiff-runc", "--bailiff-config",
                               scratch_ / "bailiff.yaml"});
    const std::string out = scratch_ / "stdout";
    const std::string err = scratch_ / "stderr";
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
      ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      if (as_nobody && ::setuid(65534) != 0) ::_exit(126);
      std::vector<char*> argv;
      argv.reserve(args.size() + 1);
      for (std::string& arg : args) argv.push_back(arg.data());
      argv.push_back(nullptr);
      ::execv(BAILIFF_RUNC, argv.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return Outcome{WEXITSTATUS(status), read_file(out), read_file(err)};
  }

  std::string called() { return read_file(scratch_ / "called"); }

  const ScratchFolder scratch_;
};

TEST_F(BailiffRunc, PassesOtherCommandsOnUntouched) {
  config("not even JSON");
  const Outcome outcome =
      run({"--root", "/r", "exec", "--bundle", "x", "c", "sh", "-c", ""});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(called(),
            "[--root]\n[/r]\n[exec]\n[--bundle]\n[x]\n[c]\n[sh]\n[-c]\n[]\n");
  EXPECT_EQ(outcome.out, "from-the-runtime\n");
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(BailiffRunc, InjectsBeforeItCreates) {
  config(R"({"process":{"args":["sh"]}})");
  const Outcome outcome = run({"create", "-b", scratch_ / "bundle", "c"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "from-the-runtime\n");
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(called(), HasSubstr("[create]\n[-b]\n"));
  EXPECT_THAT(config(), HasSubstr("\"bailiff-hook\",\"createRuntime\""));
}

TEST_F(BailiffRunc, DeniesOnABrokenConfigAndTellsTheManager) {
  config(R"({"process":)");
  const Outcome outcome =
      run({"--log", scratch_ / "log", "--log-format", "json", "create", "-b",
           scratch_ / "bundle", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("the container is not started"));
  EXPECT_THAT(read_file(scratch_ / "log"),
              HasSubstr("{\"level\":\"error\",\"msg\":\"bailiff-runc: the "
                        "container is not started"));
  EXPECT_THAT(called(), IsEmpty());
}

TEST_F(BailiffRunc, StartsUnprotectedOnlyWhenToldSo) {
  settings("on_failure: allow\nruntime: " + scratch_ / "runtime" + "\n");
  config(R"({"process":)");
  const Outcome outcome = run({"create", "-b", scratch_ / "bundle", "c"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("UNPROTECTED"));
  EXPECT_THAT(called(), HasSubstr("[create]"));
  EXPECT_EQ(config(), R"({"process":)");
}

TEST_F(BailiffRunc, DeniesWithoutAHookThatOnlyRootCanChange) {
  config("{}");
  ASSERT_EQ(::chmod((scratch_ / "hook").c_str(), 0777), 0);
  EXPECT_EQ(run({"create", "-b", scratch_ / "bundle", "c"}).status, 1);
  std::filesystem::remove(scratch_ / "hook");
  EXPECT_EQ(run({"create", "-b", scratch_ / "bundle", "c"}).status, 1);
  EXPECT_THAT(called(), IsEmpty());
}

TEST_F(BailiffRunc, DeniesRootlessContainers) {
  ASSERT_EQ(::chmod(scratch_.path().c_str(), 0755), 0);
  config("{}");
  const Outcome outcome =
      run({"create", "-b", scratch_ / "bundle", "c"}, /*as_nobody=*/true);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("rootless"));
}

TEST_F(BailiffRunc, DeniesARestoreThatRunsNoHooks) {
  config("{}");
  const Outcome outcome = run({"restore", "-b", scratch_ / "bundle", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("restore it with runc"));
  EXPECT_EQ(config(), "{}");
}

TEST_F(BailiffRunc, DeniesToCreateButNotToKillWithBrokenSettings) {
  write_file(scratch_ / "bailiff.yaml", "runtime: [");
  config("{}");
  EXPECT_EQ(run({"create", "-b", scratch_ / "bundle", "c"}).status, 1);
  EXPECT_THAT(run({"--version"}).out, HasSubstr("runc version"));
}

TEST_F(BailiffRunc, RefusesToBeItsOwnRuntime) {
  settings("runtime: " BAILIFF_RUNC "\n");
  EXPECT_THAT(run({"state", "c"}).err, HasSubstr("itself"));
}

// A container that was created, and the hook that is run before its start.
class BailiffRuncStart : public BailiffRunc {
 protected:
  void SetUp() override {
    BailiffRunc::SetUp();
    std::filesystem::create_directories(scratch_ / "run/containers");
    write_file(scratch_ / "run/containers/c.json", "{}");
    hook("");
    settings("");
  }

  // One that keeps its arguments and its input, and does more.
  void hook(const std::string& more) {
    program("hook", "#!/bin/sh\necho \"$*\" >" + scratch_ / "hooked" +
                        "\ncat >" + scratch_ / "hook.input" +
                        "\necho from-the-hook\n" + more + "\n");
  }
  void settings(const std::string& more) {
    BailiffRunc::settings("run_dir: " + scratch_ / "run" +
                          "\nstate_dir: " + scratch_ / "state" +
                          "\nbpf_dir: " + scratch_ / "bpf" +
                          "\nruntime: " + scratch_ / "runtime" + "\n" + more);
  }
  // What the hook was given; "": it was not run.
  std::string hooked() { return read_file(scratch_ / "hooked"); }
  std::string arguments(const std::string& on_failure) const {
    return "start --container c --run-dir " + scratch_ / "run" +
           " --state-dir " + scratch_ / "state" + " --bpf-dir " +
           scratch_ / "bpf" + " --on-failure " + on_failure + "\n";
  }
};

TEST_F(BailiffRuncStart, HasTheHookLookBeforeIt) {
  // The runtime comes after it.
  program("runtime", "#!/bin/sh\n[ -e " + scratch_ / "hooked" +
                         " ] && for a; do echo \"[$a]\"; done >" +
                         scratch_ / "called" + "\necho from-the-runtime\n");
  const Outcome outcome = run({"--root", "/r", "start", "c"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "from-the-runtime\n");
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_EQ(hooked(), arguments("deny"));
  EXPECT_EQ(read_file(scratch_ / "hook.input"), "");
  EXPECT_EQ(called(), "[--root]\n[/r]\n[start]\n[c]\n");
}

TEST_F(BailiffRuncStart, OfOneThatIsNotKnownIsTheRuntimesAlone) {
  std::filesystem::remove(scratch_ / "run/containers/c.json");
  hook("exit 1");
  const Outcome outcome = run({"start", "c"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "from-the-runtime\n");
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(hooked(), IsEmpty());
  EXPECT_EQ(called(), "[start]\n[c]\n");
  // Nor does it need the hook, or the folder of the records.
  std::filesystem::remove(scratch_ / "hook");
  std::filesystem::remove_all(scratch_ / "run");
  EXPECT_EQ(run({"start", "c"}).status, 0);
}

TEST_F(BailiffRuncStart, IsRefusedWhenTheHookFails) {
  hook("echo first >&2; echo bailiff-hook: the reason >&2; exit 1");
  const Outcome outcome =
      run({"--log", scratch_ / "log", "--log-format", "json", "start", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_EQ(outcome.err,
            "bailiff-runc: the container is not started: bailiff-hook: the "
            "reason\n");
  EXPECT_THAT(read_file(scratch_ / "log"),
              HasSubstr("{\"level\":\"error\",\"msg\":\"bailiff-runc: the "
                        "container is not started: bailiff-hook: the reason"));
  EXPECT_EQ(hooked(), arguments("deny"));
  EXPECT_THAT(called(), IsEmpty());
}

TEST_F(BailiffRuncStart, IsRefusedWhenTheHookDiesWithoutAWord) {
  hook("kill -9 $$");
  const Outcome outcome = run({"start", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err,
              HasSubstr("the container is not started: '" + scratch_ / "hook"));
  EXPECT_THAT(called(), IsEmpty());
}

TEST_F(BailiffRuncStart, IsRefusedWhenTheHookTakesTooLong) {
  settings("hook_timeout: 1s\n");
  hook("exec sleep 600");
  const Outcome outcome = run({"start", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("took too long"));
  EXPECT_THAT(called(), IsEmpty());
}

TEST_F(BailiffRuncStart, GoesOnAfterAFailureOnlyWhenToldSo) {
  settings("on_failure: allow\n");
  hook("echo bailiff-hook: the reason >&2; exit 1");
  const Outcome outcome = run({"--log", scratch_ / "log", "start", "c"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "from-the-runtime\n");
  EXPECT_THAT(outcome.err, HasSubstr("NOT JUDGED"));
  EXPECT_THAT(outcome.err, HasSubstr("bailiff-hook: the reason\n"));
  EXPECT_THAT(read_file(scratch_ / "log"), HasSubstr("level=warning"));
  EXPECT_THAT(read_file(scratch_ / "log"), HasSubstr("NOT JUDGED"));
  EXPECT_EQ(hooked(), arguments("allow"));
  EXPECT_THAT(called(), HasSubstr("[start]"));
}

TEST_F(BailiffRuncStart, TellsWhatTheHookWarnsOf) {
  hook("echo bailiff-hook: warning: one >&2; echo and another >&2");
  const Outcome outcome = run({"--log", scratch_ / "log", "start", "c"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "from-the-runtime\n");
  EXPECT_EQ(outcome.err,
            "bailiff-runc: bailiff-hook: warning: one\n"
            "bailiff-runc: and another\n");
  const std::string log = read_file(scratch_ / "log");
  EXPECT_THAT(log, HasSubstr("level=warning"));
  EXPECT_THAT(log, HasSubstr("bailiff-hook: warning: one"));
  EXPECT_THAT(log, HasSubstr("and another"));
  EXPECT_THAT(called(), HasSubstr("[start]"));
}

TEST_F(BailiffRuncStart, IsRefusedWithoutAHookThatOnlyRootCanChange) {
  ASSERT_EQ(::chmod((scratch_ / "hook").c_str(), 0777), 0);
  const Outcome outcome = run({"start", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the container is not started: "));
  std::filesystem::remove(scratch_ / "hook");
  EXPECT_EQ(run({"start", "c"}).status, 1);
  EXPECT_THAT(hooked(), IsEmpty());
  EXPECT_THAT(called(), IsEmpty());
}

TEST_F(BailiffRuncStart, IsRefusedWithBrokenSettings) {
  write_file(scratch_ / "bailiff.yaml", "runtime: [");
  const Outcome outcome = run({"start", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(hooked(), IsEmpty());
}

// From here on the real thing.
class BailiffRuncWithRunc : public BailiffRunc {
 protected:
  void SetUp() override {
    BailiffRunc::SetUp();
    ASSERT_EQ(::access(kRunc, X_OK), 0) << "install runc";
    ASSERT_EQ(::access(kBusybox, X_OK), 0) << "install busybox-static";
    settings(std::string("runtime: ") + kRunc + "\n");
    std::filesystem::create_directories(scratch_ / "bundle/rootfs/bin");
    std::filesystem::copy_file(kBusybox, scratch_ / "bundle/rootfs/bin/sh");
    id_ = "bailiff-test-" + std::to_string(::getpid());
    // No rlimits and no network but its own: the least a container needs.
    config(
        R"({"ociVersion":"1.0.2","process":{"terminal":false,"user":)"
        R"({"uid":0,"gid":0},"args":["/bin/sh","-c","echo started"],)"
        R"("env":["PATH=/bin","LD_PRELOAD=/evil.so"],"cwd":"/"},)"
        R"("root":{"path":"rootfs"},"annotations":{"keep":"1"},)"
        R"("mounts":[{"destination":"/proc","type":"proc","source":"proc"}],)"
        R"("linux":{"namespaces":[{"type":"pid"},{"type":"network"},)"
        R"({"type":"ipc"},{"type":"uts"},{"type":"mount"}]}})");
  }

  std::vector<std::string> run_args() const {
    return {"--root",   scratch_ / "root",   "run",
            "--bundle", scratch_ / "bundle", id_};
  }

  std::string id_;
};

TEST_F(BailiffRuncWithRunc, GivesTheStateToTheHookBeforeTheStart) {
  const Outcome outcome = run(run_args());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "started\n");
  const auto created =
      parse_state(read_file(scratch_ / "createRuntime.json"), "state");
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->id, id_);
  EXPECT_GT(created->pid, 0);
  EXPECT_EQ(created->annotations.at("keep"), "1");
  const auto stopped =
      parse_state(read_file(scratch_ / "poststop.json"), "state");
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_EQ(stopped->status, "stopped");
  EXPECT_EQ(stopped->pid, 0);
  // What a checkpoint of it is made by.
  EXPECT_THAT(read_file(scratch_ / "createRuntime.arguments"),
              HasSubstr(std::string("--runtime ") + kRunc + " --runtime-root " +
                        scratch_ / "root"));
}

TEST_F(BailiffRuncWithRunc, KeepsTheContainersEnvironmentFromTheHook) {
  ASSERT_EQ(run(run_args()).status, 0);
  const std::string env = read_file(scratch_ / "env");
  EXPECT_THAT(env, HasSubstr("PATH=/usr/sbin:/usr/bin:/sbin:/bin"));
  EXPECT_THAT(env, Not(HasSubstr("LD_PRELOAD")));
}

TEST_F(BailiffRuncWithRunc, DoesNotStartWhatTheHookRefuses) {
  write_file(scratch_ / "fail", "");
  const Outcome outcome = run(run_args());
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
}

}  // namespace
}  // namespace bailiff::oci
