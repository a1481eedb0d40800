// SPDX-License-Identifier: Apache-2.0
// What bits of processes cost: a connect that tests one, over one that tests
// none; and the execution of a program, by how many texts are compared.
//
//   bench_task [--rounds N]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/shared_maps.h"
#include "tests/bench/measure.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

constexpr int kRounds = 40;
constexpr int kConnects = 20'000;
constexpr int kPrograms = 40;

double connect_ns() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const double before = now_ns();
  for (int i = 0; i < kConnects; ++i) {
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      return -1;
    }
  }
  return (now_ns() - before) / kConnects;
}

double exec_ns() {
  const double before = now_ns();
  for (int i = 0; i < kPrograms; ++i) {
    const pid_t child = ::vfork();
    if (child == 0) {
      ::execl("/bin/true", "true", "--some-option=/srv/data/2021/12/09",
              "--another", "a text of some words", nullptr);
      ::_exit(1);
    }
    ::waitpid(child, nullptr, 0);
  }
  return (now_ns() - before) / kPrograms;
}

// What this program measures of itself, executed in the cgroup.
double measured_in(const Cgroup& cgroup, const char* what) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int procs =
        ::openat(cgroup.fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs < 0 || ::write(procs, "0", 1) != 1) ::_exit(1);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/proc/self/exe", "bench_task", "--measure", what, nullptr);
    ::_exit(1);
  }
  ::close(ends[1]);
  double each = -1;
  const bool told = ::read(ends[0], &each, sizeof each) == sizeof each;
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  if (!told || each < 0) throw std::runtime_error("nothing was measured");
  return each;
}

// A rule "CONDITION" in a policy that refuses it.
CompiledPolicy refusing(std::vector<Expr> conditions) {
  CompiledPolicy policy;
  Policy all{.name = "all"};
  all.block = true;
  for (Expr& condition : conditions) {
    Rule rule;
    rule.name = "r" + std::to_string(policy.rules.size());
    rule.condition = std::move(condition);
    all.rules.push_back(static_cast<std::uint32_t>(policy.rules.size()));
    policy.rules.push_back(std::move(rule));
  }
  policy.policies.push_back(std::move(all));
  return policy;
}

Expr port(std::int64_t number) {
  return check(FieldId::kFdSport, Op::kEq, {number});
}
Expr words(int number) {
  return check(FieldId::kProcCmdline, Op::kContains,
               {"word-" + std::to_string(number)});
}

struct Variant {
  std::string name;
  const char* what;
  hook::ScratchCgroup cgroup;
  std::vector<double> ns = {};
};

void run(int rounds) {
  const ScratchBpffs bpffs;
  const std::string dir = bpffs.path() + "/bailiff";
  hook::LinuxKernel kernel;
  std::vector<Variant> variants;
  const auto add = [&](const std::string& name, const char* what,
                       std::vector<Expr> conditions) {
    variants.push_back({name, what, make_cgroup()});
    if (conditions.empty()) return;
    const auto attached = protect(
        refusing(std::move(conditions)), variants.back().cgroup.cgroup(), dir,
        "bench" + std::to_string(variants.size()), kernel);
    if (!attached) throw std::runtime_error(attached.error().message);
  };
  const auto of_texts = [](int count) {
    std::vector<Expr> conditions;
    for (int i = 0; i < count; ++i) {
      conditions.push_back(
          all_of({check(FieldId::kEvtType, Op::kIn, {"execve", "execveat"}),
                  words(i)}));
    }
    return conditions;
  };
  add("connect, a rule on a port", "connect",
      {all_of({event_is("connect"), port(1)})});
  add("the same, and on proc.cmdline", "connect",
      {all_of({event_is("connect"), words(1), port(1)})});
  add("a program, nothing attached to it", "exec", {});
  add("one text compared", "exec", of_texts(1));
  add("100 texts compared", "exec", of_texts(100));
  add("500 texts compared", "exec", of_texts(500));
  for (int round = 0; round < rounds; ++round) {
    for (Variant& variant : variants) {
      variant.ns.push_back(measured_in(variant.cgroup.cgroup(), variant.what));
    }
  }
  ::printf("%-36s %12s %12s\n", "ns, median of rounds", "each", "more");
  const Variant* first = nullptr;
  for (const Variant& variant : variants) {
    if (first == nullptr || std::strcmp(first->what, variant.what) != 0) {
      first = &variant;
    }
    std::vector<double> more;
    for (std::size_t i = 0; i < variant.ns.size(); ++i) {
      more.push_back(variant.ns[i] - first->ns[i]);
    }
    ::printf("%-36s %12.0f %+12.0f\n", variant.name.c_str(), median(variant.ns),
             median(more));
  }
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  using namespace bailiff::test;
  if (argc == 3 && ::strcmp(argv[1], "--measure") == 0) {
    const double each =
        ::strcmp(argv[2], "exec") == 0 ? exec_ns() : connect_ns();
    return ::write(STDOUT_FILENO, &each, sizeof each) == sizeof each ? 0 : 1;
  }
  int rounds = kRounds;
  if (argc == 3 && ::strcmp(argv[1], "--rounds") == 0) {
    rounds = ::atoi(argv[2]);
  } else if (argc != 1) {
    ::fprintf(stderr, "usage: bench_task [--rounds N]\n");
    return 2;
  }
  try {
    run(std::max(rounds, 1));
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_task: %s\n", error.what());
    return 1;
  }
  return 0;
}
