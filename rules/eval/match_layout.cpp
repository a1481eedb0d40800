// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/match_layout.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace bailiff {
namespace {

// What it costs to ask a node, and to extract a field, in the unit of Estimate.
constexpr double kVisit = 3;
constexpr double kExtraction = 10;

// Whether there are so few values that any of them is likely.
bool has_few_values(FieldId field) {
  return field == FieldId::kFdType || field == FieldId::kFdTypechar ||
         field == FieldId::kFdL4proto || field == FieldId::kFdSockfamily ||
         field == FieldId::kEvtRes || field == FieldId::kEvtDir ||
         field == FieldId::kSyscallType;
}

}  // namespace

MatchLayout::MatchLayout(const ConditionGraph& conditions, MatchPlan& plan)
    : conditions_(conditions),
      graph_(conditions.graph()),
      plan_(plan),
      uses_(graph_.size()),
      placed_(graph_.size()),
      leaves_of_field_(plan.fields.size()) {
  for (const MatchPlan::FieldLeaf& leaf : plan.field_leaves) {
    ++leaves_of_field_[leaf.field];
  }
}

void MatchLayout::place(std::size_t effort) {
  std::vector<MatchPlan::Candidates*> all = {&plan_.of_other_types};
  for (MatchPlan::Candidates& candidates : plan_.candidates) {
    all.push_back(&candidates);
  }
  for (const MatchPlan::Candidates* candidates : all) {
    count_uses(*candidates, effort);
  }
  all_counted_ = effort > 0;
  for (MatchPlan::Candidates* candidates : all) {
    for (MatchPlan::Candidate& candidate : *candidates) {
      candidate.root = placed(candidate.root).edge;
    }
  }
}

// The most uses any class of events makes of each node.
void MatchLayout::count_uses(const MatchPlan::Candidates& candidates,
                             std::size_t& effort) {
  std::unordered_map<Node, std::uint32_t> uses;
  std::vector<Node> pending;
  const auto use = [&](Edge edge) {
    if (effort == 0) return;
    --effort;
    if (uses[edge.node()]++ == 0) pending.push_back(edge.node());
  };
  for (const MatchPlan::Candidate& candidate : candidates) {
    use(candidate.root);
    while (!pending.empty()) {
      const Node node = pending.back();
      pending.pop_back();
      for (const Edge edge : graph_.operands(node)) use(edge);
    }
  }
  for (const auto& [node, count] : uses) {
    uses_[node] = std::max(uses_[node], count);
  }
}

MatchLayout::Placed MatchLayout::placed(Edge edge) {
  std::optional<Placed>& known = placed_[edge.node()];
  if (!known) known = place_node(edge.node());
  Placed result = *known;
  if (edge.negated()) {
    result.edge = !result.edge;
    result.estimate.holds = 1 - result.estimate.holds;
  }
  return result;
}

MatchLayout::Placed MatchLayout::place_node(Node node) {
  MatchPlan::Node added;
  Estimate estimate;
  if (graph_.is_leaf(node)) {
    const ConditionGraph::Leaf& leaf = conditions_.leaf(node);
    added.kind = leaf.kind;
    added.begin = static_cast<std::uint32_t>(leaf.index);
    estimate = estimate_of(leaf);
  } else {
    std::vector<Placed> operands;
    collect(node, operands);
    estimate = order(operands);
    added.begin = static_cast<std::uint32_t>(plan_.edges.size());
    for (const Placed& operand : operands) plan_.edges.push_back(operand.edge);
    added.end = static_cast<std::uint32_t>(plan_.edges.size());
  }
  // Whoever asks first pays for the others.
  estimate.cost /= std::max(uses_[node], 1U);
  plan_.nodes.push_back(added);
  return {.edge = Edge(static_cast<Node>(plan_.nodes.size() - 1), false),
          .estimate = estimate};
}

// The operands of an `and`, and of those inside it that stand only here: what
// is laid out has no more edges than were counted.
void MatchLayout::collect(Node node, std::vector<Placed>& operands) {
  for (const Edge edge : graph_.operands(node)) {
    const bool inner = !edge.negated() && !graph_.is_leaf(edge.node()) &&
                       all_counted_ && uses_[edge.node()] == 1;
    if (inner) {
      collect(edge.node(), operands);
    } else {
      operands.push_back(placed(edge));
    }
  }
}

// First what costs least for each time it settles the matter.
Estimate MatchLayout::order(std::vector<Placed>& operands) {
  const auto rank = [](const Placed& operand) {
    const double settles = std::max(1 - operand.estimate.holds, 1e-6);
    return (kVisit + operand.estimate.cost) / settles;
  };
  std::stable_sort(
      operands.begin(), operands.end(),
      [&](const Placed& a, const Placed& b) { return rank(a) < rank(b); });
  // What is required together tends to hold together: each next one says only
  // the root of what it says alone, of what the one before it does.
  Estimate whole = {.cost = 0, .holds = 1};
  double weight = 1;
  for (const Placed& operand : operands) {
    whole.cost += whole.holds * (kVisit + operand.estimate.cost);
    whole.holds *= std::pow(operand.estimate.holds, weight);
    weight /= 2;
  }
  return whole;
}

Estimate MatchLayout::estimate_of(const ConditionGraph::Leaf& leaf) const {
  if (leaf.kind != MatchPlan::Node::Kind::kFieldLeaf) {
    return {.cost = 500, .holds = 0.2};
  }
  const MatchPlan::FieldLeaf& field = plan_.field_leaves[leaf.index];
  Estimate whole = estimate(field.check);
  if (has_few_values(plan_.fields[field.field].field)) {
    whole.holds = std::clamp(whole.holds, 0.4, 0.6);
  }
  // Shared by the checks of the field.
  whole.cost += kExtraction / leaves_of_field_[field.field];
  return whole;
}

}  // namespace bailiff
