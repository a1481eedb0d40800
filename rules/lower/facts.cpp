// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "rules/fields/reference.h"
#include "rules/lower/fold.h"
#include "rules/lower/lower.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

// What Falco's rules compare with where there is no such mount.
constexpr std::string_view kNoMount = "N/A";

bool of_container(FieldId id) { return (field(id).from & kFromContainer) != 0; }

// By which of the lists a mount is looked up that is not given by its place.
std::string_view looked_up_by(FieldId id) {
  return id == FieldId::kContainerMountSource ? "container.mount.dest"
                                              : "container.mount.source";
}

bool of_mount(FieldId id) {
  return id >= FieldId::kContainerMount &&
         id <= FieldId::kContainerMountPropagation;
}

const std::vector<Value>* list_of(const Facts& facts, std::string_view name) {
  const auto found = facts.values.find(name);
  return found == facts.values.end() ? nullptr : &found->second;
}

// The place of the first mount that the argument, an index or a glob, names.
std::optional<std::size_t> find_mount(const Facts& facts, FieldId id,
                                      const std::string& argument) {
  const std::vector<Value>* keys = list_of(facts, looked_up_by(id));
  if (keys == nullptr) return std::nullopt;
  const std::optional<std::size_t> index = index_of(argument);
  for (std::size_t i = 0; i < keys->size(); ++i) {
    if (index ? *index == i : compare(Op::kGlob, (*keys)[i], argument)) {
      return i;
    }
  }
  return std::nullopt;
}

// SOURCE:DEST:MODE:RDWR:PROPAGATION, or one of them.
std::vector<Value> mount_field(const Facts& facts, FieldId id, std::size_t at) {
  std::vector<std::string_view> names = {field(id).name};
  if (id == FieldId::kContainerMount) {
    names = {"container.mount.source", "container.mount.dest",
             "container.mount.mode", "container.mount.rdwr",
             "container.mount.propagation"};
  }
  std::string text;
  for (const std::string_view name : names) {
    const std::vector<Value>* list = list_of(facts, name);
    if (list == nullptr || at >= list->size()) return {};
    const auto* one = std::get_if<std::string>(&(*list)[at]);
    if (one == nullptr) return {};
    if (name != names.front()) text += ':';
    text += *one;
  }
  return {std::move(text)};
}

std::optional<std::vector<Value>> mount(const Facts& facts, FieldId id,
                                        const std::string& argument) {
  if (const auto at = find_mount(facts, id, argument)) {
    return mount_field(facts, id, *at);
  }
  if (!facts.complete) return std::nullopt;
  if (id == FieldId::kContainerMountDest) {
    return std::vector<Value>{std::string(kNoMount)};
  }
  return std::vector<Value>{};
}

// The first field of the container that is left in it.
std::optional<std::string> left_open(const Expr& expr) {
  for (const Leaf& leaf : leaves_of(expr)) {
    for (std::size_t i = 0; i < leaf.fields.size(); ++i) {
      if (!of_container(leaf.fields[i])) continue;
      return to_string(FieldReference{.field = leaf.fields[i],
                                      .argument = leaf.arguments[i]});
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<Value>> told(const Facts& facts, FieldId id,
                                       const std::string& argument) {
  const auto found = facts.values.find(
      to_string(FieldReference{.field = id, .argument = argument}));
  if (found != facts.values.end()) return found->second;
  if (!argument.empty() && of_mount(id)) return mount(facts, id, argument);
  if (!facts.complete || !of_container(id) ||
      facts.untold.contains(field(id).name)) {
    return std::nullopt;
  }
  return std::vector<Value>{};
}

std::vector<UntoldUse> untold_uses(const CompiledPolicy& policy,
                                   const Facts& facts) {
  std::vector<UntoldUse> uses;
  if (facts.untold.empty()) return uses;
  const auto use = [&](const Expr& expr) {
    return left_open(fold(expr, facts, policy.lists));
  };
  for (std::uint32_t i = 0; i < policy.policies.size(); ++i) {
    const Policy& one = policy.policies[i];
    std::optional<std::string> open =
        one.scope ? use(*one.scope) : std::nullopt;
    if (!open && one.scope && is_false(fold(*one.scope, facts, policy.lists))) {
      continue;
    }
    for (const std::uint32_t rule : one.rules) {
      if (open) break;
      open = use(policy.rules[rule].condition);
    }
    if (open) uses.push_back({.policy = i, .field = *std::move(open)});
  }
  return uses;
}

}  // namespace bailiff
