// SPDX-License-Identifier: Apache-2.0
// rules/eval/match_layout.h
// The order in which a plan's nodes are asked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/eval/condition_graph.h"
#include "rules/eval/decision_graph.h"
#include "rules/eval/match_plan.h"
#include "rules/eval/prepared_check.h"

namespace bailiff {

// Lays out in a plan those nodes of the graph its candidates need, and changes
// their roots to what they are there.
class MatchLayout {
 public:
  MatchLayout(const ConditionGraph& conditions, MatchPlan& plan);

  // Once.  Looks at `effort` edges at most to find out which nodes are asked
  // more than once; when that is not enough, the order is only less good.
  void place(std::size_t effort);

 private:
  using Edge = DecisionGraph::Edge;
  using Node = DecisionGraph::Node;

  struct Placed {
    Edge edge = DecisionGraph::constant(true);  // in the plan
    Estimate estimate;                          // of the edge
  };

  void count_uses(const MatchPlan::Candidates& candidates, std::size_t& effort);
  Placed placed(Edge edge);
  Placed place_node(Node node);
  void collect(Node node, std::vector<Placed>& operands);
  static Estimate order(std::vector<Placed>& operands);
  Estimate estimate_of(const ConditionGraph::Leaf& leaf) const;

  const ConditionGraph& conditions_;
  const DecisionGraph& graph_;
  MatchPlan& plan_;
  // By node, how often it may be asked for one event; at least so often, when
  // not all were counted.
  std::vector<std::uint32_t> uses_;
  bool all_counted_ = true;
  std::vector<std::optional<Placed>> placed_;  // by node
  std::vector<std::uint32_t> leaves_of_field_;
};

}  // namespace bailiff
