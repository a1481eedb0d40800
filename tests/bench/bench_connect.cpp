// SPDX-License-Identifier: Apache-2.0
//
// bench_connect [--json FILE] [--rounds N]: nanoseconds per connect(2) of a UDP
// socket over loopback, which sends nothing, in containers with different
// filters: without lists, with lists of addresses that are refused, with lists
// of networks that alone are allowed.  Each round measures every variant once,
// in turn, so that what the host does meanwhile falls on all of them alike, and
// differences and ratios are taken within a round, to the variants without
// lists that connect to the same addresses.  A variant's turn is many connects:
// measured are the last ones, which find near the processor what has room there
// of their list; and "at first" the first ones, which find what the others have
// left, that is nothing of it.  And what the lists of each variant
// cost: kernel memory, and the time to make them; and its program:
// instructions, those the verifier went through, the bytes they are for the
// processor, and the ns of one run as the kernel counts them, which includes
// the counting.  The lists of the kernel's own are asked by the smallest
// program there can be; and what the machine takes for a single load from as
// much memory as the table's filter has, no look-up can be below.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
#include "hook/kernel/ring_buffer.h"
#include "rules/emit/program.h"
#include "rules/policy/compiled_policy.h"
#include "tests/bench/addresses.h"
#include "tests/bench/measure.h"
#include "tests/bench/plain_maps.h"
#include "tests/bench/program_stats.h"
#include "tests/bench/worker.h"
#include "tests/kernel/host.h"
#include "tests/kernel/kernel_memory.h"

