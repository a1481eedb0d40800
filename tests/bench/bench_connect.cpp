// SPDX-License-Identifier: Apache-2.0
//
// bench_connect [--json FILE] [--rounds N]: nanoseconds per connect(2) of a UDP
// socket over loopback, which sends nothing, in containers with different
// filters.  Each round measures every variant once, in turn, so that what the
// host does meanwhile falls on all of them alike, and differences are taken
// within a round, to the variants of the same family without lists.  And what
// the lists of each variant cost: kernel memory, and the time to make them; and
// its program: instructions, those the verifier went through, the bytes they
// are for the processor, and the ns of one run as the kernel counts them, which
// includes the counting.  The lists of the kernel's own are asked by the
// smallest program there can be.
#include <arpa/inet.h>
#include <bpf/bpf.h>
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
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/maps.h"
#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "rules/policy/compiled_policy.h"
#include "tests/bench/measure.h"
#include "tests/bench/plain_maps.h"
#include "tests/bench/program_stats.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

constexpr int kConnectsPerRound = 4000;
constexpr int kRounds = 150;
constexpr int kWarmUpRounds = 5;
// The Falco list of the log4j rule has three; feeds have thousands.
constexpr std::uint32_t kListSizes[] = {3, 1000, 100'000, 1'000'000};
// And what several feeds together have.
constexpr std::uint32_t kMany4 = 1'000'000;
constexpr std::uint32_t kMany6 = 100'000;
constexpr std::uint32_t kManyNetworks = 10'000;
// Listed are the even addresses from here on; what is connected to are the odd
// ones between them, so that every look-up misses, but not by far.
constexpr std::uint32_t kFirstAddress = 0x7f400000;  // 127.64.0.0
constexpr const char* kPrefix6 = "2001:db8::";
// A network of 4 to 512 addresses in the first half of each 1024, from here on;
// what is connected to is in the second half.
constexpr std::uint32_t kFirstNetwork = 0x7f600000;  // 127.96.0.0
constexpr std::uint32_t kNetworkStep = 1024;
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

// An address that is not listed, of those a variant connects to.
struct Destinations {
  int family = AF_INET;
  std::uint32_t hosts = 0;
  std::uint32_t networks = 0;

  sockaddr_storage pick(std::mt19937_64& random) const {
    const auto index = static_cast<std::uint32_t>(random());
    sockaddr_storage storage{};
    if (family == AF_INET6) {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(1389);
      ::inet_pton(AF_INET6, kPrefix6, &v6->sin6_addr);
      const std::uint32_t last = htonl(2 * (index % hosts) + 1);
      ::memcpy(v6->sin6_addr.s6_addr + 12, &last, sizeof(last));
      return storage;
    }
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(1389);
    const bool network = networks > 0 && random() % 2 == 0;
    v4->sin_addr.s_addr = htonl(
        network ? kFirstNetwork + kNetworkStep * (index % networks) +
                      kNetworkStep / 2 +
                      static_cast<std::uint32_t>(random()) % (kNetworkStep / 2)
                : kFirstAddress + 2 * (index % hosts) + 1);
    return storage;
  }
};

// A process in a cgroup that connects to some addresses each time it is asked
// to, others each time, and says how long that took.
class Prober {
 public:
  Prober(const Cgroup& cgroup, const Destinations& to, std::uint64_t seed) {
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
      serve(theirs.get(), to, seed);
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
  [[noreturn]] static void serve(int channel, const Destinations& to,
                                 std::uint64_t seed) {
    const int fd = ::socket(to.family, SOCK_DGRAM, 0);
    const socklen_t size =
        to.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::mt19937_64 random(seed);
    std::vector<sockaddr_storage> addresses(kConnectsPerRound);
    char byte = 0;
    while (::read(channel, &byte, 1) == 1) {
      for (sockaddr_storage& address : addresses) address = to.pick(random);
      const double before = now_ns();
      for (const sockaddr_storage& address : addresses) {
        // No route leads to the IPv6 addresses: found out once the program has
        // decided.
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) !=
                0 &&
            (to.family == AF_INET || errno != ENETUNREACH)) {
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

// What the lists of a policy need.
struct ListCost {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  double made_ms = 0;
};

constexpr PlainMap kPlainMaps[] = {PlainMap::kHash, PlainMap::kTrie,
                                   PlainMap::kBloom};

struct Variant {
  std::string name;
  Destinations to;
  hook::ScratchCgroup cgroup;
  std::unique_ptr<Prober> prober;
  ListCost lists = {};
  std::vector<double> ns = {};
  PlainFilter plain = {};
  ProgramStats program = {};
};

std::vector<std::string> hosts4(std::uint32_t count) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < count; ++i) {
    items.push_back(dotted(kFirstAddress + 2 * i));
  }
  return items;
}

std::vector<std::string> hosts6(std::uint32_t count) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < count; ++i) {
    char text[32];
    ::snprintf(text, sizeof(text), "%s%x:%x", kPrefix6, 2 * i >> 16,
               2 * i & 0xffff);
    items.emplace_back(text);
  }
  return items;
}

std::vector<std::string> networks4(std::uint32_t count) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < count; ++i) {
    items.push_back(dotted(kFirstNetwork + kNetworkStep * i) + "/" +
                    std::to_string(23 + i % 8));
  }
  return items;
}

