// SPDX-License-Identifier: Apache-2.0
//
// bench_send [--rounds N] [--most N]: nanoseconds per sendto(2) on a UDP socket
// that is not connected, and per connect(2) over TCP with its handshake, to
// addresses that are not listed, each from another process in a network
// namespace of its own: without a filter, with programs that allow everything,
// with Bailiff, and with nftables that drop what is in a set of the same
// addresses, which knows of packets alone.  Every round measures all of them in
// turn; every other few, while foreign sockets are looked for.
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/judged.h"
#include "hook/attach/maps.h"
#include "hook/kernel/foreign.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/unique_fd.h"
#include "rules/abi/foreign.h"
#include "rules/emit/program.h"
#include "tests/bench/measure.h"
#include "tests/bench/worker.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

// Few, so that most rounds are through before the scheduler takes the
// processor.
constexpr int kSendsPerRound = 200;
constexpr int kConnectsPerRound = 20;
constexpr int kRoundsAtOnce = 50;
enum class What : char { kSend, kConnect };
constexpr std::uint32_t kSizes[] = {3, 1000, 100'000, 1'000'000};
// Listed are the even addresses from here on, and sent to is between them.
constexpr std::uint32_t kFirst = 0x7f400000;  // 127.64.0.0

std::string listed(std::uint32_t i) {
  const std::uint32_t address = kFirst + 2 * i;
  return std::to_string(address >> 24) + "." +
         std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." +
         std::to_string(address & 255);
}

// In a network namespace that ends with the process.
bool isolate(const std::string& nft_file) {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  ::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return false;
  return nft_file.empty() || ::system(("nft -f " + nft_file).c_str()) == 0;
}

void write_set(const std::string& path, std::uint32_t size) {
  std::ofstream file(path);
  file << "table ip bench {\n set listed { type ipv4_addr; elements = {";
  for (std::uint32_t i = 0; i < size; ++i) {
    file << (i == 0 ? "" : ",") << listed(i);
  }
  file << "} }\n chain output { type filter hook output priority 0; "
          "ip daddr @listed drop; }\n}\n";
}

// A process that sends and connects when it is asked to.
class Sender {
 public:
  Sender(const Cgroup& cgroup, std::uint32_t size, const std::string& nft_file)
      : worker_(cgroup, [&](int channel) {
          if (!isolate(nft_file)) ::_exit(1);
          serve(channel, size);
        }) {}

  // ns for each.
  double measure(What what) {
    worker_.ask(what);
    return worker_.answer<double>();
  }

 private:
  [[noreturn]] static void serve(int channel, std::uint32_t size) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    // Somebody has to be there, or each send is answered.  When its buffer is
    // full the kernel drops.
    const int sink = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(1389);
    if (::bind(sink, reinterpret_cast<const sockaddr*>(&any), sizeof any) !=
        0) {
      ::_exit(3);
    }
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof any) !=
            0 ||
        ::listen(listener, 16) != 0) {
      ::_exit(3);
    }
    std::mt19937 random(size);
    std::vector<sockaddr_in> addresses(kSendsPerRound);
    What what = What::kSend;
    while (::read(channel, &what, 1) == 1) {
      for (sockaddr_in& to : addresses) {
        to.sin_family = AF_INET;
        to.sin_port = htons(1389);
        to.sin_addr.s_addr = htonl(
            kFirst + 2 * (static_cast<std::uint32_t>(random()) % size) + 1);
      }
      const double taken = what == What::kSend
                               ? send_to_all(fd, addresses)
                               : connect_to_some(listener, addresses);
      if (::write(channel, &taken, sizeof taken) != sizeof taken) break;
    }
    ::_exit(0);
  }

  static double send_to_all(int fd, const std::vector<sockaddr_in>& addresses) {
    const double before = now_ns();
    for (const sockaddr_in& to : addresses) {
      if (::sendto(fd, "", 1, 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) != 1) {
        ::_exit(2);
      }
    }
    return (now_ns() - before) / kSendsPerRound;
  }

  // What comes behind the handshake is not counted.
  static double connect_to_some(int listener,
                                const std::vector<sockaddr_in>& addresses) {
    double taken = 0;
    for (int i = 0; i < kConnectsPerRound; ++i) {
      const sockaddr_in& to = addresses[static_cast<std::size_t>(i)];
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const double before = now_ns();
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) != 0) {
        ::_exit(2);
      }
      taken += now_ns() - before;
      const UniqueFd theirs(::accept(listener, nullptr, nullptr));
      // Ended by a reset, so that no port is taken for a minute.
      const linger at_once = {.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return taken / kConnectsPerRound;
  }

  Worker worker_;
};

struct Variant {
  std::string name;
  hook::ScratchCgroup cgroup;
  std::unique_ptr<Sender> sender = nullptr;
  std::vector<double> send_ns = {};
  std::vector<double> connect_ns = {};
  // While foreign sockets are looked for.
  std::vector<double> watched_send_ns = {};
  std::vector<double> watched_connect_ns = {};
};

