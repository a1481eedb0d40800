// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/pidfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include "oci/sys/process.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff {
namespace {

TEST(Pidfd, SeesAProcessEnd) {
  WaitingChild child;
  const Result<Pidfd> process = Pidfd::open(child.pid());
  ASSERT_TRUE(process);
  EXPECT_TRUE(process->alive());
  EXPECT_FALSE(*process->wait_exit(std::chrono::steady_clock::now()));
  ASSERT_TRUE(process->send_signal(SIGTERM));
  EXPECT_TRUE(*process->wait_exit(ScratchCgroup::soon()));
  EXPECT_FALSE(process->alive());
  EXPECT_EQ(child.reap(), SIGTERM);
}

TEST(Pidfd, SignallingAProcessThatIsGoneIsNotFound) {
  WaitingChild child;
  const Result<Pidfd> process = Pidfd::open(child.pid());
  ASSERT_TRUE(process->send_signal(SIGKILL));
  child.reap();
  const Status sent = process->send_signal(SIGKILL);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kNotFound);
  EXPECT_FALSE(process->start_time());
}

TEST(Pidfd, RefusesWhatIsNoProcess) {
  EXPECT_EQ(Pidfd::open(0).error().code, Code::kInvalidArgument);
  EXPECT_EQ(Pidfd::open(-1).error().code, Code::kInvalidArgument);
  EXPECT_EQ(Pidfd::open(4194305).error().code, Code::kNotFound);
}

TEST(Pidfd, StartTimeOrdersProcessesAndParentIsTheParent) {
  const WaitingChild child;
  const Result<Pidfd> process = Pidfd::open(child.pid());
  const Result<Pidfd> self = Pidfd::open(::getpid());
  EXPECT_EQ(*process->parent(), ::getpid());
  ASSERT_TRUE(self->start_time());
  EXPECT_GT(*self->start_time(), 0U);
  EXPECT_GE(*process->start_time(), *self->start_time());
}

TEST(Pidfd, ReadsTheStatOfAProcessWithANastyName) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, ") R 1 (x) 9", 0, 0, 0);
    const Result<Pidfd> self = Pidfd::open(::getpid());
    ::_exit(self && *self->parent() == ::getppid() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Process, SharesNamespacesWithItsChild) {
  const WaitingChild child;
  EXPECT_TRUE(*shares_namespace(child.pid(), "net"));
  EXPECT_FALSE(shares_namespace(child.pid(), "nonexistent"));
  EXPECT_TRUE(is_host_root());
}

TEST(Process, IsolationClosesDescriptorsAndResetsSignals) {
  const ScratchFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGTERM, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    const int leaked = ::dup(1);
    ::close(0);
    if (::chdir(folder.path().c_str()) != 0) ::_exit(2);
    if (!isolate_process()) ::_exit(3);
    if (::fcntl(leaked, F_GETFD) >= 0) ::_exit(4);
    if (::fcntl(0, F_GETFD) < 0) ::_exit(5);
    if (std::filesystem::current_path() != "/") ::_exit(6);
    ::raise(SIGTERM);
    ::_exit(7);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

}  // namespace
}  // namespace bailiff
