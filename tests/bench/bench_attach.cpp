// SPDX-License-Identifier: Apache-2.0
//
// bench_attach [--containers N] [--policies N] [--rules N] [--networks N]
// [--json FILE]: what it takes to put policies in front of many containers
// (scratch cgroups), in milliseconds for one more, with those the verifier
// takes, and in kernel memory.  Each policy is met for the first time in turn
// with containers of known ones, so that what grows with the number of
// containers shows.  Then the same of one policy that has a program at each
// hook, for containers that have networks of their own with two interfaces.
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/kernel.h"
#include "tests/bench/measure.h"
#include "tests/kernel/every_hook.h"
#include "tests/kernel/host.h"
#include "tests/kernel/kernel_memory.h"
#include "tests/kernel/many_rules.h"

namespace bailiff::test {
namespace {

struct Options {
  std::size_t containers = 1000;
  std::size_t policies = 50;
  std::size_t rules = 20;
  std::size_t networks = 100;
  std::string json_path;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

// Memory of the kernel's own, KiB.
double kernel_kib() {
  std::ifstream file("/proc/meminfo");
  double sum = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double kib = 0;
    words >> name >> kib;
    if (name == "Slab:" || name == "Percpu:" || name == "VmallocUsed:") {
      sum += kib;
    }
  }
  return sum;
}

// Times what of an attach is the verifier and the translation for the
// processor.
class TimedKernel final : public hook::LinuxKernel {
 public:
  Result<hook::Program> load(const emit::Program& program,
                             std::span<const int> map_fds) override {
    const double before = now_ms();
    auto loaded = hook::LinuxKernel::load(program, map_fds);
    load_ms += now_ms() - before;
    return loaded;
  }

