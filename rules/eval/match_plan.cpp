// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/match_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "rules/eval/condition_graph.h"
#include "rules/eval/match_layout.h"
#include "rules/fields/event_type.h"

namespace bailiff {
namespace {

using Edge = DecisionGraph::Edge;
using Node = DecisionGraph::Node;

// What is left of conditions once it is known which leaves hold.
class Decided {
 public:
  // `known` are leaves, `depends` whether a node asks any of them; by node.
  // `effort` is how many edges may still be looked at: when it is 0, nothing
  // more is decided.
  Decided(DecisionGraph& graph, const std::vector<bool>& depends,
          const std::vector<std::optional<bool>>& known, std::size_t& effort)
      : graph_(graph), depends_(depends), known_(known), effort_(effort) {}

  Edge of(Edge edge) {
    // Nodes made here depend on nothing that is known.
    if (edge.node() >= depends_.size() || !depends_[edge.node()]) return edge;
    const auto known = decided_.find(edge.node());
    const Edge left =
        known != decided_.end() ? known->second : of_node(edge.node());
    decided_.try_emplace(edge.node(), left);
    return edge.negated() ? !left : left;
  }

 private:
  Edge of_node(Node node) {
    if (graph_.is_leaf(node)) return DecisionGraph::constant(*known_[node]);
    const auto operands = graph_.operands(node);
    if (effort_ < operands.size()) {
      effort_ = 0;
      return {node, false};
    }
    effort_ -= operands.size();
    // A copy: the graph grows.
    std::vector<Edge> edges(operands.begin(), operands.end());
    // Most rules are settled by a leaf.
    const bool fails = std::any_of(edges.begin(), edges.end(), [&](Edge edge) {
      return graph_.is_leaf(edge.node()) && depends_[edge.node()] &&
             *known_[edge.node()] == edge.negated();
    });
    if (fails) return DecisionGraph::constant(false);
    for (Edge& edge : edges) {
      edge = of(edge);
      if (edge == DecisionGraph::constant(false)) return edge;
    }
    return graph_.all_of(std::move(edges));
  }

  DecisionGraph& graph_;
  const std::vector<bool>& depends_;
  const std::vector<std::optional<bool>>& known_;
  std::size_t& effort_;
  std::unordered_map<Node, Edge> decided_;
};

class Planner {
 public:
  Planner(const CompiledPolicy& policy, std::size_t most_effort)
      : policy_(policy),
        most_effort_(most_effort),
        plan_(std::make_unique<MatchPlan>(policy.lists)),
        conditions_(*plan_) {}

  std::unique_ptr<const MatchPlan> plan() && {
    for (std::uint32_t i = 0; i < policy_.rules.size(); ++i) {
      if (!policy_.rules[i].enabled) continue;
      plan_->of_other_types.push_back(
          {.rule = i, .root = conditions_.add(policy_.rules[i].condition)});
    }
    decide_types();
    MatchLayout(conditions_, *plan_).place(most_effort_);
    return std::move(plan_);
  }

 private:
  // Whether the leaf holds for events of a type; nullopt: it asks for something
  // else.
  std::optional<bool> of_type(const ConditionGraph::Leaf& leaf,
                              std::string_view type) const {
    if (leaf.kind == MatchPlan::Node::Kind::kFieldLeaf) {
      const MatchPlan::FieldLeaf& field = plan_->field_leaves[leaf.index];
      if (field.field != MatchPlan::kEventType) return std::nullopt;
      ExtractedValue value = {.view = type};
      return field.check.holds({&value, 1});
    }
    const MatchPlan::OtherLeaf& other = plan_->other_leaves[leaf.index];
    const auto* check = std::get_if<Check>(&other.check);
    if (check == nullptr || check->field != FieldId::kEvtType ||
        !check->argument.empty()) {
      return std::nullopt;
    }
    return other.holds([&](const FieldReference&) {
      return std::vector<Value>{std::string(type)};
    });
  }

  // The leaves that ask for evt.type.
  std::vector<Node> type_leaves() const {
    std::vector<Node> nodes;
    for (Node node = 0; node < conditions_.graph().size(); ++node) {
      const bool is_one = conditions_.graph().is_leaf(node) &&
                          of_type(conditions_.leaf(node), "").has_value();
      if (is_one) nodes.push_back(node);
    }
    return nodes;
  }

  // By node, whether it asks for any of the leaves.
  std::vector<bool> dependents(const std::vector<Node>& leaves) const {
    const DecisionGraph& graph = conditions_.graph();
    std::vector<bool> depends(graph.size());
    for (const Node leaf : leaves) depends[leaf] = true;
    // Operands come before what is made of them.
    for (Node node = 0; node < graph.size(); ++node) {
      for (const Edge edge : graph.operands(node)) {
        if (depends[edge.node()]) depends[node] = true;
      }
    }
    return depends;
  }

  void decide_types() {
    const std::vector<Node> leaves = type_leaves();
    std::size_t effort = most_effort_;
    if (leaves.size() > effort / all_event_types().size()) return;
    const std::vector<bool> depends = dependents(leaves);
    std::vector<std::optional<bool>> by_node(depends.size());
    std::map<std::vector<bool>, std::uint32_t> classes;
    for (const EventType& each : all_event_types()) {
      const std::string_view type = each.name;
      std::vector<bool> truths(leaves.size());
      for (std::size_t i = 0; i < leaves.size(); ++i) {
        truths[i] = *of_type(conditions_.leaf(leaves[i]), type);
      }
      const auto [known, added] = classes.emplace(
          truths, static_cast<std::uint32_t>(plan_->candidates.size()));
      plan_->types.emplace(type, known->second);
      if (!added) continue;
      for (std::size_t i = 0; i < leaves.size(); ++i) {
        by_node[leaves[i]] = truths[i];
      }
      Decided decided(conditions_.graph(), depends, by_node, effort);
      MatchPlan::Candidates& candidates = plan_->candidates.emplace_back();
      for (const MatchPlan::Candidate& rule : plan_->of_other_types) {
        const Edge root = decided.of(rule.root);
        if (root == DecisionGraph::constant(false)) continue;
        candidates.push_back({.rule = rule.rule, .root = root});
      }
    }
  }

  const CompiledPolicy& policy_;
  const std::size_t most_effort_;
  std::unique_ptr<MatchPlan> plan_;
  ConditionGraph conditions_;
};

}  // namespace

bool MatchPlan::OtherLeaf::holds(const Extract& extract) const {
  if (const auto* terms = std::get_if<TermCheck>(&check)) {
    return bailiff::holds(*terms, extract, operands);
  }
  const auto& field = *std::get_if<Check>(&check);
  const FieldReference term{.field = field.field, .argument = field.argument};
  return bailiff::holds(field.op, field.quantifier, several_of(field.field),
                        extract(term), operands);
}

std::unique_ptr<const MatchPlan> plan_match(const CompiledPolicy& policy,
                                            std::size_t most_effort) {
  return Planner(policy, most_effort).plan();
}

}  // namespace bailiff