// The log4j rule: evt.type = connect and evt.dir = < and CHECK.
CompiledPolicy log4j_policy(PolicyBuilder& builder, std::uint32_t hosts) {
  builder.rule("Malicious C2 IPs", sip_in(hosts));
  CompiledPolicy policy = builder.build();
  Check direction;
  direction.field = FieldId::kEvtDir;
  direction.op = Op::kEq;
  direction.values = {std::string("<")};
  auto& operands = std::get<And>(policy.rules[0].condition.node).operands;
  operands.insert(operands.begin() + 1, Expr{direction});
  return policy;
}

CompiledPolicy log4j_policy(std::uint32_t size) {
  PolicyBuilder builder;
  return log4j_policy(builder,
                      builder.list("malicious_log4j_c2", hosts4(size)));
}

// The rule with networks as well: (fd.sip in (LIST) or fd.snet in (LIST)).
CompiledPolicy feeds_policy() {
  PolicyBuilder builder;
  std::vector<std::string> hosts = hosts4(kMany4);
  const std::vector<std::string> more = hosts6(kMany6);
  hosts.insert(hosts.end(), more.begin(), more.end());
  const auto list = builder.list("malicious_log4j_c2", std::move(hosts));
  const auto nets = builder.list("networks", networks4(kManyNetworks));
  CompiledPolicy policy = log4j_policy(builder, list);
  auto& operands = std::get<And>(policy.rules[0].condition.node).operands;
  Expr networks{snet_in(nets)};
  operands.back() = Expr{Or{{operands.back(), std::move(networks)}}};
  return policy;
}

// As the kernel accounts for the map.
std::size_t map_bytes(int map) {
  std::ifstream about("/proc/self/fdinfo/" + std::to_string(map));
  for (std::string line; std::getline(about, line);) {
    if (line.starts_with("memlock:")) return std::stoul(line.substr(8));
  }
  fail("ask for a list's memory");
}

// Makes each list the policy's programs use, once more.
ListCost cost_of(const CompiledPolicy& policy, hook::Kernel& kernel) {
  const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
  const auto program =
      emit::emit_program(plan.connect, policy.lists, emit::Flavour::kConnect6);
  if (!program) fail(program.error().message);
  ListCost cost;
  for (const List& list : policy.lists) cost.entries += list.items.size();
  for (const emit::MapRef& ref : program->maps) {
    if (ref.kind != emit::MapKind::kList) continue;
    const double before = now_ns();
    const auto table = hook::create_table(ref, policy, {}, kernel);
    cost.made_ms += (now_ns() - before) / 1e6;
    if (!table) fail(table.error().message);
    cost.bytes += map_bytes(table->fd());
  }
  return cost;
}

