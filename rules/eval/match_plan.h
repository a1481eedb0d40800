// SPDX-License-Identifier: Apache-2.0
// rules/eval/match_plan.h
// What a Matcher works through for an event, made of a policy once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "rules/eval/decision_graph.h"
#include "rules/eval/prepared_check.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff {

struct MatchPlan {
  // A check of one field, each value by itself.
  struct FieldLeaf {
    std::uint32_t field = 0;  // in `fields`
    PreparedCheck check;
  };
  // Whatever is asked seldom: as evaluate() asks it.
  struct OtherLeaf {
    std::variant<Check, TermCheck> check;
    OperandList operands;

    bool holds(const Extract& extract) const;
  };

  // As in DecisionGraph, but `and` has its operands in the order they are
  // asked.
  struct Node {
    enum class Kind : std::uint8_t { kAnd, kFieldLeaf, kOtherLeaf };
    std::uint32_t begin = 0;  // in `edges`; of leaves, in theirs
    std::uint32_t end = 0;
    Kind kind = Kind::kAnd;
  };
  using Edge = DecisionGraph::Edge;

  // A rule that may fire, and whether it does.
  struct Candidate {
    std::uint32_t rule = 0;
    Edge root;
  };
  using Candidates = std::vector<Candidate>;  // ascending by rule

  explicit MatchPlan(const std::vector<List>& lists) : preparer(lists) {}

  CheckPreparer preparer;
  // What an event is asked for.
  std::vector<FieldReference> fields;
  // By field: the one add_endpoints() has the ports from, where it is called.
  std::vector<std::optional<FieldId>> ports;
  static constexpr std::uint32_t kEventType = 0;  // one of them
  std::vector<FieldLeaf> field_leaves;
  std::vector<OtherLeaf> other_leaves;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  // What rules say of evt.type is decided for each type: which of
  // `candidates` there are.  Types for which they say the same share them.
  std::unordered_map<std::string_view, std::uint32_t, TextHash> types;
  std::vector<Candidates> candidates;
  Candidates of_other_types;  // nothing is decided
};

// How many edges of the graph may be looked at while evt.type is decided, and
// again while the order is, so that neither time nor memory grows with rules
// times event types.  For the 93 rules of Falco it is some 13,000.  Past it
// evt.type is asked like any other field.
inline constexpr std::size_t kMostPlanEffort = 1U << 24;

// The plan for the enabled rules.
std::unique_ptr<const MatchPlan> plan_match(
    const CompiledPolicy& policy, std::size_t most_effort = kMostPlanEffort);

}  // namespace bailiff
