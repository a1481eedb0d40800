// SPDX-License-Identifier: Apache-2.0
//
// bench_attach [--containers N] [--policies N] [--rules N] [--json FILE]: what
// it takes to put policies in front of many containers (scratch cgroups), in
// milliseconds for one more, with those the verifier takes, and in kernel
// memory.  Each policy is met for the first time in turn with containers of
// known ones, so that what grows with the number of containers shows.
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
#include "hook/kernel/kernel.h"
#include "tests/bench/measure.h"
#include "tests/kernel/host.h"
#include "tests/kernel/many_rules.h"

namespace bailiff::test {
namespace {

struct Options {
  std::size_t containers = 1000;
  std::size_t policies = 50;
  std::size_t rules = 20;
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
  printf("kernel memory of a further container: %.1f KiB\n", kib);
  printf("reconcile with all of them: %.1f ms\n", reconcile_ms);
  char line[100];
  ::snprintf(line, sizeof line,
             "],\"further_container_kib\":%.1f,\"reconcile_ms\":%.1f}\n", kib,
             reconcile_ms);
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
  }
  try {
    return bailiff::test::run(options);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_attach: %s\n", error.what());
    return 1;
  }
}
