// SPDX-License-Identifier: Apache-2.0
// tests/bench/worker.h
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>

#include "oci/sys/unique_fd.h"
#include "tests/kernel/host.h"

namespace bailiff::test {

// With all that is forked from here on: two processors are not alike while
// others use the machine.
inline void stay_on_one_processor() {
  const int here = ::sched_getcpu();
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(here, &set);
  if (here < 0 || ::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::runtime_error("stay on one processor");
  }
}

// A process in a cgroup that is asked and answers, by values of fixed sizes.
// It ends with this object.  Its calls throw when the process has ended.
class Worker {
 public:
  // `serve` is what it does, with its end of the channel.
  Worker(const Cgroup& cgroup, const std::function<void(int channel)>& serve) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      throw std::runtime_error("socketpair");
    }
    channel_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    pid_ = fork_into(cgroup);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      channel_ = UniqueFd();
      serve(theirs.get());
      ::_exit(0);
    }
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  template <typename Question>
  void ask(const Question& question) const {
    if (::write(channel_.get(), &question, sizeof question) !=
        sizeof question) {
      throw std::runtime_error("a process ended");
    }
  }
  template <typename Answer>
  Answer answer() const {
    Answer answer{};
    if (::read(channel_.get(), &answer, sizeof answer) != sizeof answer) {
      throw std::runtime_error("a process ended");
    }
    return answer;
  }

 private:
  UniqueFd channel_;
  pid_t pid_ = -1;
};

}  // namespace bailiff::test
