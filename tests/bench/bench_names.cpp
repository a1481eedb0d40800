// SPDX-License-Identifier: Apache-2.0
//
// bench_names [--names N] [--rounds N]: milliseconds until a list of one name
// of a host, and of N (100,000), is in the kernel, and nanoseconds per question
// that a process sends to a resolver, for names that are not listed: without a
// filter, with a program that allows everything, and with Bailiff and one name,
// and N.  Every round asks with all of them in turn.
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
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "tests/bench/measure.h"
#include "tests/bench/worker.h"
#include "tests/harness/dns_bytes.h"
#include "tests/kernel/host.h"
#include "tests/kernel/loaded.h"

namespace bailiff::test {
namespace {

constexpr int kQuestionsPerRound = 200;
constexpr std::uint16_t kResolverPort = 53;

std::string listed(std::size_t i) {
  return "host" + std::to_string(i) + ".c2.evil.example";
}

// A network namespace of its own, in which somebody takes the questions.
int isolated_resolver() {
  if (::unshare(CLONE_NEWNET) != 0) return -1;
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  ::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(kResolverPort);
  if (::ioctl(fd, SIOCSIFFLAGS, &request) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
    return -1;
  }
  return fd;
}

// Asks, each time it is told to, and answers how many ns a question took.
void serve(int channel) {
  if (isolated_resolver() < 0) ::_exit(1);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kResolverPort);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::size_t number = 0;
  char byte = 0;
  while (::read(channel, &byte, 1) == 1) {
    std::vector<dns::Bytes> questions;
    for (int i = 0; i < kQuestionsPerRound; ++i) {
      questions.push_back(
          dns::question("www.good" + std::to_string(++number) + ".example"));
    }
    const double before = now_ns();
    for (const dns::Bytes& each : questions) {
      // When the resolver's buffer is full the kernel drops.
      if (::sendto(fd, each.data(), each.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
        ::_exit(2);
      }
    }
    const double taken = (now_ns() - before) / kQuestionsPerRound;
    if (::write(channel, &taken, sizeof taken) != sizeof taken) return;
  }
}

struct Variant {
  std::string name;
  hook::ScratchCgroup cgroup;
  std::unique_ptr<Worker> asker = nullptr;
  std::vector<double> ns = {};
};

std::string rule_file(std::size_t names) {
  std::string text = "- list: names\n  items:\n";
  for (std::size_t i = 0; i < names; ++i) text += "  - " + listed(i) + "\n";
  return text +
         "- rule: r\n  desc: d\n  condition: evt.type = connect and "
         "fd.sip.name in (names)\n  output: o\n  priority: WARNING\n";
}

int run(std::size_t names, int rounds) {
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  std::vector<Variant> variants;
  std::vector<hook::Link> links;
  const auto add = [&](const std::string& name) -> Variant& {
    variants.push_back({.name = name, .cgroup = make_cgroup()});
    return variants.back();
  };
  add("no filter");
  const Variant& empty = add("empty program");
  const auto program =
      kernel.load(emit::emit_allow_all(emit::Flavour::kEgress), {});
  if (!program) throw std::runtime_error(program.error().message);
  auto link = kernel.attach(*program, empty.cgroup.cgroup().fd(),
                            emit::Flavour::kEgress);
  if (!link) throw std::runtime_error(link.error().message);
  links.push_back(*std::move(link));
  print_head("ms");
  for (const std::size_t size : {std::size_t{1}, names}) {
    const std::string rules = rule_file(size);
    Variant& ours = add("Bailiff, " + std::to_string(size) + " listed");
    const double begin = now_ms();
    const CompiledPolicy policy =
        loaded(rules, "policies:\n  - {name: P, rules: [r], block: true}\n");
    const double read = now_ms();
    const auto attached =
        protect(policy, ours.cgroup.cgroup(),
                bpffs.path() + "/b" + std::to_string(size), "c", kernel);
    if (!attached) throw std::runtime_error(attached.error().message);
    const std::string what = std::to_string(size) + " names, ";
    print_row((what + "rule file to compiled policy").c_str(), {read - begin},
              size == names ? "500" : "");
    print_row((what + "table and programs loaded").c_str(), {now_ms() - read},
              size == names ? "as one name, but for the table" : "");
  }

  for (Variant& variant : variants) {
    variant.asker = std::make_unique<Worker>(variant.cgroup.cgroup(), serve);
  }
  for (int round = 0; round < rounds; ++round) {
    for (Variant& variant : variants) {
      variant.asker->ask('\0');
      variant.ns.push_back(variant.asker->answer<double>());
    }
  }
  ::printf("ns per question, UDP over loopback, %d rounds of %d\n", rounds,
           kQuestionsPerRound);
  ::printf("%-28s %8s %8s %20s\n", "container with", "best", "p50",
           "over empty program");
  for (const Variant& variant : variants) {
    const std::vector<double> over = differences(variant.ns, variants[1].ns);
    ::printf("%-28s %8.1f %8.1f %20.1f\n", variant.name.c_str(),
             *std::min_element(variant.ns.begin(), variant.ns.end()),
             median(variant.ns), median(over));
  }
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  std::size_t names = 100'000;
  int rounds = 1000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto number = ::strtoul(argv[i + 1], nullptr, 10);
    if (::strcmp(argv[i], "--names") == 0) names = std::max(number, 2UL);
    if (::strcmp(argv[i], "--rounds") == 0) {
      rounds = static_cast<int>(std::max(number, 1UL));
    }
  }
  try {
    return bailiff::test::run(names, rounds);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_names: %s\n", error.what());
    return 1;
  }
}
