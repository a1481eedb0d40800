// SPDX-License-Identifier: Apache-2.0
//
// bench_frame [--rounds N]: nanoseconds per UDP datagram that leaves by an
// Ethernet device, over a socket that is connected and over one that is not,
// each from another process in a network namespace of its own: without a
// filter, with a program at the device that allows everything, with Bailiff's
// programs there and no other of its, with all of Bailiff's, and with those of
// a neighbour on the host's network.  Every round measures all of them in turn.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hook/attach/pins.h"
#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "tests/bench/measure.h"
#include "tests/bench/worker.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

// Fewer than the device keeps for its reader (500, TUN_READQ_SIZE), who reads
// between the rounds: none is dropped.
constexpr int kSendsPerRound = 200;
constexpr int kWarmUp = 2;  // rounds
constexpr int kListed = 1000;
constexpr const char* kHost = "203.0.113.67";  // is not listed
enum class What : char { kToPeer, kToNoPeer };

sockaddr_in host_address() {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(1389);
  ::inet_pton(AF_INET, kHost, &to.sin_addr);
  return to;
}

// A process that sends when it is asked to.
class Sender {
 public:
  Sender(const Cgroup& cgroup, const ScratchNetwork& network)
      : worker_(cgroup, [&](int channel) {
          if (::setns(network.netns(), CLONE_NEWNET) != 0) ::_exit(1);
          serve(channel);
        }) {}

  // ns for each.
  double measure(What what) {
    worker_.ask(what);
    return worker_.answer<double>();
  }

 private:
  [[noreturn]] static void serve(int channel) {
    const sockaddr_in to = host_address();
    const auto* name = reinterpret_cast<const sockaddr*>(&to);
    const int connected = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::connect(connected, name, sizeof to) != 0) ::_exit(3);
    const int open = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    What what = What::kToPeer;
    while (::read(channel, &what, 1) == 1) {
      const double taken = what == What::kToPeer
                               ? send_all(connected, nullptr, 0)
                               : send_all(open, name, sizeof to);
      if (::write(channel, &taken, sizeof taken) != sizeof taken) break;
    }
    ::_exit(0);
  }

  static double send_all(int fd, const sockaddr* to, socklen_t size) {
    const double before = now_ns();
    for (int i = 0; i < kSendsPerRound; ++i) {
      if (::sendto(fd, "", 1, 0, to, size) != 1) ::_exit(2);
    }
    return (now_ns() - before) / kSendsPerRound;
  }

  Worker worker_;
};

struct Variant {
  std::string name;
  hook::ScratchCgroup cgroup = make_cgroup();
  std::unique_ptr<ScratchNetwork> network = std::make_unique<ScratchNetwork>();
  std::unique_ptr<Sender> sender = nullptr;
  std::vector<double> to_peer_ns = {};
  std::vector<double> to_no_peer_ns = {};

  double measure(What what) {
    const double ns = sender->measure(what);
    const int sent = network->sent_to(kHost);
    if (sent != kSendsPerRound) {
      throw std::runtime_error(name + ": " + std::to_string(sent) +
                               " datagrams have left, of " +
                               std::to_string(kSendsPerRound));
    }
    return ns;
  }
};

void report(const std::vector<Variant>& variants,
            std::vector<double> Variant::*member) {
  ::printf("%-28s %8s %8s %14s\n", "container with", "best", "p50",
           "over nothing");
  for (const Variant& variant : variants) {
    const std::vector<double>& ns = variant.*member;
    const std::vector<double> over = differences(ns, variants[0].*member);
    ::printf("%-28s %8.1f %8.1f %14.1f\n", variant.name.c_str(),
             *std::min_element(ns.begin(), ns.end()), median(ns), median(over));
  }
}

