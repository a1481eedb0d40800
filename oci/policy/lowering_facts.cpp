// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/lowering_facts.h"

#include <map>
#include <utility>
#include <variant>

#include "oci/policy/bundle_facts.h"
#include "rules/fields/reference.h"

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

void put_labels(FieldId id, const std::map<std::string, std::string>& labels,
                Facts& lowering) {
  for (const auto& [name, value] : labels) {
    lowering.values.emplace(
        to_string(FieldReference{.field = id, .argument = name}),
        std::vector<Value>{value});
  }
}

}  // namespace

Facts lowering_facts(const ContainerFacts& facts) {
  Facts lowering;
  lowering.complete = true;
  for (const auto& [name, value] : facts.values) {
    lowering.values.emplace(name, std::visit(ToValues{}, value));
  }
  put_labels(FieldId::kContainerLabel, facts.labels, lowering);
  put_labels(FieldId::kK8sPodLabel, facts.pod_labels, lowering);
  lowering.untold.insert(facts.untold.begin(), facts.untold.end());
  return lowering;
}

std::vector<Unanswered> unanswered(const CompiledPolicy& policy,
                                   const Facts& facts) {
  std::vector<Unanswered> all;
  for (const UntoldUse& use : untold_uses(policy, facts)) {
    const Policy& one = policy.policies[use.policy];
    std::string sentence = "policy '" + one.name + "' asks for '" + use.field +
                           "', which nobody has told of this container";
    if (use.field.starts_with("k8s.")) {
      sentence += std::string(": give its pod a downwardAPI volume '") +
                  kPodVolume + "' with its labels, and mount it";
    }
    all.push_back({one.mode == Mode::kEnforce, std::move(sentence)});
  }
  return all;
}

Status check_answered(const std::vector<Unanswered>& all) {
  for (const Unanswered& each : all) {
    if (each.enforces) return Error{Code::kUnsupported, each.sentence};
  }
  return Ok{};
}

}  // namespace bailiff::oci