// The same addresses as hosts4(), in a map of the kernel's own.
void attach_plain(PlainMap kind, std::uint32_t count, Variant& variant) {
  std::vector<std::uint32_t> addresses;
  for (std::uint32_t i = 0; i < count; ++i) {
    addresses.push_back(htonl(kFirstAddress + 2 * i));
  }
  const double before = now_ns();
  variant.plain = attach_plain(kind, addresses, variant.cgroup.cgroup().fd());
  variant.lists.made_ms = (now_ns() - before) / 1e6;
  variant.lists.entries = count;
  for (const UniqueFd& map : variant.plain.maps) {
    variant.lists.bytes += map_bytes(map.get());
  }
}

// What the variant's program is, and how long a run of it takes.
void ask_of_program(Variant& variant) {
  constexpr int kCounted = 5;
  const bpf_attach_type hook = variant.to.family == AF_INET
                                   ? BPF_CGROUP_INET4_CONNECT
                                   : BPF_CGROUP_INET6_CONNECT;
  const int cgroup = variant.cgroup.cgroup().fd();
  const UniqueFd counting = count_runs();
  if (!counting) fail("have runs counted");
  const ProgramStats before = stats_of(cgroup, hook);
  for (int i = 0; i < kCounted; ++i) variant.prober->measure();
  variant.program = stats_of(cgroup, hook);
  variant.program.runs -= before.runs;
  variant.program.run_ns -= before.run_ns;
}

double ns_of_run(const ProgramStats& program) {
  return program.runs == 0 ? 0
                           : static_cast<double>(program.run_ns) /
                                 static_cast<double>(program.runs);
}

