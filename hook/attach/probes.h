// SPDX-License-Identifier: Apache-2.0
// hook/attach/probes.h
// What this host can enforce, found by trying: version numbers lie, kernels
// have backports and runtimes are patched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hook/kernel/kernel.h"

namespace bailiff::hook {

enum class ProbeState {
  kOk,
  kDegraded,  // Bailiff enforces without it, less strongly or not with all
  kMissing,   // Bailiff cannot enforce without it
};
std::string_view to_string(ProbeState state);  // "ok", "degraded", "missing"

struct Probe {
  std::string name;
  ProbeState state = ProbeState::kOk;
  std::string detail;  // what was found, one line
  std::string remedy;  // what to do; "" when ok
};

// One for each thing that matters, in the order of dependence; the last one is
// self_test().  Forks, makes and removes scratch cgroups, and runs the
// container runtimes it finds with --version: about 200 ms.  For a process with
// one thread.
std::vector<Probe> probe_host(const std::string& bpf_dir, Kernel& kernel);

}  // namespace bailiff::hook
