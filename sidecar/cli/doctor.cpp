// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/doctor.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "oci/sys/cgroup.h"
#include "oci/sys/child.h"
#include "sidecar/cli/table.h"

namespace bailiff::sidecar {

hook::Probe probe_checkpoints(const std::string& criu) {
  // It looks at some fifty things, and waits for none.
  constexpr std::chrono::seconds kLimit{10};
  hook::Probe probe{.name = "checkpoints",
                    .state = hook::ProbeState::kDegraded};
  const Result<CgroupMount> mount = CgroupMount::find();
  if (mount && mount->hybrid) {
    probe.detail =
        "evidence has none beside cgroup version 1, which runtimes freeze by";
    probe.remedy = "boot with version 2 alone";
    return probe;
  }
  const Result<ChildResult> checked =
      run_child({criu, "check"}, "", std::chrono::steady_clock::now() + kLimit);
  if (checked && checked->exit == 0) {
    probe.state = hook::ProbeState::kOk;
    probe.detail = "criu can make them, if the runtime is built for it";
    return probe;
  }
  std::string why = checked ? checked->err : checked.error().message;
  while (!why.empty() && why.back() == '\n') why.pop_back();
  why.erase(0, why.rfind('\n') + 1);
  probe.detail = "evidence has none: 'criu check': " + why;
  probe.remedy = "install a criu that knows this kernel, if they are wanted";
  return probe;
}

int show_probes(const Terminal& terminal,
                const std::vector<hook::Probe>& probes) {
  using nlohmann::json;
  const bool missing =
      std::any_of(probes.begin(), probes.end(), [](const hook::Probe& probe) {
        return probe.state == hook::ProbeState::kMissing;
      });
  if (terminal.json) {
    json list = json::array();
    for (const hook::Probe& probe : probes) {
      list.push_back({{"name", probe.name},
                      {"state", std::string(to_string(probe.state))},
                      {"detail", probe.detail},
                      {"remedy", probe.remedy.empty() ? json(nullptr)
                                                      : json(probe.remedy)}});
    }
    terminal.out << list.dump(-1, ' ', false, json::error_handler_t::replace)
                 << '\n';
    return missing ? kExitFailed : kExitOk;
  }
  Table table({{"STATE", 0}, {"CHECK", 0}, {"DETAIL", 0}});
  for (const hook::Probe& probe : probes) {
    std::string detail = probe.detail;
    if (!probe.remedy.empty()) detail += "; remedy: " + probe.remedy;
    table.add({std::string(to_string(probe.state)), probe.name, detail});
  }
  table.print(terminal.out);
  return missing ? kExitFailed : kExitOk;
}

}  // namespace bailiff::sidecar
