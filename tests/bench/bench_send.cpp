// SPDX-License-Identifier: Apache-2.0
//
// bench_send [--rounds N] [--most N]: nanoseconds per sendto(2) on a UDP socket
// that is not connected, per connect(2) over TCP with its handshake, and per
// send(2) over TCP, each from another process in a network of its own, with a
// veth to somebody who takes what comes.  What is sent to is not listed.
//
// Compared are, for rules without a list and for each length of one: no filter;
// programs that allow everything; nftables that drop what is in a set of the
// same addresses, which knows of packets alone; Bailiff as on the host's
// network, without frames; Bailiff; and Bailiff with a policy that has a
// program at each hook.  Every round measures all of them in turn; as many
// rounds again, a few at a time, while the tracepoints are attached by which
// bailiffd sees foreign sockets used: those the whole host has, so what Bailiff
// takes in all is what it takes with them, over what others take without.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hook/attach/judged.h"
#include "hook/attach/pins.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/foreign.h"
#include "hook/kernel/kernel.h"
#include "hook/kernel/network_namespace.h"
#include "oci/sys/unique_fd.h"
#include "rules/abi/foreign.h"
#include "rules/emit/program.h"
#include "tests/bench/addresses.h"
#include "tests/bench/measure.h"
#include "tests/bench/program_stats.h"
#include "tests/bench/worker.h"
#include "tests/kernel/every_hook.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

enum class What : std::uint8_t { kSend, kConnect, kStream, kOpenStream };
struct Kind {
  What what;
  const char* name;
  int times;  // in a round
};
// Few, so that most rounds are through before the scheduler takes the
// processor.
constexpr std::array<Kind, 3> kKinds = {{{What::kSend, "sendto(), UDP", 200},
                                         {What::kConnect, "connect(), TCP", 20},
                                         {What::kStream, "send(), TCP", 50}}};
// Less than a segment, so that each send is a packet.
constexpr std::size_t kStreamBytes = 1400;

// Between these the tracepoints come or go, which takes a while.
constexpr int kRoundsAtOnce = 10;