namespace bailiff::test {
namespace {

constexpr int kConnectsAtOnce = 4000;
// In a turn: of a filter of 16384 cache lines, 19 in 20 have been read then.
constexpr int kTimesPerTurn = 12;
constexpr int kRounds = 40;
constexpr int kWarmUpRounds = 2;
// The Falco list of the log4j rule has three; feeds have thousands.
constexpr std::uint32_t kListSizes[] = {3, 1000, 100'000, 1'000'000};
constexpr std::uint32_t kNetworkSizes[] = {3, 1000, 10'000};
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
int network_bits(std::uint32_t index) {
  return 23 + static_cast<int>(index % 8);
}
constexpr std::uint64_t kSeed = 20211209;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

// No larger than it has to be: what is read of them is memory too.
union Name {
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// The addresses a variant connects to: none is listed, or each is.
enum class Where : std::uint8_t { kBetween, kListed };
struct Destinations {
  int family = AF_INET;
  std::uint32_t hosts = 0;
  std::uint32_t networks = 0;
  Where where = Where::kBetween;  // kListed: without hosts
  bool operator==(const Destinations&) const = default;

  std::string text() const {
    std::string text = where == Where::kListed ? "in " : "between ";
    if (hosts > 0) text += std::to_string(hosts) + " addresses";
    if (hosts > 0 && networks > 0) text += " and ";
    if (networks > 0) text += std::to_string(networks) + " networks";
    return text + (family == AF_INET6 ? ", IPv6" : "");
  }

  Name pick(std::mt19937_64& random) const {
    const auto index = static_cast<std::uint32_t>(random());
    Name name{};
    if (family == AF_INET6) {
      name.v6.sin6_family = AF_INET6;
      name.v6.sin6_port = htons(1389);
      ::inet_pton(AF_INET6, kPrefix6, &name.v6.sin6_addr);
      const std::uint32_t last = htonl(2 * (index % hosts) + 1);
      ::memcpy(name.v6.sin6_addr.s6_addr + 12, &last, sizeof(last));
      return name;
    }
    name.v4.sin_family = AF_INET;
    name.v4.sin_port = htons(1389);
    const bool network = hosts == 0 || (networks > 0 && random() % 2 == 0);
    name.v4.sin_addr.s_addr =
        htonl(network ? in_network(index % networks, random)
                      : kFirstAddress + 2 * (index % hosts) + 1);
    return name;
  }

 private:
  std::uint32_t in_network(std::uint32_t index, std::mt19937_64& random) const {
    const auto number = static_cast<std::uint32_t>(random());
    const std::uint32_t base = kFirstNetwork + kNetworkStep * index;
    return where == Where::kListed
               ? base + number % (1U << (32 - network_bits(index)))
               : base + kNetworkStep / 2 + number % (kNetworkStep / 2);
  }
};

// A process in a cgroup that connects to some addresses each time it is asked
// to, others each time, and says how long that took.
class Prober {
 public:
  // `answer` is the errno that every connect has.
  Prober(const Cgroup& cgroup, const Destinations& to, int answer,
         std::uint64_t seed)
      : worker_(cgroup,
                [&](int channel) { serve(channel, to, answer, seed); }) {}

  // ns per connect.
  double measure() {
    worker_.ask('\0');
    return worker_.answer<double>();
  }

 private:
  [[noreturn]] static void serve(int channel, const Destinations& to,
                                 int answer, std::uint64_t seed) {
    const int fd = ::socket(to.family, SOCK_DGRAM, 0);
    const socklen_t size =
        to.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::mt19937_64 random(seed);
    std::vector<Name> addresses(kConnectsAtOnce);
    char byte = 0;
    while (::read(channel, &byte, 1) == 1) {
      for (Name& address : addresses) address = to.pick(random);
      int unlike = 0;
      const double before = now_ns();
      for (const Name& address : addresses) {
        const int error =
            ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) ==
                    0
                ? 0
                : errno;
        // No route need lead to the IPv6 addresses: found out once the program
        // has decided.
        const bool no_route = to.family == AF_INET6 && error == ENETUNREACH;
        unlike += error == answer || no_route ? 0 : 1;
      }
      const double taken =
          (now_ns() - before) / static_cast<double>(addresses.size());
      if (unlike > 0) ::_exit(2);
      if (::write(channel, &taken, sizeof(taken)) != sizeof(taken)) break;
    }
    ::_exit(0);
  }

  Worker worker_;
};

// What the lists of a policy need.
struct ListCost {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  double made_ms = 0;
};

constexpr PlainMap kPlainMaps[] = {PlainMap::kHash, PlainMap::kTrie,
                                   PlainMap::kBloom, PlainMap::kLoad};

struct Variant {
  std::string name;
  Destinations to;
  hook::ScratchCgroup cgroup;
  std::unique_ptr<Prober> prober;
  ListCost lists = {};
  // What it tells is taken away, so that there is room for it each time.
  std::unique_ptr<hook::RingBuffer> told = nullptr;
  std::vector<double> ns = {};
  std::vector<double> first_ns = {};
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
                    std::to_string(network_bits(i)));
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

// A rule without a list.
CompiledPolicy port_policy() {
  PolicyBuilder builder;
  builder.rule("Port", sport_is(4444));
  return builder.build();
}

// fd.snet in (LIST), or not.
enum class Listed : std::uint8_t { kRefused, kAllowed };
CompiledPolicy networks_policy(std::uint32_t size, Listed listed) {
  PolicyBuilder builder;
  builder.rule("Networks", snet_in(builder.list("networks", networks4(size))));
  CompiledPolicy policy = builder.build();
  auto& operands = std::get<And>(policy.rules[0].condition.node).operands;
  if (listed == Listed::kAllowed) {
    operands.back() = Expr{Not{std::move(operands.back())}};
  }
  return policy;
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
    cost.bytes += memlock_of(table->fd());
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
    variant.lists.bytes += memlock_of(map.get());
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
  variant.program = stats_of(cgroup, hook).since(before);
}

// A program that allows everything: what any cgroup filter costs.
hook::Link attach_empty(const Cgroup& cgroup, emit::Flavour flavour,
                        hook::Kernel& kernel) {
  const auto loaded = kernel.load(emit::emit_allow_all(flavour), {});
  if (!loaded) fail(loaded.error().message);
  auto link = kernel.attach(*loaded, cgroup.fd(), flavour);
  if (!link) fail(link.error().message);
  return *std::move(link);
}

constexpr const char* kNothing = "no filter";
constexpr const char* kEmpty = "an empty program";
constexpr const char* kPort = "a rule on a port";
constexpr const char* kLog4j = "log4j rule";
constexpr const char* kFeeds = "log4j rule, with networks";
constexpr const char* kAllowed = "not fd.snet in (LIST), allowed";
constexpr const char* kRefused = "not fd.snet in (LIST), refused, told";
constexpr const char* kDenied = "fd.snet in (LIST), allowed";

// All that is measured, in the order of the table.
class Variants {
 public:
  explicit Variants(hook::Kernel& kernel) : kernel_(kernel) {}

  // What connects there is compared with each other; these are the first.
  void begin(const Destinations& to) {
    const bool four = to.family == AF_INET;
    add(kNothing, to);
    links_.push_back(attach_empty(
        add(kEmpty, to).cgroup.cgroup(),
        four ? emit::Flavour::kConnect4 : emit::Flavour::kConnect6, kernel_));
  }
  Variant& add_policy(const std::string& name, const CompiledPolicy& policy,
                      const Destinations& to, int answer = 0) {
    Variant& variant = add(name, to, answer);
    const std::string dir =
        bpffs_.path() + "/bailiff" + std::to_string(all_.size());
    const auto attached =
        protect(policy, variant.cgroup.cgroup(), dir, "bench", kernel_);
    if (!attached) fail(attached.error().message);
    auto ring = hook::RingBuffer::open(dir + "/events",
                                       [](std::span<const std::byte>) {});
    if (!ring) fail(ring.error().message);
    variant.told = std::make_unique<hook::RingBuffer>(*std::move(ring));
    variant.lists = cost_of(policy, kernel_);
    return variant;
  }
  void add_plain(PlainMap kind, std::uint32_t size) {
    attach_plain(kind, size,
                 add(std::string(to_string(kind)), {.hosts = size}));
  }

  void measure(int rounds) {
    for (int round = -kWarmUpRounds; round < rounds; ++round) {
      for (std::size_t i = 0; i < all_.size(); ++i) {
        // Each round begins with another one.
        const auto start = static_cast<std::size_t>(round + kWarmUpRounds);
        Variant& variant = all_[(start + i) % all_.size()];
        std::array<double, kTimesPerTurn> ns{};
        for (double& one : ns) {
          one = variant.prober->measure();
          if (variant.told && !variant.told->consume()) fail("read the ring");
        }
        if (round < 0) continue;
        variant.first_ns.push_back(ns.front());
        variant.ns.push_back(ns.back());
      }
    }
    for (Variant& variant : all_) ask_of_program(variant);
  }

  const std::vector<Variant>& all() const { return all_; }
  const Variant& find(const std::string& name, const Destinations& to) const {
    return *std::find_if(all_.begin(), all_.end(), [&](const Variant& one) {
      return one.to == to && one.name == name;
    });
  }
  // The median, within a round; "over" one that connects to the same.
  double over(const Variant& of, const char* base) const {
    return median(differences(of.ns, find(base, of.to).ns));
  }
  // The same of what comes first in a turn.
  double over_at_first(const Variant& of, const char* base) const {
    return median(differences(of.first_ns, find(base, of.to).first_ns));
  }
  double times(const Variant& of, const char* base) const {
    return median(ratios(of.ns, find(base, of.to).ns));
  }

 private:
  Variant& add(const std::string& name, const Destinations& to,
               int answer = 0) {
    all_.push_back({name, to, make_cgroup(), nullptr});
    Variant& variant = all_.back();
    variant.prober = std::make_unique<Prober>(variant.cgroup.cgroup(), to,
                                              answer, kSeed + all_.size());
    return variant;
  }

  hook::Kernel& kernel_;
  const ScratchBpffs bpffs_;
  std::vector<hook::Link> links_;
  std::vector<Variant> all_;
};

void report(const Variants& variants, int rounds,
            const std::string& json_path) {
  utsname host{};
  ::uname(&host);
  printf("ns per connect(), UDP over loopback, %d rounds of %d, Linux %s\n",
         rounds, kConnectsAtOnce, host.release);
  printf("%-37s %8s %8s %8s %8s %8s %8s %8s %9s %9s %6s %8s %6s %7s\n",
         "container with", "best", "p50", "p99", "over", "over an", "at",
         "times an", "lists,", "made,", "insns", "verified", "bytes", "ns/run");
  printf("%-37s %8s %8s %8s %8s %8s %8s %8s %9s %9s\n", "", "", "", "",
         "nothing", "empty", "first", "empty", "KiB", "ms");
  std::string json =
      "{\"bench\":\"connect\",\"unit\":\"ns\",\"kernel\":\"" +
      std::string(host.release) + "\",\"rounds\":" + std::to_string(rounds) +
      ",\"connects\":" + std::to_string(kConnectsAtOnce) + ",\"variants\":[";
  for (const Variant& variant : variants.all()) {
    if (variant.name == kNothing) {
      printf("to addresses %s:\n", variant.to.text().c_str());
    }
    const double best = percentile(variant.ns, 0);
    const double p50 = percentile(variant.ns, 0.5);
    const double p99 = percentile(variant.ns, 0.99);
    const double over_none = variants.over(variant, kNothing);
    const double over_empty = variants.over(variant, kEmpty);
    const double at_first = variants.over_at_first(variant, kEmpty);
    const double times_empty = variants.times(variant, kEmpty);
    const ListCost& lists = variant.lists;
    const ProgramStats& program = variant.program;
    printf(
        "%-37s %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.2f %9zu %9.1f %6zu %8zu "
        "%6zu %7.1f\n",
        variant.name.c_str(), best, p50, p99, over_none, over_empty, at_first,
        times_empty, lists.bytes / 1024, lists.made_ms,
        static_cast<std::size_t>(program.instructions),
        static_cast<std::size_t>(program.verified),
        static_cast<std::size_t>(program.native_bytes), program.ns_per_run());
    char line[700];
    ::snprintf(
        line, sizeof(line),
        "%s{\"name\":\"%s\",\"to\":\"%s\",\"best\":%.1f,\"p50\":%.1f,"
        "\"p99\":%.1f,\"over_nothing_p50\":%.1f,\"over_empty_p50\":%.1f,"
        "\"over_empty_at_first_p50\":%.1f,"
        "\"times_empty_p50\":%.3f,\"list_entries\":%zu,\"list_bytes\":%zu,"
        "\"list_made_ms\":%.2f,\"instructions\":%zu,"
        "\"verified\":%zu,\"native_bytes\":%zu,\"ns_per_run\":%.1f}",
        &variant == variants.all().data() ? "" : ",", variant.name.c_str(),
        variant.to.text().c_str(), best, p50, p99, over_none, over_empty,
        at_first, times_empty, lists.entries, lists.bytes, lists.made_ms,
        static_cast<std::size_t>(program.instructions),
        static_cast<std::size_t>(program.verified),
        static_cast<std::size_t>(program.native_bytes), program.ns_per_run());
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

// Less than this is what two rounds differ by.
constexpr double kMeasurableNs = 5;
// Two that are alike are measured as far apart.
constexpr double kAsCheap = 1.05;

// What is wanted of all that.
void report_aims(const Variants& variants, const Destinations& many4,
                 const Destinations& many6) {
  print_aim("a rule without lists, times an empty program",
            variants.times(variants.find(kPort, {.hosts = 3}), kEmpty), "",
            1.2);
  for (const Destinations& to : {many4, many6}) {
    print_aim("a miss " + to.text() + ", over an empty program",
              variants.over(variants.find(kFeeds, to), kEmpty), "ns", 100);
  }
  const Variant& load =
      variants.find(std::string(to_string(PlainMap::kLoad)), {.hosts = kMany4});
  const auto print_besides = [](const std::string& what, double ns) {
    printf("%-72s %9.2f ns\n", what.c_str(), ns);
  };
  print_besides(
      "one load from as large a filter, which any look-up takes, over it too",
      variants.over(load, kEmpty));
  for (const Destinations& to : {many4, many6}) {
    print_besides("at first, a miss " + to.text(),
                  variants.over_at_first(variants.find(kFeeds, to), kEmpty));
  }
  print_besides("at first, that load", variants.over_at_first(load, kEmpty));
  const Variant& few = variants.find(kLog4j, {.hosts = 1000});
  const Variant& many = variants.find(kLog4j, {.hosts = 1'000'000});
  print_aim("1,000,000 listed, times 1000: the whole call",
            median(ratios(many.ns, few.ns)), "", 1.5);
  const double many_ns = variants.over(many, kEmpty);
  const double few_ns = variants.over(few, kEmpty);
  if (few_ns >= kMeasurableNs) {
    print_aim("1,000,000 listed, times 1000: what is over an empty program",
              many_ns / few_ns, "", 1.5);
  } else {
    print_besides("1,000,000 listed, where 1000 are like an empty program",
                  many_ns);
  }
  for (const std::uint32_t size : kNetworkSizes) {
    const Destinations listed = {.networks = size, .where = Where::kListed};
    const Destinations between = {.networks = size};
    print_aim(
        std::to_string(size) + " networks alone allowed, times as many refused",
        variants.times(variants.find(kAllowed, listed), kEmpty) /
            variants.times(variants.find(kDenied, between), kEmpty),
        "", kAsCheap);
  }
}

int run(int rounds, const std::string& json_path) {
  stay_on_one_processor();
  hook::LinuxKernel kernel;
  Variants variants(kernel);
  for (const std::uint32_t size : kListSizes) {
    const Destinations between = {.hosts = size};
    variants.begin(between);
    if (size == kListSizes[0]) {
      variants.add_policy(kPort, port_policy(), between);
    }
    variants.add_policy(kLog4j, log4j_policy(size), between);
    for (const PlainMap kind : kPlainMaps) variants.add_plain(kind, size);
  }
  for (const std::uint32_t size : kNetworkSizes) {
    const CompiledPolicy allow = networks_policy(size, Listed::kAllowed);
    const Destinations listed = {.networks = size, .where = Where::kListed};
    variants.begin(listed);
    variants.add_policy(kAllowed, allow, listed);
    const Destinations between = {.networks = size};
    variants.begin(between);
    variants.add_policy(kRefused, allow, between, EPERM);
    variants.add_policy(kDenied, networks_policy(size, Listed::kRefused),
                        between);
  }
  const CompiledPolicy feeds = feeds_policy();
  const Destinations many4 = {.hosts = kMany4, .networks = kManyNetworks};
  const Destinations many6 = {.family = AF_INET6, .hosts = kMany6};
  for (const Destinations& to : {many4, many6}) {
    variants.begin(to);
    variants.add_policy(kFeeds, feeds, to);
  }
  variants.measure(rounds);
  report(variants, rounds, json_path);
  report_aims(variants, many4, many6);
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