// A program that allows everything: what any cgroup filter costs.
hook::Link attach_empty(const Cgroup& cgroup, emit::Flavour flavour,
                        hook::Kernel& kernel) {
  emit::Program program;
  program.flavour = flavour;
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
  auto link = kernel.attach(*loaded, cgroup.fd(), flavour);
  if (!link) fail(link.error().message);
  return *std::move(link);
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

// The variant of the same family that has the name.
const Variant& baseline(const std::vector<Variant>& variants, const Variant& of,
                        const std::string& name) {
  return *std::find_if(
      variants.begin(), variants.end(), [&](const Variant& one) {
        return one.to.family == of.to.family && one.name.starts_with(name);
      });
}

constexpr const char* kNothing = "no filter";
constexpr const char* kEmpty = "an empty program";

void report(const std::vector<Variant>& variants, int rounds,
            const std::string& json_path) {
  utsname host{};
  ::uname(&host);
  printf("ns per connect(), UDP over loopback, %d rounds of %d, Linux %s\n",
         rounds, kConnectsPerRound, host.release);
  printf("%-43s %8s %8s %8s %13s %14s %11s %9s %6s %8s %6s %7s\n",
         "container with", "best", "p50", "p99", "over nothing",
         "over an empty", "lists, KiB", "made, ms", "insns", "verified",
         "bytes", "ns/run");
  std::string json =
      "{\"bench\":\"connect\",\"unit\":\"ns\",\"kernel\":\"" +
      std::string(host.release) + "\",\"rounds\":" + std::to_string(rounds) +
      ",\"connects\":" + std::to_string(kConnectsPerRound) + ",\"variants\":[";
  for (const Variant& variant : variants) {
    const double best = percentile(variant.ns, 0);
    const double p50 = percentile(variant.ns, 0.5);
    const double p99 = percentile(variant.ns, 0.99);
    const double over_none = percentile(
        differences(variant, baseline(variants, variant, kNothing)), 0.5);
    const double over_empty = percentile(
        differences(variant, baseline(variants, variant, kEmpty)), 0.5);
    const ListCost& lists = variant.lists;
    const ProgramStats& program = variant.program;
    printf(
        "%-43s %8.1f %8.1f %8.1f %13.1f %14.1f %11zu %9.1f %6zu %8zu %6zu "
        "%7.1f\n",
        variant.name.c_str(), best, p50, p99, over_none, over_empty,
        lists.bytes / 1024, lists.made_ms,
        static_cast<std::size_t>(program.instructions),
        static_cast<std::size_t>(program.verified),
        static_cast<std::size_t>(program.native_bytes), ns_of_run(program));
    char line[700];
    ::snprintf(
        line, sizeof(line),
        "%s{\"name\":\"%s\",\"best\":%.1f,\"p50\":%.1f,\"p99\":%.1f,"
        "\"over_nothing_p50\":%.1f,\"over_empty_p50\":%.1f,"
        "\"list_entries\":%zu,\"list_bytes\":%zu,"
        "\"list_made_ms\":%.2f,\"instructions\":%zu,"
        "\"verified\":%zu,\"native_bytes\":%zu,\"ns_per_run\":%.1f}",
        &variant == variants.data() ? "" : ",", variant.name.c_str(), best, p50,
        p99, over_none, over_empty, lists.entries, lists.bytes, lists.made_ms,
        static_cast<std::size_t>(program.instructions),
        static_cast<std::size_t>(program.verified),
        static_cast<std::size_t>(program.native_bytes), ns_of_run(program));
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
  std::vector<Variant> variants;
  const auto add = [&](const std::string& name,
                       const Destinations& to) -> const Cgroup& {
    variants.push_back({to.family == AF_INET ? name : name + ", IPv6", to,
                        make_cgroup(), nullptr});
    Variant& variant = variants.back();
    variant.prober = std::make_unique<Prober>(variant.cgroup.cgroup(), to,
                                              kSeed + variants.size());
    return variant.cgroup.cgroup();
  };
  const auto add_policy = [&](const std::string& name,
                              const CompiledPolicy& policy,
                              const Destinations& to) {
    const Cgroup& cgroup = add(name, to);
    const std::string dir =
        bpffs.path() + "/bailiff" + std::to_string(variants.size());
    const auto attached = protect(policy, cgroup, dir, "bench", kernel);
    if (!attached) fail(attached.error().message);
    variants.back().lists = cost_of(policy, kernel);
  };
  std::vector<hook::Link> links;
  const Destinations many4 = {.hosts = kMany4, .networks = kManyNetworks};
  const Destinations many6 = {.family = AF_INET6, .hosts = kMany6};
  add(kNothing, many4);
  links.push_back(
      attach_empty(add(kEmpty, many4), emit::Flavour::kConnect4, kernel));
  for (const std::uint32_t size : kListSizes) {
    add_policy("log4j policy, " + std::to_string(size) + " listed",
               log4j_policy(size), {.hosts = size});
  }
  for (const PlainMap kind : kPlainMaps) {
    for (const std::uint32_t size : kListSizes) {
      add(std::string(to_string(kind)) + ", " + std::to_string(size) +
              " listed",
          {.hosts = size});
      attach_plain(kind, size, variants.back());
    }
  }
  const CompiledPolicy feeds = feeds_policy();
  const std::string listed = "1M + 100k IPv6 + 10k networks";
  add_policy(listed, feeds, many4);
  add(kNothing, many6);
  links.push_back(
      attach_empty(add(kEmpty, many6), emit::Flavour::kConnect6, kernel));
  add_policy(listed, feeds, many6);

  for (int round = -kWarmUpRounds; round < rounds; ++round) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      // Each round begins with another one.
      const auto start = static_cast<std::size_t>(round + kWarmUpRounds);
      Variant& variant = variants[(start + i) % variants.size()];
      const double ns = variant.prober->measure();
      if (round >= 0) variant.ns.push_back(ns);
    }
  }
  for (Variant& variant : variants) ask_of_program(variant);
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
