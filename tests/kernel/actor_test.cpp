// SPDX-License-Identifier: Apache-2.0
// Conditions on who does something, where a program decides them of an address:
// at a bind(2), at a connect(2), and where a datagram is sent to one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/shared_maps.h"
#include "rules/abi/event.h"
#include "tests/kernel/action.h"
#include "tests/kernel/host.h"
#include "tests/kernel/refusing.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Action {
  std::string name;
  std::string event;  // the condition on it
};

class Actor : public ::testing::TestWithParam<Action> {
 protected:
  Actor() : cgroup_(make_cgroup()) {
    EXPECT_TRUE(hook::ensure_shared_maps(dir(), kernel_));
  }

  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const std::string& action() const { return GetParam().name; }

  // Refuses the action to those who fulfil this.
  void refuse_to(const std::string& who) {
    const auto programs = protect(refusing({GetParam().event + " and " + who}),
                                  cgroup_.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
  }

  // Each of many rules, refused to those whose command line has this in it.
  void refuse_to_words(const std::vector<std::string>& words) {
    std::vector<std::string> conditions;
    conditions.reserve(words.size());
    for (const std::string& word : words) {
      conditions.push_back(GetParam().event + " and proc.cmdline contains \"" +
                           word + "\" and not proc.pname in (p" + word + ")");
    }
    const auto programs =
        protect(refusing(conditions), cgroup_.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
  }

  // What comes of it in a new process that is in the container after it has
  // made itself what it is to be.
  int act_as(const std::function<bool()>& become) const {
    return WEXITSTATUS(status_in(cgroup_.cgroup().fd(), [&] {
      if (become()) ::_exit(act(action()));
    }));
  }
  int act_as_user(uid_t user) const {
    return act_as([user] { return ::setresuid(user, user, user) == 0; });
  }
  int act_as_group(gid_t group) const {
    return act_as([group] { return ::setresgid(group, group, group) == 0; });
  }
  int act_by_name(const char* name) const {
    return act_as([name] { return ::prctl(PR_SET_NAME, name) == 0; });
  }
  // The same in another thread of the process.
  int act_in_thread() const {
    return act_as([this] {
      int error = 0;
      std::thread thread([&] { error = act(action()); });
      thread.join();
      ::_exit(error);
      return false;
    });
  }

  // What a program that is executed exits with.
  int execute(const std::string& path, std::vector<std::string> words) const {
    return WEXITSTATUS(status_in(cgroup_.cgroup().fd(), [&] {
      std::vector<char*> pointers;
      for (std::string& word : words) pointers.push_back(word.data());
      pointers.push_back(nullptr);
      ::execv(path.c_str(), pointers.data());
    }));
  }
  // Of the program `actor`, with this behind the action.
  int execute_actor(const std::string& word) const {
    return execute(BAILIFF_ACTOR, {"actor", action(), word});
  }
  // The same below shells, the first at the top.
  int execute_below(const std::vector<std::string>& shells) const {
    std::vector<std::string> words;
    for (const std::string& shell : shells) {
      // Each executes what is behind it, and does not turn into that.
      words.insert(words.end(), {shell, "-c", "\"$@\"; exit $?", "shell"});
    }
    words.insert(words.end(), {BAILIFF_ACTOR, action()});
    return execute(shells.front(), words);
  }

  // A shell by another name.
  std::string shell(const std::string& name) const {
    const std::string path = folder_.path() + "/" + name;
    std::ifstream from("/bin/bash", std::ios::binary);
    std::ofstream(path, std::ios::binary) << from.rdbuf();
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }

  // That what was refused was refused and told of, and nothing else was.
  void expect_refused(std::size_t times) {
    const auto told = told_in(dir());
    EXPECT_THAT(told, SizeIs(times));
    for (const bailiff_connect_event& event : told) {
      EXPECT_EQ(event.header.verdict, BAILIFF_VERDICT_DENIED);
      EXPECT_EQ(event.header.flags, 0);
    }
  }

  ScratchBpffs bpffs_;
  ScratchFolder folder_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
};

TEST_P(Actor, IsRefusedByUser) {
  refuse_to("user.uid = 4321");
  EXPECT_EQ(act_as_user(4321), EPERM);
  EXPECT_EQ(act_as_user(4322), 0);
  EXPECT_EQ(act_as_user(0), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedUnlessItIsAUser) {
  refuse_to("not user.uid in (0, 4321)");
  EXPECT_EQ(act_as_user(4321), 0);
  EXPECT_EQ(act_as_user(0), 0);
  EXPECT_EQ(act_as_user(4322), EPERM);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByTheNameOfRoot) {
  refuse_to("user.name in (root)");
  EXPECT_EQ(act_as_user(0), EPERM);
  EXPECT_EQ(act_as_user(4321), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByGroup) {
  refuse_to("group.gid = 4321");
  EXPECT_EQ(act_as_group(4321), EPERM);
  EXPECT_EQ(act_as_group(0), 0);
  EXPECT_EQ(act_as_user(4321), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByName) {
  refuse_to("proc.name in (nobody-is, bailiff-actor)");
  EXPECT_EQ(act_by_name("bailiff-actor"), EPERM);
  EXPECT_EQ(act_by_name("bailiff-acto"), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedUnlessItHasAName) {
  refuse_to("not proc.name startswith bailiff-");
  EXPECT_EQ(act_by_name("bailiff-actor"), 0);
  EXPECT_EQ(act_by_name("other"), EPERM);
  expect_refused(1);
}

// The container's first process is the only one that has the number.
TEST_P(Actor, IsRefusedByThread) {
  int go[2];
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  const pid_t pid = fork_into(cgroup_.cgroup());
  if (pid == 0) {
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) ::_exit(97);
    int error = 0;
    std::thread thread([&] { error = act(action()); });
    thread.join();
    ::_exit(error != 0 ? 96 : act(action()));
  }
  refuse_to("thread.tid = " + std::to_string(pid));
  ASSERT_EQ(::write(go[1], "", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  for (const int fd : go) ::close(fd);
  EXPECT_EQ(WEXITSTATUS(status), EPERM);
  EXPECT_EQ(act_as([] { return true; }), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByWhatItWasGiven) {
  refuse_to("proc.cmdline contains evil");
  EXPECT_EQ(execute_actor("evil"), EPERM);
  EXPECT_EQ(execute_actor("good"), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedUnlessItWasGivenSomething) {
  refuse_to("proc.exepath endswith /actor and not proc.args contains good");
  EXPECT_EQ(execute_actor("evil"), EPERM);
  EXPECT_EQ(execute_actor("good"), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByItsParent) {
  refuse_to("proc.pname = outer");
  EXPECT_EQ(execute_below({shell("outer")}), EPERM);
  EXPECT_EQ(execute_below({shell("other")}), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByAnAncestor) {
  refuse_to("proc.aname in (nobody-is, outer)");
  const std::string outer = shell("outer");
  const std::string inner = shell("inner");
  EXPECT_EQ(execute_below({outer, inner}), EPERM);
  EXPECT_EQ(execute_below({inner, inner}), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByOneAncestor) {
  refuse_to("proc.aname[2] = outer");
  const std::string outer = shell("outer");
  const std::string inner = shell("inner");
  EXPECT_EQ(execute_below({outer, inner}), EPERM);
  EXPECT_EQ(execute_below({outer, inner, inner}), 0);
  EXPECT_EQ(execute_below({outer}), 0);
  EXPECT_EQ(execute_below({inner, outer}), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedUnlessOneAncestorHasAName) {
  refuse_to("proc.aname[2] != outer and proc.aname[1] in (inner, nobody-is)");
  const std::string outer = shell("outer");
  const std::string inner = shell("inner");
  EXPECT_EQ(execute_below({outer, inner}), 0);
  EXPECT_EQ(execute_below({inner, inner}), EPERM);
  EXPECT_EQ(execute_below({inner, outer}), 0);
  expect_refused(1);
}

// A fork has the ancestors of the one that forked, and that one.
TEST_P(Actor, IsRefusedByAnAncestorOfAFork) {
  refuse_to("proc.aname[3] = outer");
  const auto below = [&](const std::string& top) {
    return execute("/bin/bash",
                   {"bash", "-c",
                    shell(top) + " -c '( ( " + BAILIFF_ACTOR + " " + action() +
                        "; exit $? ); exit $? ); exit $?'; exit $?"});
  };
  EXPECT_EQ(below("outer"), EPERM);
  EXPECT_EQ(below("other"), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedInOtherThreadsThanTheFirst) {
  refuse_to("thread.ismain = false");
  EXPECT_EQ(act_in_thread(), EPERM);
  EXPECT_EQ(act_as([] { return true; }), 0);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedInTheFirstThread) {
  refuse_to("thread.ismain = true");
  EXPECT_EQ(act_in_thread(), 0);
  EXPECT_EQ(act_as([] { return true; }), EPERM);
  expect_refused(1);
}

TEST_P(Actor, IsRefusedByHundredsOfRules) {
  std::vector<std::string> words;
  for (int i = 0; i < 500; ++i) words.push_back("w" + std::to_string(i) + ".");
  refuse_to_words(words);
  EXPECT_EQ(execute_actor("w0."), EPERM);
  EXPECT_EQ(execute_actor("w499."), EPERM);
  EXPECT_EQ(execute_actor("w500."), 0);
  expect_refused(2);
}

TEST_P(Actor, WithoutBitsIsLeftToTheService) {
  refuse_to("proc.cmdline contains evil");
  EXPECT_EQ(act_as([] { return true; }), 0);
  const auto told = told_in(dir());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_ALLOWED);
  EXPECT_EQ(told[0].header.flags, BAILIFF_EVENT_CANDIDATE);
}

INSTANTIATE_TEST_SUITE_P(
    Of, Actor,
    ::testing::Values(Action{"bind", "evt.type = bind"},
                      Action{"connect", "evt.type = connect"},
                      Action{"sendto", "evt.type in (sendto, sendmsg)"}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace bailiff::test