constexpr std::uint32_t kSizes[] = {0, 3, 1000, 100'000, 1'000'000};
// Listed are the even addresses from here on, and sent to is between them.
constexpr std::uint32_t kFirst = 0x0a400000;  // 10.64.0.0
constexpr const char* kRange = "10.64.0.0/10";
constexpr std::uint32_t kFewAddresses = 3;  // without a list
constexpr std::uint16_t kPort = 1389;
constexpr std::uint16_t kStreamPort = 1390;
constexpr std::uint16_t kRefusedPort = 4444;

constexpr double kMostOfEmpty = 1.2;

std::string listed(std::uint32_t i) { return dotted(kFirst + 2 * i); }

sockaddr_in end_at(std::uint32_t address, std::uint16_t port) {
  sockaddr_in end{};
  end.sin_family = AF_INET;
  end.sin_port = htons(port);
  end.sin_addr.s_addr = htonl(address);
  return end;
}

template <typename T>
T require(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}
void require(const Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

void run_in(int netns, const std::string& commands) {
  require(hook::in_network_namespace(netns, [&]() -> Status {
    if (::system(commands.c_str()) == 0) return Ok{};
    return Error{Code::kUnsupported, "'" + commands + "' failed"};
  }));
}

// A network with one interface, and at its other end somebody who has all
// addresses that are sent to.
class Network {
 public:
  Network() {
    const std::string quiet =
        "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && "
        "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 && "
        "ip link set lo up && ";
    const std::string here = "/proc/" + std::to_string(::getpid()) + "/fd/";
    run_in(netns(),
           quiet +
               "ip link add eth0 address 02:00:00:00:00:02 type veth peer "
               "name eth0 address 02:00:00:00:00:01 netns " +
               here + std::to_string(outside_.get()) +
               " && ip addr add 10.63.0.2/24 dev eth0 && ip link set eth0 up "
               "&& ip neigh add 10.63.0.1 lladdr 02:00:00:00:00:01 dev eth0 "
               "&& ip route add " +
               kRange + " via 10.63.0.1");
    run_in(outside_.get(),
           quiet +
               "ip addr add 10.63.0.1/24 dev eth0 && ip link set eth0 up && "
               "ip neigh add 10.63.0.2 lladdr 02:00:00:00:00:02 dev eth0 && "
               "ip route add local " +
               kRange + " dev lo");
    require(hook::in_network_namespace(outside_.get(), [this]() -> Status {
      sink_ = bound(SOCK_DGRAM, kPort);
      listener_ = bound(SOCK_STREAM, kPort);
      stream_listener_ = bound(SOCK_STREAM, kStreamPort);
      return Ok{};
    }));
  }

  int netns() const { return inside_.get(); }
  // Takes all that has come since the last time.
  void take() {
    std::vector<char> bytes(1U << 20);
    while (::recv(sink_.get(), bytes.data(), bytes.size(), 0) >= 0) {
    }
    while (UniqueFd(::accept(listener_.get(), nullptr, nullptr))) {
    }
    if (!stream_) {
      stream_ = UniqueFd(::accept4(stream_listener_.get(), nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC));
    }
    while (stream_ &&
           ::recv(stream_.get(), bytes.data(), bytes.size(), 0) > 0) {
    }
  }

 private:
  static UniqueFd bound(int type, std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // All of a round has room.
    const int room = 8 << 20;
    const sockaddr_in any = end_at(INADDR_ANY, port);
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room,
                     sizeof room) != 0 ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) !=
            0 ||
        (type == SOCK_STREAM && ::listen(fd.get(), 64) != 0)) {
      throw std::runtime_error("make a receiver");
    }
    return fd;
  }

  UniqueFd inside_ = require(hook::make_network_namespace());
  UniqueFd outside_ = require(hook::make_network_namespace());
  UniqueFd sink_;
  UniqueFd listener_;
  UniqueFd stream_listener_;
  UniqueFd stream_;
};

// What nftables drop: the same as Bailiff.
void write_nftables(const std::string& path, std::uint32_t size) {
  std::ofstream file(path);
  file << "table ip bench {\n";
  if (size > 0) file << " set listed { type ipv4_addr; elements = {";
  for (std::uint32_t i = 0; i < size; ++i) {
    file << (i == 0 ? "" : ",") << listed(i);
  }
  if (size > 0) file << "} }\n";
  file << " chain output { type filter hook output priority 0;\n";
  if (size > 0) {
    file << "  ip daddr @listed drop\n";
  } else {
    file << "  udp dport " << kRefusedPort << " drop\n  tcp dport "
         << kRefusedPort << " drop\n";
  }
  file << " }\n}\n";
}

// A process that sends and connects when it is asked to.
class Sender {
 public:
  Sender(const Cgroup& cgroup, int netns, std::uint32_t size)
      : worker_(cgroup, [&](int channel) {
          if (::setns(netns, CLONE_NEWNET) != 0) ::_exit(1);
          serve(channel, size);
        }) {}

  // ns for each.
  double measure(What what) {
    worker_.ask(what);
    return worker_.answer<double>();
  }

 private:
  [[noreturn]] static void serve(int channel, std::uint32_t size) {
    const UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const UniqueFd stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::mt19937 random(size);
    std::vector<sockaddr_in> addresses(kKinds[0].times);
    What what = What::kSend;
    while (::read(channel, &what, sizeof what) == sizeof what) {
      for (sockaddr_in& to : addresses) {
        to = end_at(
            kFirst + 2 * (static_cast<std::uint32_t>(random()) % size) + 1,
            kPort);
      }
      const double taken =
          times(what, datagrams.get(), stream.get(), addresses);
      if (::write(channel, &taken, sizeof taken) != sizeof taken) break;
    }
    ::_exit(0);
  }

