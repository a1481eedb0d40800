// SPDX-License-Identifier: Apache-2.0
#include "sidecar/replay/known_container.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "oci/spec/image.h"
#include "rules/fields/reference.h"
#include "rules/lower/fold.h"

namespace bailiff::sidecar {
namespace {

// Falco's container.id is that of the docker command line.
constexpr std::size_t kShortId = 12;

bool of_container(FieldId id) { return (field(id).from & kFromContainer) != 0; }

std::vector<Value> values_of(const OutputValue& value) {
  if (const auto* many = std::get_if<std::vector<Value>>(&value)) return *many;
  const auto& one = std::get<Value>(value);
  if (std::holds_alternative<Null>(one)) return {};
  return {one};
}

std::string text_of(const FieldSource& event, FieldId id) {
  const std::vector<Value> values = event.extract(id, "");
  if (values.empty()) return "";
  const auto* text = std::get_if<std::string>(&values.front());
  return text != nullptr ? *text : "";
}

}  // namespace

Facts facts_of(const Alert& alert) {
  Facts facts;
  for (const auto& [name, value] : alert.output_fields) {
    const auto whole = longest_reference(name);
    if (!whole || whole->length != name.size()) continue;
    if (!of_container(whole->reference.field)) continue;
    facts.values[name] = values_of(value);
  }
  const AlertContainer& container = alert.container;
  if (container.id.empty()) return facts;
  facts.values["container.full_id"] = {container.id};
  facts.values["container.id"] = {container.id.substr(0, kShortId)};
  // Its policies were known, or it was judged here.
  const bool known = alert.enforcement != to_string(Enforcement::kExternal) ||
                     !alert.policy.empty();
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) {
      facts.values[name] = {text};
    } else if (known) {
      facts.values[name] = {};
    }
  };
  put("container.name", container.name);
  put("k8s.pod.name", container.pod);
  put("k8s.ns.name", container.name_space);
  const oci::ImageReference image = oci::split_image(container.image);
  put("container.image", container.image);
  if (!container.image.empty() || known) {
    put("container.image.repository", image.repository);
    put("container.image.tag", image.tag);
    put("container.image.digest", image.digest);
  }
  return facts;
}

Facts facts_of(const FieldSource& event) {
  Facts facts;
  for (const Field& one : all_fields()) {
    if (!of_container(one.id) || one.needs_argument()) continue;
    std::vector<Value> values = event.extract(one.id, "");
    if (!values.empty())
      facts.values[std::string(one.name)] = std::move(values);
  }
  return facts;
}

AlertContainer container_of(const FieldSource& event) {
  AlertContainer container;
  container.id = text_of(event, FieldId::kContainerFullId);
  if (container.id.empty()) {
    container.id = text_of(event, FieldId::kContainerId);
  }
  container.name = text_of(event, FieldId::kContainerName);
  container.image = text_of(event, FieldId::kContainerImage);
  if (container.image.empty()) {
    container.image = text_of(event, FieldId::kContainerImageRepository);
  }
  container.pod = text_of(event, FieldId::kK8sPodName);
  container.name_space = text_of(event, FieldId::kK8sNsName);
  return container;
}

Scopes scopes_of(const CompiledPolicy& policy, const Facts& facts) {
  Scopes scopes;
  for (std::uint32_t i = 0; i < policy.policies.size(); ++i) {
    const std::optional<Expr>& scope = policy.policies[i].scope;
    const Expr left =
        scope ? fold(*scope, facts, policy.lists) : Expr{Constant{true}};
    if (is_true(left)) scopes.in_scope.push_back(i);
    if (is_true(left) || is_false(left)) continue;
    OpenScope open{.policy = i, .missing = {}};
    for (const Leaf& leaf : leaves_of(left)) {
      for (std::size_t at = 0; at < leaf.fields.size(); ++at) {
        std::string name = to_string(FieldReference{
            .field = leaf.fields[at], .argument = leaf.arguments[at]});
        if (std::find(open.missing.begin(), open.missing.end(), name) ==
            open.missing.end()) {
          open.missing.push_back(std::move(name));
        }
      }
    }
    scopes.open.push_back(std::move(open));
  }
  return scopes;
}

}  // namespace bailiff::sidecar
