// SPDX-License-Identifier: Apache-2.0
// rules/eval/condition_graph.h
// The conditions of a policy as one graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/eval/decision_graph.h"
#include "rules/eval/match_plan.h"
#include "rules/types/expr.h"

namespace bailiff {

// Conditions that are added put their fields and leaves into a plan; those that
// are equal only once.
class ConditionGraph {
 public:
  struct Leaf {
    MatchPlan::Node::Kind kind = MatchPlan::Node::Kind::kFieldLeaf;
    std::size_t index = 0;  // among those of its kind
  };

  // Borrows `plan`, of which evt.type becomes the first field, and what is
  // added.
  explicit ConditionGraph(MatchPlan& plan);

  DecisionGraph::Edge add(const Expr& expr);

  DecisionGraph& graph() { return graph_; }
  const DecisionGraph& graph() const { return graph_; }
  // Precondition: the node is a leaf.
  const Leaf& leaf(DecisionGraph::Node node) const { return leaves_[node]; }

 private:
  using Edge = DecisionGraph::Edge;

  template <typename AnyCheck>
  struct Hash {
    std::size_t operator()(const AnyCheck* check) const;
  };
  template <typename AnyCheck>
  struct Equal {
    bool operator()(const AnyCheck* a, const AnyCheck* b) const {
      return *a == *b;
    }
  };
  template <typename AnyCheck>
  using Known = std::unordered_map<const AnyCheck*, Edge, Hash<AnyCheck>,
                                   Equal<AnyCheck>>;

  Edge add_check(const Check& check);
  Edge add_check(const TermCheck& check);
  std::vector<Edge> add_all(const std::vector<Expr>& operands);
  template <typename AnyCheck>
  Edge add_other_leaf(const AnyCheck& check, FalcoType type);
  Edge add_leaf(const Leaf& leaf);
  std::uint32_t field(FieldId id, const std::string& argument, bool with_port);

  MatchPlan& plan_;
  DecisionGraph graph_;
  std::vector<Leaf> leaves_;  // by node
  Known<Check> checks_;
  Known<TermCheck> term_checks_;
  std::map<std::tuple<FieldId, std::string, bool>, std::uint32_t> fields_;
};

}  // namespace bailiff