  static double times(What what, int datagrams, int stream,
                      const std::vector<sockaddr_in>& addresses) {
    switch (what) {
      case What::kSend:
        return send_to_all(datagrams, addresses);
      case What::kConnect:
        return connect_to_some(addresses);
      case What::kStream:
        return send_over(stream);
      case What::kOpenStream:
        return open(stream, addresses[0].sin_addr);
    }
    return 0;
  }

  static double send_to_all(int fd, const std::vector<sockaddr_in>& addresses) {
    const double before = now_ns();
    for (const sockaddr_in& to : addresses) {
      if (::sendto(fd, "", 1, 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) != 1) {
        ::_exit(2);
      }
    }
    return (now_ns() - before) / kKinds[0].times;
  }

  // What comes behind the handshake is not counted.
  static double connect_to_some(const std::vector<sockaddr_in>& addresses) {
    double taken = 0;
    for (int i = 0; i < kKinds[1].times; ++i) {
      const sockaddr_in& to = addresses[static_cast<std::size_t>(i)];
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const double before = now_ns();
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) != 0) {
        ::_exit(2);
      }
      taken += now_ns() - before;
      // Ended by a reset, so that no port is taken for a minute.
      const linger at_once = {.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return taken / kKinds[1].times;
  }

  static double send_over(int stream) {
    const std::vector<char> bytes(kStreamBytes);
    const double before = now_ns();
    for (int i = 0; i < kKinds[2].times; ++i) {
      if (::send(stream, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(bytes.size())) {
        ::_exit(2);
      }
    }
    return (now_ns() - before) / kKinds[2].times;
  }

  static double open(int stream, in_addr host) {
    const sockaddr_in to = end_at(ntohl(host.s_addr), kStreamPort);
    const int on = 1;
    if (::setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        ::connect(stream, reinterpret_cast<const sockaddr*>(&to), sizeof to) !=
            0) {
      ::_exit(3);
    }
    return 0;
  }

  Worker worker_;
};

// ns of each round, of one kind, without the tracepoints and with them.
struct Times {
  std::vector<double> alone;
  std::vector<double> watched;
};

struct Variant {
  std::string name;
  hook::ScratchCgroup cgroup = make_cgroup();
  std::unique_ptr<Network> network = std::make_unique<Network>();
  std::unique_ptr<Sender> sender = nullptr;
  std::array<Times, kKinds.size()> times = {};
  std::map<std::string, ProgramStats> programs = {};  // by the names of links

  double measure(What what) {
    const double ns = sender->measure(what);
    network->take();
    return ns;
  }
};

constexpr const char* kNothing = "no filter";
constexpr const char* kEmpty = "empty programs";
constexpr const char* kNftables = "nftables";
constexpr const char* kNoFrames = "Bailiff, no frames";
constexpr const char* kBailiff = "Bailiff";
constexpr const char* kEveryHook = "Bailiff, a program at each hook";

CompiledPolicy policy_of(std::uint32_t size, std::vector<std::string> items) {
  PolicyBuilder builder;
  if (size == 0) {
    builder.rule("Port", sport_is(kRefusedPort));
  } else {
    builder.rule("Listed", sip_in(builder.list("hosts", std::move(items))));
  }
  return builder.build();
}

// All that is compared with each other.
class Group {
 public:
  Group(std::uint32_t size, hook::Kernel& kernel)
      : size_(size), kernel_(kernel) {
    // As bailiffd does when it starts.
    require(hook::ensure_shared_maps(dir_, kernel_));
    start(add(kNothing));
    attach_empty(add(kEmpty));
    start(variants_.back());
    add_nftables();
    std::vector<std::string> items;
    for (std::uint32_t i = 0; i < size; ++i) items.push_back(listed(i));
    add_policy(kBailiff, policy_of(size, items), true);
    add_policy(kNoFrames, policy_of(size, items), false);
    if (size > 0) add_policy(kEveryHook, every_hook(std::move(items)), true);
    for (Variant& variant : variants_) {
      (void)variant.measure(What::kOpenStream);
    }
  }

