// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/doctor.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "sidecar/cli/table.h"

namespace bailiff::sidecar {

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
