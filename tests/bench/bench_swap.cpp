// SPDX-License-Identifier: Apache-2.0
//
// bench_swap [--containers N] [--rounds N] [--most N]: milliseconds until a
// list with one more address holds in every one of many running containers
// (200), by the length of the list: until publish_lists() returns, and until a
// process in each has been refused.
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/lists.h"
#include "hook/kernel/kernel.h"
#include "tests/bench/addresses.h"
#include "tests/bench/measure.h"
#include "tests/bench/worker.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

constexpr std::uint32_t kSizes[] = {3, 1000, 100'000, 1'000'000};
constexpr double kMostUntilSeen_ms = 300;
constexpr std::uint32_t kFirst = 0x7f400000;   // 127.64.0.0
constexpr std::uint32_t kNewest = 0x7f300000;  // 127.48.0.0

struct Options {
  std::size_t containers = 200;
  int rounds = 10;
  std::uint32_t most = 1'000'000;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

// The list of a round: another newest address each time.
CompiledPolicy policy_of(std::uint32_t size, int round) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i + 1 < size; ++i) {
    items.push_back(dotted(kFirst + 2 * i));
  }
  items.push_back(dotted(kNewest + static_cast<std::uint32_t>(round)));
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("c2", std::move(items))));
  return builder.build();
}

// Answers whether an address is refused to it: 1, or 0.
void try_addresses(int channel) {
  std::uint32_t address = 0;
  while (::read(channel, &address, sizeof address) == sizeof address) {
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(address);
    const char refused =
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to),
                  sizeof to) != 0 &&
                errno == EPERM
            ? 1
            : 0;
    if (::write(channel, &refused, 1) != 1) return;
  }
}

void print(const char* what, std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  printf("  %-34s %8.1f %8.1f %8.1f\n", what, times.front(),
         times[times.size() / 2], times.back());
}

void run(const Options& options) {
  hook::LinuxKernel kernel;
  printf("ms until a new list holds in %zu containers, %d rounds\n",
         options.containers, options.rounds);
  printf("%-36s %8s %8s %8s\n", "entries", "best", "p50", "worst");
  for (const std::uint32_t size : kSizes) {
    if (size > options.most) continue;
    const ScratchBpffs bpffs;
    const std::string dir = bpffs.path() + "/bailiff";
    std::vector<hook::ScratchCgroup> cgroups;
    std::vector<std::unique_ptr<Worker>> processes;
    const CompiledPolicy first = policy_of(size, 0);
    for (std::size_t i = 0; i < options.containers; ++i) {
      cgroups.push_back(make_cgroup());
      const auto attached = protect(first, cgroups.back().cgroup(), dir,
                                    "c" + std::to_string(i), kernel);
      if (!attached) fail(attached.error().message);
      processes.push_back(
          std::make_unique<Worker>(cgroups.back().cgroup(), try_addresses));
    }
    std::vector<double> published;
    std::vector<double> seen;
    for (int round = 1; round <= options.rounds; ++round) {
      const CompiledPolicy next = policy_of(size, round);
      const Digest digest = policy_digest(encode(next));
      const double before = now_ms();
      const Status done = hook::publish_lists(dir, next, digest, kernel);
      if (!done) fail(done.error().message);
      published.push_back(now_ms() - before);
      for (const auto& process : processes) {
        process->ask(kNewest + static_cast<std::uint32_t>(round));
      }
      for (const auto& process : processes) {
        if (!process->answer<char>()) fail("a container lets it through");
      }
      seen.push_back(now_ms() - before);
    }
    printf("%u\n", size);
    print("published", published);
    print("refused in every container", seen);
    print_aim("  the worst of them", seen.back(), "ms", kMostUntilSeen_ms);
  }
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  bailiff::test::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto number = ::strtoul(argv[i + 1], nullptr, 10);
    if (::strcmp(argv[i], "--containers") == 0) options.containers = number;
    if (::strcmp(argv[i], "--rounds") == 0) {
      options.rounds = std::max(static_cast<int>(number), 1);
    }
    if (::strcmp(argv[i], "--most") == 0) {
      options.most = static_cast<std::uint32_t>(number);
    }
  }
  try {
    bailiff::test::run(options);
    return 0;
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_swap: %s\n", error.what());
    return 1;
  }
}
