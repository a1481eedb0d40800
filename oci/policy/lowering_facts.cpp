// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/lowering_facts.h"

#include <variant>

namespace bailiff::oci {
namespace {

struct ToValues {
  std::vector<Value> operator()(bool value) const { return {value}; }
  std::vector<Value> operator()(std::int64_t value) const { return {value}; }
  std::vector<Value> operator()(const std::string& value) const {
    return {value};
  }
  std::vector<Value> operator()(const std::vector<std::string>& values) const {
    return {values.begin(), values.end()};
  }
};

}  // namespace

Facts lowering_facts(const ContainerFacts& facts) {
  Facts lowering;
  lowering.complete = true;
  for (const auto& [name, value] : facts.values) {
    lowering.values.emplace(name, std::visit(ToValues{}, value));
  }
  return lowering;
}

}  // namespace bailiff::oci
