// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/condition_graph.h"

#include <variant>

namespace bailiff {
namespace {

struct HashOfValue {
  std::uint64_t operator()(Null) const { return 0; }
  std::uint64_t operator()(const std::string& text) const {
    return hash_text(text);
  }
  std::uint64_t operator()(const IpAddress& address) const {
    return hash_text({reinterpret_cast<const char*>(address.bytes.data()),
                      address.bytes.size()});
  }
  std::uint64_t operator()(const IpNetwork& network) const {
    return (*this)(network.base) + network.prefix;
  }
  std::uint64_t operator()(const IpEndpoint& endpoint) const {
    return (*this)(endpoint.address) + endpoint.port;
  }
  template <typename Number>
  std::uint64_t operator()(Number number) const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  }
};

template <typename AnyCheck>
std::uint64_t hash_of_operands(const AnyCheck& check, std::uint64_t hash) {
  hash = mixed_hash(hash, static_cast<std::uint64_t>(check.op));
  hash = mixed_hash(hash, static_cast<std::uint64_t>(check.quantifier));
  for (const Value& value : check.values) {
    hash = mixed_hash(hash, std::visit(HashOfValue{}, value));
  }
  for (const std::uint32_t list : check.lists) hash = mixed_hash(hash, list);
  return hash;
}

std::uint64_t hash_of(const Check& check) {
  const auto field = static_cast<std::uint64_t>(check.field);
  return hash_of_operands(check, mixed_hash(hash_text(check.argument), field));
}

std::uint64_t hash_of(const TermCheck& check) {
  std::uint64_t hash = hash_text(to_string(check.left));
  for (const Term& term : check.right) {
    hash = mixed_hash(hash, hash_text(to_string(term)));
  }
  return hash_of_operands(check, hash);
}

}  // namespace

template <typename AnyCheck>
std::size_t ConditionGraph::Hash<AnyCheck>::operator()(
    const AnyCheck* check) const {
  return hash_of(*check);
}

ConditionGraph::ConditionGraph(MatchPlan& plan) : plan_(plan) {
  field(FieldId::kEvtType, "", /*with_port=*/false);
}

DecisionGraph::Edge ConditionGraph::add(const Expr& expr) {
  struct Visitor {
    ConditionGraph& conditions;
    Edge operator()(const Constant& node) const {
      return DecisionGraph::constant(node.value);
    }
    Edge operator()(const Check& node) const {
      return conditions.add_check(node);
    }
    Edge operator()(const TermCheck& node) const {
      return conditions.add_check(node);
    }
    Edge operator()(const Not& node) const {
      return !conditions.add(*node.operand);
    }
    Edge operator()(const And& node) const {
      return conditions.graph_.all_of(conditions.add_all(node.operands));
    }
    Edge operator()(const Or& node) const {
      return conditions.graph_.any_of(conditions.add_all(node.operands));
    }
  };
  return std::visit(Visitor{*this}, expr.node);
}

std::vector<DecisionGraph::Edge> ConditionGraph::add_all(
    const std::vector<Expr>& operands) {
  std::vector<Edge> edges;
  edges.reserve(operands.size());
  for (const Expr& operand : operands) edges.push_back(add(operand));
  return edges;
}

DecisionGraph::Edge ConditionGraph::add_check(const Check& check) {
  const auto known = checks_.find(&check);
  if (known != checks_.end()) return known->second;
  std::optional<PreparedCheck> prepared = plan_.preparer.prepare(check);
  const Edge edge =
      prepared ? add_leaf({.kind = MatchPlan::Node::Kind::kFieldLeaf,
                           .index = plan_.field_leaves.size()})
               : add_other_leaf(check, value_type(check.field, check.argument));
  if (prepared) {
    // Only where an operand has one is the port of interest.
    const auto* in = std::get_if<In<AddressSet>>(&prepared->requirement);
    const bool with_port =
        in != nullptr && has_endpoints(*in) &&
        takes_endpoints(check.field, check.op, check.quantifier);
    plan_.field_leaves.push_back(
        {.field = field(check.field, check.argument, with_port),
         .check = *std::move(prepared)});
  }
  checks_.emplace(&check, edge);
  return edge;
}

DecisionGraph::Edge ConditionGraph::add_check(const TermCheck& check) {
  const auto known = term_checks_.find(&check);
  if (known != term_checks_.end()) return known->second;
  const Edge edge = add_other_leaf(check, type_of(check.left).type);
  term_checks_.emplace(&check, edge);
  return edge;
}

template <typename AnyCheck>
DecisionGraph::Edge ConditionGraph::add_other_leaf(const AnyCheck& check,
                                                   FalcoType type) {
  const Edge edge = add_leaf({.kind = MatchPlan::Node::Kind::kOtherLeaf,
                              .index = plan_.other_leaves.size()});
  plan_.other_leaves.push_back(
      {.check = check,
       .operands =
           plan_.preparer.operands(check.values, check.lists, check.op, type)});
  return edge;
}

DecisionGraph::Edge ConditionGraph::add_leaf(const Leaf& leaf) {
  const Edge edge = graph_.add_leaf();
  leaves_.resize(edge.node() + 1);
  leaves_[edge.node()] = leaf;
  return edge;
}

std::uint32_t ConditionGraph::field(FieldId id, const std::string& argument,
                                    bool with_port) {
  const auto [known, added] =
      fields_.emplace(std::tuple(id, argument, with_port),
                      static_cast<std::uint32_t>(plan_.fields.size()));
  if (added) {
    plan_.fields.push_back({.field = id, .argument = argument});
    plan_.ports.push_back(with_port ? port_beside(id) : std::nullopt);
  }
  return known->second;
}

}  // namespace bailiff