  double load_ms = 0;
};

constexpr double kMostOfContainer_kib = 64;

// What a policy with everything takes.
struct Everything {
  double first_ms = 0;
  double verifier_ms = 0;  // of that
  double shared_ms = 0;    // of each further container, median
  double kib = 0;          // of each, as the kernel's memory grows
  double bpf_kib = 0;      // of each, as it accounts for BPF objects
  double mate_kib = 0;     // the same, of one in the network of another
};

Everything measure_everything(std::size_t containers) {
  constexpr double kKib = 1024;
  TimedKernel kernel;
  const ScratchBpffs bpffs;
  const std::string dir = bpffs.path() + "/bailiff";
  const CompiledPolicy policy = every_hook({"192.0.2.1", "2001:db8::1"});
  std::vector<hook::ScratchCgroup> cgroups;
  std::vector<ScratchNetwork> networks;
  for (std::size_t i = 0; i < containers; ++i) networks.emplace_back();
  for (std::size_t i = 0; i <= containers; ++i) {
    cgroups.push_back(make_cgroup());
  }
  const auto attach_ms = [&](std::size_t i) {
    const double before = now_ms();
    const auto attached =
        protect(policy, cgroups[i].cgroup(), dir, "c" + std::to_string(i),
                kernel, networks[i % containers].netns());
    if (!attached) fail(attached.error().message);
    return now_ms() - before;
  };
  Everything everything;
  // The observer stays on the host, and is no container's.
  if (const Status ready = hook::ensure_shared_maps(dir, kernel); !ready) {
    fail(ready.error().message);
  }
  everything.first_ms = attach_ms(0);
  everything.verifier_ms = kernel.load_ms;
  const double kib = kernel_kib();
  const std::size_t bytes = memory_below(dir).bytes();
  std::vector<double> shared;
  for (std::size_t i = 1; i < containers; ++i) shared.push_back(attach_ms(i));
  const auto count = static_cast<double>(shared.size());
  everything.kib = (kernel_kib() - kib) / count;
  const std::size_t all = memory_below(dir).bytes();
  everything.bpf_kib = static_cast<double>(all - bytes) / kKib / count;
  everything.shared_ms = median(shared);
  (void)attach_ms(containers);
  everything.mate_kib =
      static_cast<double>(memory_below(dir).bytes() - all) / kKib;
  return everything;
}

int run(const Options& options) {
  TimedKernel kernel;
  const ScratchBpffs bpffs;
  const std::string dir = bpffs.path() + "/bailiff";
  std::vector<CompiledPolicy> policies;
  for (std::size_t i = 0; i < options.policies; ++i) {
    // Each with some lists of its neighbour's.
    policies.push_back(many_rules(options.rules, 4, i * 2));
  }
  std::vector<hook::ScratchCgroup> cgroups;
  for (std::size_t i = 0; i < options.containers; ++i) {
    cgroups.push_back(make_cgroup());
  }
  const std::size_t step =
      std::max<std::size_t>(options.containers / options.policies, 1);
  std::vector<double> first;
  std::vector<std::vector<double>> shared(10);
  std::vector<std::vector<double>> firsts(10);
  std::vector<std::vector<double>> loads(10);
  double shared_kib = 0;
  std::size_t shared_count = 0;
  for (std::size_t i = 0; i < options.containers; ++i) {
    const std::size_t newest = std::min(i / step, options.policies - 1);
    const bool is_first = i % step == 0 && i / step < options.policies;
    const CompiledPolicy& policy =
        policies[is_first ? newest : (i * 7) % (newest + 1)];
    const double kib = kernel_kib();
    kernel.load_ms = 0;
    const double before = now_ms();
    const auto attached = protect(policy, cgroups[i].cgroup(), dir,
                                  "c" + std::to_string(i), kernel);
    const double taken = now_ms() - before;
    if (!attached) fail(attached.error().message);
    const std::size_t decile = i * 10 / options.containers;
    (is_first ? firsts : shared)[decile].push_back(taken);
    if (is_first) loads[decile].push_back(kernel.load_ms);
    if (!is_first) {
      shared_kib += kernel_kib() - kib;
      ++shared_count;
    }
  }
  const double before = now_ms();
  const auto reconciled = hook::reconcile(dir, kernel);
  if (!reconciled) fail(reconciled.error().message);
  const double reconcile_ms = now_ms() - before;

  printf(
      "%zu containers, %zu policies of %zu rules over 4 lists, ms to attach "
      "(median)\n",
      options.containers, options.policies, options.rules);
  printf("%-24s %10s %10s %16s\n", "containers before", "shared", "first",
         "of that verifier");
  std::string json = "{\"bench\":\"attach\",\"containers\":" +
                     std::to_string(options.containers) +
                     ",\"policies\":" + std::to_string(options.policies) +
                     ",\"deciles\":[";
  for (std::size_t i = 0; i < 10; ++i) {
    const double one = median(shared[i]);
    const double other = median(firsts[i]);
    const double load = median(loads[i]);
    printf("%-24zu %10.3f %10.3f %16.3f\n", i * options.containers / 10, one,
           other, load);
    char line[100];
    ::snprintf(line, sizeof line,
               "%s{\"shared_ms\":%.3f,\"first_ms\":%.3f,\"verifier_ms\":%.3f}",
               i == 0 ? "" : ",", one, other, load);
    json += line;
  }
  const double kib = shared_kib / static_cast<double>(shared_count);
  print_aim("kernel memory of a further container", kib, "KiB",
            kMostOfContainer_kib);
  printf("reconcile with all of them: %.1f ms\n", reconcile_ms);
  const Everything all = measure_everything(options.networks);
  printf(
      "a program at each hook, %zu containers with networks, ms to attach: "
      "%.3f shared, %.3f first, %.3f of that verifier\n",
      options.networks, all.shared_ms, all.first_ms, all.verifier_ms);
  print_aim("kernel memory of a further container, by all the kernel has",
            all.kib, "KiB", kMostOfContainer_kib);
  print_aim("by what the kernel accounts for BPF objects", all.bpf_kib, "KiB",
            kMostOfContainer_kib);
  print_aim("the same, of one in the network of another", all.mate_kib, "KiB",
            kMostOfContainer_kib);
  char line[300];
  ::snprintf(line, sizeof line,
             "],\"further_container_kib\":%.1f,\"reconcile_ms\":%.1f,"
             "\"everything\":{\"first_ms\":%.3f,\"verifier_ms\":%.3f,"
             "\"shared_ms\":%.3f,\"further_container_kib\":%.1f,"
             "\"further_container_bpf_kib\":%.1f,\"pod_mate_bpf_kib\":%.1f}}\n",
             kib, reconcile_ms, all.first_ms, all.verifier_ms, all.shared_ms,
             all.kib, all.bpf_kib, all.mate_kib);
  json += line;
  std::unique_ptr<FILE, int (*)(FILE*)> file(
      ::fopen(options.json_path.c_str(), "we"), ::fclose);
  if (!file || ::fputs(json.c_str(), file.get()) < 0) {
    fail("write '" + options.json_path + "': " + ::strerror(errno));
  }
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  bailiff::test::Options options;
  options.json_path = std::string(argv[0]) + ".json";
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto number = [&] { return ::strtoul(argv[i + 1], nullptr, 10); };
    if (::strcmp(argv[i], "--json") == 0) options.json_path = argv[i + 1];
    if (::strcmp(argv[i], "--containers") == 0) options.containers = number();
    if (::strcmp(argv[i], "--policies") == 0) options.policies = number();
    if (::strcmp(argv[i], "--rules") == 0) options.rules = number();
    if (::strcmp(argv[i], "--networks") == 0) {
      options.networks = std::max(number(), 2UL);
    }
  }
  try {
    return bailiff::test::run(options);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_attach: %s\n", error.what());
    return 1;
  }
}
