// SPDX-License-Identifier: Apache-2.0
//
// bench_observe [--rounds N]: nanoseconds the observer adds to a system call,
// for processes in observed containers and for all others on the host.  Each
// round measures every variant once, in turn, so that what the host does
// meanwhile falls on all of them alike; differences are taken within a round to
// the variant with nothing attached.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/observer.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/ring_buffer.h"
#include "tests/bench/measure.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

constexpr int kRounds = 60;
constexpr int kCallsPerRound = 20'000;
constexpr int kFilesPerRound = 4'000;  // what the ring holds, and more
constexpr int kProgramsPerRound = 40;

struct Work {
  const char* name;
  int times;
  void (*once)();
  const char* goal;  // for what other processes pay
};
constexpr Work kWorks[] = {
    {"getppid, which no rule needs", kCallsPerRound,
     [] { ::syscall(SYS_getppid); }, "p50 30"},
    {"open and close of a file", kFilesPerRound,
     [] { ::close(::open("/etc/hostname", O_RDONLY | O_CLOEXEC)); }, ""},
    {"fork, exec and end of a program", kProgramsPerRound,
     [] {
       const pid_t child = ::vfork();
       if (child == 0) {
         ::execl("/bin/true", "true", nullptr);
         ::_exit(1);
       }
       ::waitpid(child, nullptr, 0);
     },
     ""},
};

// Nanoseconds of one, in a new process, in the cgroup when there is one.
double measure(const Work& work, const Cgroup* cgroup) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (cgroup != nullptr) {
      const int procs =
          ::openat(cgroup->fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC);
      if (procs < 0 || ::write(procs, "0", 1) != 1) ::_exit(1);
    }
    for (int i = 0; i < work.times / 10; ++i) work.once();
    const double start = now_ns();
    for (int i = 0; i < work.times; ++i) work.once();
    const double each = (now_ns() - start) / work.times;
    ::_exit(::write(ends[1], &each, sizeof each) == sizeof each ? 0 : 1);
  }
  ::close(ends[1]);
  double each = 0;
  const bool told = ::read(ends[0], &each, sizeof each) == sizeof each;
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  if (!told) throw std::runtime_error("the process did not measure");
  return each;
}

CompiledPolicy policy() {
  CompiledPolicy policy;
  Policy all{.name = "all"};
  for (const char* type : {"open", "openat", "execve"}) {
    Rule rule;
    rule.name = type;
    rule.condition = event_is(type);
    all.rules.push_back(static_cast<std::uint32_t>(policy.rules.size()));
    policy.rules.push_back(std::move(rule));
  }
  policy.policies.push_back(std::move(all));
  return policy;
}

void run(int rounds) {
  const ScratchBpffs bpffs;
  const std::string dir = bpffs.path() + "/bailiff";
  hook::LinuxKernel kernel;
  if (const Status made = hook::ensure_shared_maps(dir, kernel); !made) {
    throw std::runtime_error(made.error().message);
  }
  std::uint64_t records = 0;
  Result<hook::RingBuffer> ring =
      hook::RingBuffer::open(hook::observer_ring(hook::Pins(dir)),
                             [&](std::span<const std::byte>) { ++records; });
  if (!ring) throw std::runtime_error(ring.error().message);
  const CompiledPolicy rules = policy();
  const auto cgroup = make_cgroup();

  enum { kNone, kOutside, kInside, kVariants };
  std::vector<double> times[std::size(kWorks)][kVariants];
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < std::size(kWorks); ++i) {
      times[i][kNone].push_back(measure(kWorks[i], nullptr));
      const auto attached =
          protect(rules, cgroup.cgroup(), dir, "bench", kernel);
      if (!attached) throw std::runtime_error(attached.error().message);
      times[i][kOutside].push_back(measure(kWorks[i], nullptr));
      times[i][kInside].push_back(measure(kWorks[i], &cgroup.cgroup()));
      if (!ring->consume()) throw std::runtime_error("read the ring");
      const Status ended = hook::detach(dir, "bench", kernel);
      if (!ended) throw std::runtime_error(ended.error().message);
    }
  }
  print_head("ns");
  for (std::size_t i = 0; i < std::size(kWorks); ++i) {
    std::vector<double> added[kVariants];
    for (int variant = kNone; variant < kVariants; ++variant) {
      for (std::size_t j = 0; j < times[i][kNone].size(); ++j) {
        added[variant].push_back(times[i][variant][j] - times[i][kNone][j]);
      }
    }
    print_row(kWorks[i].name, times[i][kNone]);
    print_row("  added to other processes", added[kOutside], kWorks[i].goal);
    print_row("  added in the container", added[kInside]);
  }
  ::printf("%llu records read\n", static_cast<unsigned long long>(records));
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  int rounds = bailiff::test::kRounds;
  if (argc == 3 && ::strcmp(argv[1], "--rounds") == 0) {
    rounds = ::atoi(argv[2]);
  } else if (argc != 1) {
    ::fprintf(stderr, "usage: bench_observe [--rounds N]\n");
    return 2;
  }
  try {
    bailiff::test::run(rounds);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_observe: %s\n", error.what());
    return 1;
  }
  return 0;
}
