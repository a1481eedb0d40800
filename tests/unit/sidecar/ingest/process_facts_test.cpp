// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/process_facts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kNow = std::numeric_limits<std::uint64_t>::max();

// A cat(1) with its own idea of its arguments, "-" first: it waits for its
// standard input until this goes out of scope.
class Child {
 public:
  explicit Child(std::vector<std::string> args) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return;
    const UniqueFd stdin_end(in[0]);
    const UniqueFd stdout_end(out[1]);
    keep_open_ = UniqueFd(in[1]);
    const UniqueFd echo(out[0]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, stdin_end.get(), 0);
    ::posix_spawn_file_actions_adddup2(&actions, stdout_end.get(), 1);
    // At the end it says that the other arguments are no files.
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    ::posix_spawn(&pid_, "/bin/cat", &actions, nullptr, argv.data(),
                  environment);
    ::posix_spawn_file_actions_destroy(&actions);
    // Once it echoes, it runs, and its arguments are in place.
    char byte = 'x';
    EXPECT_EQ(::write(keep_open_.get(), &byte, 1), 1);
    EXPECT_EQ(::read(echo.get(), &byte, 1), 1);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void end() {
    keep_open_ = UniqueFd();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  UniqueFd keep_open_;
};

std::string own_comm() {
  std::string comm = *read_bounded("/proc/self/comm", 64);
  comm.pop_back();
  return comm;
}

TEST(ProcessFacts, TellsOfALiveProcess) {
  const Child child({"my cat", "-", "", "last\n"});
  const ProcessFacts facts = read_process(child.pid(), kNow);
  ASSERT_TRUE(facts.args);
  EXPECT_EQ(*facts.args,
            (std::vector<std::string>{"my cat", "-", "", "last\n"}));
  ASSERT_TRUE(facts.exe_path);
  EXPECT_NE(facts.exe_path->find("/bin/cat"), std::string::npos);
  std::array<char, 4096> cwd{};
  EXPECT_EQ(facts.cwd, ::getcwd(cwd.data(), cwd.size()));
  EXPECT_EQ(facts.ppid, ::getpid());
  EXPECT_EQ(facts.parent_comm, own_comm());
  EXPECT_TRUE(facts.login_uid);
}

TEST(ProcessFacts, TellsItsTerminal) {
  const UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::unlockpt(terminal.get()), 0);
  const std::string name = ::ptsname(terminal.get());
  int pair[2];
  ASSERT_EQ(::pipe2(pair, O_CLOEXEC), 0);
  const UniqueFd ready(pair[0]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
    // The first it opens is a session's own.
    const int own = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
    if (own < 0 || ::write(pair[1], "r", 1) != 1) ::_exit(1);
    ::pause();
  }
  ::close(pair[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready.get(), &byte, 1), 1);
  struct stat file {};
  ASSERT_EQ(::stat(name.c_str(), &file), 0);
  // As MKDEV() of a terminal's (tty_devnum()).
  EXPECT_EQ(read_process(pid, kNow).tty,
            (major(file.st_rdev) << 8) | (minor(file.st_rdev) & 0xff) |
                ((minor(file.st_rdev) & ~0xffU) << 12));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(ProcessFacts, CutsALongCommandLine) {
  const Child child({"cat", "-", std::string(20'000, 'x')});
  const ProcessFacts facts = read_process(child.pid(), kNow);
  ASSERT_TRUE(facts.args);
  ASSERT_EQ(facts.args->size(), 3U);
  EXPECT_EQ(facts.args->back().size(), kMaxCommandLine - 6);
}

TEST(ProcessFacts, TellsNothingOfAProcessThatIsGone) {
  Child child({"cat"});
  const pid_t pid = child.pid();
  child.end();
  const ProcessFacts facts = read_process(pid, kNow);
  EXPECT_FALSE(facts.args);
  EXPECT_FALSE(facts.exe_path);
  EXPECT_FALSE(facts.ppid);
}

TEST(ProcessFacts, TellsNothingOfAProcessThatStartedAfterTheEvent) {
  const Child child({"cat"});
  EXPECT_FALSE(read_process(child.pid(), 1).args);
}

TEST(ProcessFacts, ReadsAZombieWithoutItsCommandLine) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) ::_exit(0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT),
            0);
  const ProcessFacts facts = read_process(pid, kNow);
  EXPECT_EQ(facts.ppid, ::getpid());
  EXPECT_EQ(facts.args, std::vector<std::string>{});
  EXPECT_FALSE(facts.exe_path);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace bailiff::sidecar
