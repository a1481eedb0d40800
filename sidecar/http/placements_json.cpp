// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/placements_json.h"

#include <nlohmann/json.hpp>

#include "rules/fields/field.h"

namespace bailiff::sidecar {

std::string placements_json(const CompiledPolicy& policy,
                            const std::vector<Placement>& placements) {
  nlohmann::json table = nlohmann::json::array();
  for (const Placement& placement : placements) {
    nlohmann::json row = {{"rule", policy.rules[placement.rule].name},
                          {"enforcement", to_string(placement.enforcement)},
                          {"hooks", nlohmann::json::array()},
                          {"fields", nlohmann::json::array()},
                          {"reason", placement.reason}};
    for (const HookPoint hook : placement.hooks) {
      row["hooks"].push_back(to_string(hook));
    }
    for (const FieldId id : placement.fields) {
      row["fields"].push_back(field(id).name);
    }
    table.push_back(std::move(row));
  }
  // Bytes of a rule name that are no UTF-8 become U+FFFD.
  return table.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bailiff::sidecar
