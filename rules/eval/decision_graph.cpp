// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/decision_graph.h"

#include <algorithm>

#include "rules/eval/value_view.h"

namespace bailiff {

DecisionGraph::DecisionGraph()
    : nodes_(1), ands_(64, Hash{this}, Equal{this}) {}

std::size_t DecisionGraph::Hash::operator()(Node node) const {
  std::size_t hash = 0;
  for (const Edge edge : graph->operands(node)) {
    const std::size_t word = edge.node() << 1 | (edge.negated() ? 1U : 0U);
    hash = mixed_hash(hash, word);
  }
  return hash;
}

bool DecisionGraph::Equal::operator()(Node a, Node b) const {
  const std::span<const Edge> left = graph->operands(a);
  const std::span<const Edge> right = graph->operands(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

std::span<const DecisionGraph::Edge> DecisionGraph::operands(Node node) const {
  const Stored& stored = nodes_[node];
  return std::span(operands_).subspan(stored.begin, stored.end - stored.begin);
}

DecisionGraph::Edge DecisionGraph::add_leaf() {
  nodes_.push_back({.is_leaf = true});
  return {static_cast<Node>(nodes_.size() - 1), false};
}

DecisionGraph::Edge DecisionGraph::all_of(std::vector<Edge> operands) {
  // In one order whatever order they were written in.  What negates another
  // stands behind it.
  std::sort(operands.begin(), operands.end());
  operands.erase(std::unique(operands.begin(), operands.end()), operands.end());
  std::erase(operands, constant(true));
  const auto contradiction =
      std::adjacent_find(operands.begin(), operands.end(),
                         [](Edge a, Edge b) { return a.node() == b.node(); });
  if (contradiction != operands.end()) return constant(false);
  if (!operands.empty() && operands.front() == constant(false)) {
    return constant(false);
  }
  if (operands.empty()) return constant(true);
  if (operands.size() == 1) return operands.front();

  const auto begin = static_cast<std::uint32_t>(operands_.size());
  operands_.insert(operands_.end(), operands.begin(), operands.end());
  nodes_.push_back(
      {.begin = begin, .end = static_cast<std::uint32_t>(operands_.size())});
  const auto node = static_cast<Node>(nodes_.size() - 1);
  const auto [known, added] = ands_.insert(node);
  if (added) return {node, false};
  nodes_.pop_back();
  operands_.erase(operands_.begin() + begin, operands_.end());
  return {*known, false};
}

DecisionGraph::Edge DecisionGraph::any_of(std::vector<Edge> operands) {
  for (Edge& operand : operands) operand = !operand;
  return !all_of(std::move(operands));
}

}  // namespace bailiff
