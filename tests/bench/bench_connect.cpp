// SPDX-License-Identifier: Apache-2.0
//
// bench_connect [--json FILE] [--rounds N]: nanoseconds per connect(2) of a UDP
// socket over loopback, which sends nothing, in containers with different
// filters.  Each round measures every variant once, in turn, so that what the
// host does meanwhile falls on all of them alike, and differences are taken
// within a round.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/kernel.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

constexpr int kConnectsPerRound = 4000;
constexpr int kRounds = 150;
constexpr int kWarmUpRounds = 5;
// The Falco list of the log4j rule has three; feeds have thousands.
constexpr std::size_t kListSizes[] = {3, 1000, 100'000};
// Listed are the even addresses from here on; what is connected to are the odd
// ones between them, so that every lookup misses, but not by far.
constexpr std::uint32_t kFirstAddress = 0x7f400000;  // 127.64.0.0
constexpr std::uint64_t kSeed = 20211209;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

std::string dotted(std::uint32_t address) {
  return std::to_string(address >> 24) + "." +
         std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." +
         std::to_string(address & 255);
}

double now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

// A process in a cgroup that connects to a fixed sequence of addresses each
// time it is asked to, and says how long that took.
class Prober {
 public:
  Prober(const Cgroup& cgroup, std::vector<std::uint32_t> addresses) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      fail("socketpair");
    }
    channel_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    const UniqueFd procs(
        ::openat(cgroup.fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::write(procs.get(), "0", 1) != 1) ::_exit(1);
      serve(theirs.get(), addresses);
    }
  }
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;
  ~Prober() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  // ns per connect.
  double measure() {
    double taken = 0;
    if (::write(channel_.get(), "", 1) != 1 ||
        ::read(channel_.get(), &taken, sizeof(taken)) != sizeof(taken)) {
      fail("a prober ended");
    }
    return taken;
  }

 private:
  [[noreturn]] static void serve(int channel,
                                 const std::vector<std::uint32_t>& addresses) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(1389);
    char byte = 0;
    while (::read(channel, &byte, 1) == 1) {
      const double before = now_ns();
      for (const std::uint32_t address : addresses) {
        to.sin_addr.s_addr = htonl(address);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) !=
            0) {
          ::_exit(2);
        }
      }
      const double taken =
          (now_ns() - before) / static_cast<double>(addresses.size());
      if (::write(channel, &taken, sizeof(taken)) != sizeof(taken)) break;
    }
    ::_exit(0);
  }

  UniqueFd channel_;
  pid_t pid_ = -1;
};

struct Variant {
  std::string name;
  hook::ScratchCgroup cgroup;
  std::unique_ptr<Prober> prober;
  std::vector<double> ns = {};
};

std::vector<std::uint32_t> misses(std::size_t list_size,
                                  std::mt19937_64& random) {
  std::vector<std::uint32_t> addresses;
  for (int i = 0; i < kConnectsPerRound; ++i) {
    const auto pick = static_cast<std::uint32_t>(random() % list_size);
    addresses.push_back(kFirstAddress + 2 * pick + 1);
  }
  return addresses;
}

// The log4j rule: evt.type = connect and evt.dir = < and fd.sip in (LIST).
CompiledPolicy log4j_policy(std::size_t list_size) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < list_size; ++i) {
    items.push_back(dotted(kFirstAddress + 2 * i));
  }
  PolicyBuilder builder;
  builder.rule("Malicious C2 IPs",
               sip_in(builder.list("malicious_log4j_c2", std::move(items))));
  CompiledPolicy policy = builder.build();
  Check direction;
  direction.field = FieldId::kEvtDir;
  direction.op = Op::kEq;
  direction.values = {std::string("<")};
  auto& operands = std::get<And>(policy.rules[0].condition.node).operands;
  operands.insert(operands.begin() + 1, Expr{direction});
  return policy;
}

// A program that allows everything: what any cgroup filter costs.
std::vector<hook::Link> attach_empty(const Cgroup& cgroup,
                                     hook::Kernel& kernel) {
  emit::Program program;
  program.flavour = emit::Flavour::kConnect4;
  program.insns = {{.code = BPF_ALU64 | BPF_MOV | BPF_K,
                    .dst_reg = 0,
                    .src_reg = 0,
                    .off = 0,
                    .imm = 1},
                   {.code = BPF_JMP | BPF_EXIT,
                    .dst_reg = 0,
                    .src_reg = 0,
                    .off = 0,
                    .imm = 0}};
  const auto loaded = kernel.load(program, {});
  if (!loaded) fail(loaded.error().message);
  auto link = kernel.attach(*loaded, cgroup.fd(), program.flavour);
  if (!link) fail(link.error().message);
  std::vector<hook::Link> links;
  links.push_back(*std::move(link));
  return links;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double index = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(index)];
}