  std::string name() const {
    return size_ == 0 ? "a rule on a port" : std::to_string(size_) + " listed";
  }

  void measure(int rounds) {
    std::optional<hook::ForeignSockets> watched;
    for (int done = -kRoundsAtOnce; done < rounds; done += kRoundsAtOnce) {
      // One and the other, then the other and the one.
      for (int half = 0; half < 2; ++half) {
        if (half > 0 && watched) {
          watched.reset();
        } else if (half > 0) {
          watched = watch();
        }
        for (int i = 0; i < kRoundsAtOnce; ++i) {
          measure_each(watched.has_value(), done >= 0);
        }
      }
    }
    watched.reset();
    count();
  }

  void report() const {
    ::printf("\n%s\n%48s %28s   %s\n", name().c_str(), "", "",
             "with bailiffd's tracepoints, over those without");
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      ::printf("ns per %-24s %8s %8s %13s %13s   %8s %13s %13s\n",
               kKinds[i].name, "best", "p50", "over nothing", "over nftables",
               "p50", "over nothing", "over nftables");
      for (const Variant& variant : variants_) report(variant, i);
    }
    for (const Variant& variant : variants_) {
      // It has programs that another has, too.
      if (variant.programs.empty() || variant.name == kNoFrames) continue;
      ::printf("%-31s %8s %8s %8s %8s\n", variant.name.c_str(), "insns",
               "verified", "bytes", "ns/run");
      for (const auto& [link, stats] : variant.programs) {
        ::printf("  %-29s %8zu %8zu %8zu %8.1f\n", link.c_str(),
                 static_cast<std::size_t>(stats.instructions),
                 static_cast<std::size_t>(stats.verified),
                 static_cast<std::size_t>(stats.native_bytes),
                 stats.ns_per_run());
      }
    }
  }