void report(const std::vector<Variant>& variants,
            std::vector<double> Variant::*member,
            std::vector<double> Variant::*watched) {
  ::printf("%-28s %8s %8s %14s %14s\n", "container with", "best", "p50",
           "over nothing", "p50, watched");
  for (const Variant& variant : variants) {
    std::vector<double> ns = variant.*member;
    std::vector<double> over;
    for (std::size_t i = 0; i < ns.size(); ++i) {
      over.push_back(ns[i] - (variants[0].*member)[i]);
    }
    ::printf("%-28s %8.1f %8.1f %14.1f %14.1f\n", variant.name.c_str(),
             *std::min_element(ns.begin(), ns.end()), median(ns), median(over),
             median(variant.*watched));
  }
}

// Foreign sockets, looked for as bailiffd does while a container is judged.
hook::ForeignSockets watch(const Cgroup& judged_one, hook::Kernel& kernel) {
  const auto judged = hook::create_judged_map(kernel);
  if (!judged) throw std::runtime_error(judged.error().message);
  const std::uint64_t id = judged_one.id();
  const bailiff_judged entry{.name = 1, .frames = {}};
  const auto entered =
      kernel.update(*judged, hook::bytes_of(id), hook::bytes_of(entry));
  if (!entered) throw std::runtime_error(entered.error().message);
  const auto senders = hook::create_map(emit::MapKind::kSenders, kernel);
  if (!senders) throw std::runtime_error(senders.error().message);
  auto sockets = hook::ForeignSockets::load(*judged, *senders, "",
                                            [](const bailiff_foreign&) {});
  if (!sockets) throw std::runtime_error(sockets.error().message);
  const auto attended = sockets->attend(false);
  if (!attended) throw std::runtime_error(attended.error().message);
  return *std::move(sockets);
}

int run(int rounds, std::uint32_t most) {
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  const ScratchFolder folder;
  std::vector<Variant> variants;
  std::vector<hook::Link> links;
  const auto add = [&](const std::string& name) -> Variant& {
    variants.push_back({.name = name, .cgroup = make_cgroup()});
    return variants.back();
  };
  const auto start = [](Variant& variant, std::uint32_t size,
                        const std::string& nft_file = {}) {
    variant.sender =
        std::make_unique<Sender>(variant.cgroup.cgroup(), size, nft_file);
  };
  start(add("no filter"), 3);
  Variant& empty = add("empty programs");
  for (const emit::Flavour flavour :
       {emit::Flavour::kConnect4, emit::Flavour::kSendmsg4,
        emit::Flavour::kEgress}) {
    const auto loaded = kernel.load(emit::emit_allow_all(flavour), {});
    if (!loaded) throw std::runtime_error(loaded.error().message);
    auto link = kernel.attach(*loaded, empty.cgroup.cgroup().fd(), flavour);
    if (!link) throw std::runtime_error(link.error().message);
    links.push_back(*std::move(link));
  }
  start(empty, 3);
  for (const std::uint32_t size : kSizes) {
    if (size > most) continue;
    const std::string name = std::to_string(size) + " listed";
    PolicyBuilder builder;
    std::vector<std::string> items;
    for (std::uint32_t i = 0; i < size; ++i) items.push_back(listed(i));
    builder.rule("Listed", sip_in(builder.list("c2", std::move(items))));
    Variant& ours = add("Bailiff, " + name);
    const auto attached =
        protect(builder.build(), ours.cgroup.cgroup(),
                bpffs.path() + "/b" + std::to_string(size), "c", kernel);
    if (!attached) throw std::runtime_error(attached.error().message);
    start(ours, size);
    const std::string file = folder.path() + "/" + std::to_string(size);
    write_set(file, size);
    start(add("nftables, " + name), size, file);
  }
  rounds = std::max(rounds, kRoundsAtOnce);
  std::optional<hook::ForeignSockets> watched;
  for (int round = 0; round < 2 * rounds; ++round) {
    if (round % kRoundsAtOnce == 0) {
      if (watched) {
        watched.reset();
      } else if (round > 0) {
        watched = watch(variants.back().cgroup.cgroup(), kernel);
      }
    }
    for (Variant& variant : variants) {
      const double send_ns = variant.sender->measure(What::kSend);
      const double connect_ns = variant.sender->measure(What::kConnect);
      if (round < 2) continue;
      (watched ? variant.watched_send_ns : variant.send_ns).push_back(send_ns);
      (watched ? variant.watched_connect_ns : variant.connect_ns)
          .push_back(connect_ns);
    }
  }
  ::printf("ns per sendto(), UDP over loopback, %d rounds of %d\n", rounds,
           kSendsPerRound);
  report(variants, &Variant::send_ns, &Variant::watched_send_ns);
  ::printf("ns per connect(), TCP over loopback, %d rounds of %d\n", rounds,
           kConnectsPerRound);
  report(variants, &Variant::connect_ns, &Variant::watched_connect_ns);
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  int rounds = 2000;
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