std::vector<double> differences(const Variant& of, const Variant& from) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < of.ns.size(); ++i) {
    differences.push_back(of.ns[i] - from.ns[i]);
  }
  return differences;
}

void stay_on_one_cpu() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

void report(const std::vector<Variant>& variants, int rounds,
            const std::string& json_path) {
  const Variant& none = variants[0];
  const Variant& empty = variants[1];
  utsname host{};
  ::uname(&host);
  printf("ns per connect(), UDP over loopback, %d rounds of %d, Linux %s\n",
         rounds, kConnectsPerRound, host.release);
  printf("%-28s %9s %9s %9s %13s %14s\n", "container with", "best", "p50",
         "p99", "over nothing", "over an empty");
  std::string json =
      "{\"bench\":\"connect\",\"unit\":\"ns\",\"kernel\":\"" +
      std::string(host.release) + "\",\"rounds\":" + std::to_string(rounds) +
      ",\"connects\":" + std::to_string(kConnectsPerRound) + ",\"variants\":[";
  for (const Variant& variant : variants) {
    const double best = percentile(variant.ns, 0);
    const double p50 = percentile(variant.ns, 0.5);
    const double p99 = percentile(variant.ns, 0.99);
    const double over_none = percentile(differences(variant, none), 0.5);
    const double over_empty = percentile(differences(variant, empty), 0.5);
    printf("%-28s %9.1f %9.1f %9.1f %13.1f %14.1f\n", variant.name.c_str(),
           best, p50, p99, over_none, over_empty);
    char line[400];
    ::snprintf(line, sizeof(line),
               "%s{\"name\":\"%s\",\"best\":%.1f,\"p50\":%.1f,\"p99\":%.1f,"
               "\"over_nothing_p50\":%.1f,\"over_empty_p50\":%.1f}",
               &variant == variants.data() ? "" : ",", variant.name.c_str(),
               best, p50, p99, over_none, over_empty);
    json += line;
  }
  json += "]}\n";
  std::unique_ptr<FILE, int (*)(FILE*)> file(::fopen(json_path.c_str(), "we"),
                                             ::fclose);
  if (!file || ::fputs(json.c_str(), file.get()) < 0) {
    fail("write '" + json_path + "': " + ::strerror(errno));
  }
  printf("written to %s\n", json_path.c_str());
}

int run(int rounds, const std::string& json_path) {
  stay_on_one_cpu();
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  const std::string dir = bpffs.path() + "/bailiff";
  std::mt19937_64 random(kSeed);
  std::vector<Variant> variants;
  const auto add = [&](std::string name, std::size_t range) -> const Cgroup& {
    variants.push_back({std::move(name), make_cgroup(), nullptr});
    Variant& variant = variants.back();
    variant.prober = std::make_unique<Prober>(variant.cgroup.cgroup(),
                                              misses(range, random));
    return variant.cgroup.cgroup();
  };
  constexpr std::size_t kWidest = 100'000;
  add("no filter", kWidest);
  const auto links = attach_empty(add("an empty program", kWidest), kernel);
  for (const std::size_t size : kListSizes) {
    const Cgroup& cgroup =
        add("log4j policy, " + std::to_string(size) + " listed", size);
    const auto attached = protect(log4j_policy(size), cgroup,
                                  dir + std::to_string(size), "bench", kernel);
    if (!attached) fail(attached.error().message);
  }
  for (int round = -kWarmUpRounds; round < rounds; ++round) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      // Each round begins with another one.
      const auto start = static_cast<std::size_t>(round + kWarmUpRounds);
      Variant& variant = variants[(start + i) % variants.size()];
      const double ns = variant.prober->measure();
      if (round >= 0) variant.ns.push_back(ns);
    }
  }
  report(variants, rounds, json_path);
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  std::string json_path = std::string(argv[0]) + ".json";
  int rounds = bailiff::test::kRounds;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (::strcmp(argv[i], "--json") == 0) json_path = argv[i + 1];
    if (::strcmp(argv[i], "--rounds") == 0) rounds = ::atoi(argv[i + 1]);
  }
  try {
    return bailiff::test::run(std::max(rounds, 1), json_path);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_connect: %s\n", error.what());
    return 1;
  }
}