  void report_aims() const {
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      const std::string what = std::string(kKinds[i].name) + ", " + name();
      const Times& ours = of(kBailiff).times[i];
      if (size_ == 0) {
        print_aim(what + ", times empty programs",
                  median(ratios(ours.alone, of(kEmpty).times[i].alone)), "",
                  kMostOfEmpty);
      }
      const std::vector<double>& nftables = of(kNftables).times[i].alone;
      print_aim(what + ", over nftables",
                median(differences(ours.alone, nftables)), "ns", 0);
      print_aim(what + ", with tracepoints, over nftables",
                median(differences(ours.watched, nftables)), "ns", 0);
    }
  }

 private:
  Variant& add(const std::string& name) {
    variants_.push_back({.name = name});
    return variants_.back();
  }
  void start(Variant& variant) const {
    variant.sender = std::make_unique<Sender>(
        variant.cgroup.cgroup(), variant.network->netns(),
        size_ == 0 ? kFewAddresses : size_);
  }
  void attach_empty(const Variant& variant) {
    // Where Bailiff has programs, too.
    for (const emit::Flavour flavour :
         {emit::Flavour::kConnect4, emit::Flavour::kSendmsg4,
          emit::Flavour::kEgress}) {
      const auto program =
          require(kernel_.load(emit::emit_allow_all(flavour), {}));
      links_.push_back(require(
          kernel_.attach(program, variant.cgroup.cgroup().fd(), flavour)));
    }
    const auto frames =
        require(kernel_.load(emit::emit_allow_all(emit::Flavour::kFrame), {}));
    const int netns = variant.network->netns();
    for (const auto& interface : require(kernel_.interfaces(netns))) {
      links_.push_back(
          require(kernel_.attach_frames(frames, netns, interface)));
    }
  }
  void add_nftables() {
    Variant& variant = add(kNftables);
    const ScratchFolder folder;
    const std::string file = folder.path() + "/rules";
    write_nftables(file, size_);
    run_in(variant.network->netns(), "nft -f " + file);
    start(variant);
  }
  void add_policy(const std::string& name, const CompiledPolicy& policy,
                  bool frames) {
    Variant& variant = add(name);
    (void)require(protect(policy, variant.cgroup.cgroup(), dir_, name, kernel_,
                          frames ? variant.network->netns() : -1));
    variant.programs = stats_of_links(dir_, name, kernel_);
    start(variant);
  }

  // Foreign sockets, looked for as bailiffd does while containers are judged.
  hook::ForeignSockets watch() {
    const hook::Pins pins(dir_);
    const auto judged = require(hook::open_judged_map(pins, kernel_));
    const auto senders =
        require(kernel_.open_map(pins.map(emit::MapKind::kSenders)));
    auto sockets = require(hook::ForeignSockets::load(
        judged, senders, "", [](const bailiff_foreign&) {}));
    require(sockets.attend(false));
    return sockets;
  }

  void measure_each(bool watched, bool kept) {
    // Another comes first each time.
    ++first_;
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      for (std::size_t j = 0; j < variants_.size(); ++j) {
        Variant& variant = variants_[(first_ + j) % variants_.size()];
        const double ns = variant.measure(kKinds[i].what);
        Times& times = variant.times[i];
        if (kept) (watched ? times.watched : times.alone).push_back(ns);
      }
    }
  }

  // How long a run of each program takes.
  void count() {
    const UniqueFd counting = count_runs();
    if (!counting) throw std::runtime_error("have runs counted");
    for (Variant& variant : variants_) {
      if (variant.programs.empty()) continue;
      const auto before = stats_of_links(dir_, variant.name, kernel_);
      for (int i = 0; i < kRoundsAtOnce; ++i) {
        for (const Kind& kind : kKinds) (void)variant.measure(kind.what);
      }
      for (auto& [link, stats] :
           variant.programs = stats_of_links(dir_, variant.name, kernel_)) {
        stats = stats.since(before.at(link));
      }
    }
  }

  const Variant& of(const std::string& name) const {
    return *std::find_if(
        variants_.begin(), variants_.end(),
        [&](const Variant& variant) { return variant.name == name; });
  }

  void report(const Variant& variant, std::size_t kind) const {
    const Times& times = variant.times[kind];
    const std::vector<double>& nothing = of(kNothing).times[kind].alone;
    const std::vector<double>& nftables = of(kNftables).times[kind].alone;
    ::printf("%-31s %8.1f %8.1f %13.1f %13.1f   %8.1f %13.1f %13.1f\n",
             variant.name.c_str(), percentile(times.alone, 0),
             median(times.alone), median(differences(times.alone, nothing)),
             median(differences(times.alone, nftables)), median(times.watched),
             median(differences(times.watched, nothing)),
             median(differences(times.watched, nftables)));
  }

  const std::uint32_t size_;
  hook::Kernel& kernel_;
  const ScratchBpffs bpffs_;
  const std::string dir_ = bpffs_.path() + "/bailiff";
  std::vector<hook::Link> links_;
  std::vector<Variant> variants_;
  std::size_t first_ = 0;
};

int run(int rounds, std::uint32_t most) {
  stay_on_one_processor();
  hook::LinuxKernel kernel;
  ::printf("by a veth, %d rounds of", rounds);
  for (const Kind& kind : kKinds) ::printf(" %d %s;", kind.times, kind.name);
  ::printf("\n");
  for (const std::uint32_t size : kSizes) {
    if (size > most) continue;
    Group group(size, kernel);
    group.measure(rounds);
    group.report();
    group.report_aims();
  }
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  int rounds = 500;
  std::uint32_t most = 1'000'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto number = ::strtoul(argv[i + 1], nullptr, 10);
    if (::strcmp(argv[i], "--rounds") == 0) rounds = static_cast<int>(number);
    if (::strcmp(argv[i], "--most") == 0) {
      most = static_cast<std::uint32_t>(number);
    }
  }
  try {
    return bailiff::test::run(rounds, most);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_send: %s\n", error.what());
    return 1;
  }
}