template <typename T>
T require(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

hook::Link attach_empty(const Variant& variant, hook::Kernel& kernel) {
  const hook::Program program =
      require(kernel.load(emit::emit_allow_all(emit::Flavour::kFrame), {}));
  const int netns = variant.network->netns();
  for (const hook::Interface& interface : require(kernel.interfaces(netns))) {
    if (interface.name != "tap0") continue;
    return require(kernel.attach_frames(program, netns, interface));
  }
  throw std::runtime_error("no tap0");
}

CompiledPolicy policy() {
  std::vector<std::string> items;
  items.reserve(kListed);
  for (int i = 0; i < kListed; ++i) {
    items.push_back("127.64." + std::to_string(i / 256) + "." +
                    std::to_string(i % 256));
  }
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("c2", std::move(items))));
  return builder.build();
}

// Returns the folder of the container's links.
std::string protect_cgroup(const Variant& variant, const Cgroup& cgroup,
                           bool host, const std::string& bpf_dir,
                           const std::string& id, hook::Kernel& kernel) {
  (void)require(protect(policy(), cgroup, bpf_dir, id, kernel,
                        variant.network->netns(), host));
  if (variant.network->frame_programs("tap0") != 1) {
    throw std::runtime_error("nothing judges what leaves tap0");
  }
  return require(hook::Pins(bpf_dir).container(id));
}

std::string protect_variant(const Variant& variant, const std::string& bpf_dir,
                            const std::string& id, hook::Kernel& kernel) {
  return protect_cgroup(variant, variant.cgroup.cgroup(), false, bpf_dir, id,
                        kernel);
}

void leave_frames_alone(const std::string& links, hook::Kernel& kernel) {
  const std::string folder = links + "/";
  for (const std::string& name : require(kernel.list(links))) {
    if (name.starts_with("frame-")) continue;
    const hook::Link link = require(kernel.open_link(folder + name));
    (void)require(kernel.detach(link));
  }
}

int run(int rounds) {
  stay_on_one_processor();
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  const std::string bpf_dir = bpffs.path() + "/bailiff";
  std::vector<Variant> variants;
  for (const char* name :
       {"no filter", "an empty program", "Bailiff, frames alone", "Bailiff",
        "a neighbour's, on the host"}) {
    variants.push_back({.name = name});
  }
  const hook::Link empty = attach_empty(variants[1], kernel);
  leave_frames_alone(protect_variant(variants[2], bpf_dir, "frames", kernel),
                     kernel);
  (void)protect_variant(variants[3], bpf_dir, "all", kernel);
  const hook::ScratchCgroup neighbour = make_cgroup();
  (void)protect_cgroup(variants[4], neighbour.cgroup(), true, bpf_dir,
                       "neighbour", kernel);
  for (Variant& variant : variants) {
    variant.network->forward_to(kHost);
    variant.sender =
        std::make_unique<Sender>(variant.cgroup.cgroup(), *variant.network);
  }
  rounds = std::max(rounds, 1);
  std::vector<std::size_t> order(variants.size());
  std::iota(order.begin(), order.end(), 0);
  for (int round = 0; round < kWarmUp + rounds; ++round) {
    // Another comes first each time.
    std::rotate(order.begin(), order.begin() + 1, order.end());
    for (const std::size_t i : order) {
      Variant& variant = variants[i];
      const double to_peer_ns = variant.measure(What::kToPeer);
      const double to_no_peer_ns = variant.measure(What::kToNoPeer);
      if (round < kWarmUp) continue;
      variant.to_peer_ns.push_back(to_peer_ns);
      variant.to_no_peer_ns.push_back(to_no_peer_ns);
    }
  }
  ::printf("ns per send() to the peer, UDP by a device, %d rounds of %d\n",
           rounds, kSendsPerRound);
  report(variants, &Variant::to_peer_ns);
  ::printf("ns per sendto() without a peer, UDP by a device, %d rounds of %d\n",
           rounds, kSendsPerRound);
  report(variants, &Variant::to_no_peer_ns);
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  int rounds = 2000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (::strcmp(argv[i], "--rounds") != 0) continue;
    rounds = static_cast<int>(::strtoul(argv[i + 1], nullptr, 10));
  }
  try {
    return bailiff::test::run(rounds);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_frame: %s\n", error.what());
    return 1;
  }
}
