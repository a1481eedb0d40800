// SPDX-License-Identifier: Apache-2.0
// rules/eval/decision_graph.h
// Many conditions as one graph in which no part stands twice, so that what
// rules have in common is decided once.
//
// A node is a leaf, of which others know whether it is true, or an `and` of
// edges.  An edge leads to a node and may negate it: an `or` is an `and` of
// negated edges, negated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

namespace bailiff {

class DecisionGraph {
 public:
  using Node = std::uint32_t;

  class Edge {
   public:
    Edge(Node node, bool negated) : bits_(node << 1 | (negated ? 1U : 0U)) {}
    Node node() const { return bits_ >> 1; }
    bool negated() const { return (bits_ & 1) != 0; }
    Edge operator!() const { return {node(), !negated()}; }
    bool operator==(const Edge&) const = default;
    bool operator<(Edge other) const { return bits_ < other.bits_; }

   private:
    std::uint32_t bits_;
  };

  DecisionGraph();
  DecisionGraph(const DecisionGraph&) = delete;
  DecisionGraph& operator=(const DecisionGraph&) = delete;

  static Edge constant(bool value) { return {kTrue, !value}; }
  // A new one each time: the caller knows which leaves are the same.
  Edge add_leaf();
  Edge all_of(std::vector<Edge> operands);
  Edge any_of(std::vector<Edge> operands);

  std::size_t size() const { return nodes_.size(); }
  bool is_leaf(Node node) const { return nodes_[node].is_leaf; }
  // What must hold for an `and` to hold; of a leaf, and of the node that is
  // always true, nothing.
  std::span<const Edge> operands(Node node) const;

 private:
  static constexpr Node kTrue = 0;

  struct Stored {
    std::uint32_t begin = 0;  // in operands_
    std::uint32_t end = 0;
    bool is_leaf = false;
  };
  struct Hash {
    const DecisionGraph* graph;
    std::size_t operator()(Node node) const;
  };
  struct Equal {
    const DecisionGraph* graph;
    bool operator()(Node a, Node b) const;
  };

  std::vector<Stored> nodes_;
  std::vector<Edge> operands_;
  std::unordered_set<Node, Hash, Equal> ands_;
};

}  // namespace bailiff
