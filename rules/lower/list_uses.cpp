// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/list_uses.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "rules/lower/host_name.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

std::string address_problem(std::string_view item) {
  if (const auto network = parse_network(item)) {
    return "is a network, and this list is of addresses";
  }
  if (const auto mapped = parse_address(item)) {
    return "is to be written as the IPv4 address '" + to_string(*mapped) + "'";
  }
  return "is not an IP address";
}

std::string network_problem(std::string_view item) {
  if (const auto address = parse_address(item)) {
    return "is an address, and this list is of networks: write '" +
           to_string(*address) + (address->family == 4 ? "/32'" : "/128'");
  }
  return "is not an IP network";
}

// A list may have a million: of IPv4 they need no memory of their own.
std::string bytes_of(const IpAddress& address) {
  const std::size_t size = address.family == 4 ? 4 : address.bytes.size();
  std::string bytes(1, static_cast<char>(address.family));
  for (std::size_t i = 0; i < size; ++i) {
    bytes += static_cast<char>(address.bytes[i]);
  }
  return bytes;
}

// As names are compared.
std::string name_key(std::string_view name) {
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  std::string key(name);
  std::transform(key.begin(), key.end(), key.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return key;
}

}  // namespace

class ListUses::Finder {
 public:
  Finder(const CompiledPolicy& policy, std::vector<Use>& uses)
      : lists_(policy.lists), uses_(uses) {}

  void operator()(const Constant& /*node*/) {}
  void operator()(const Check& node) {
    const FieldType type = field(node.field).type;
    const bool ports = takes_endpoints(node.field, node.op, node.quantifier);
    for (const std::uint32_t list : node.lists) {
      for (const std::uint32_t each : with_included(lists_, list)) {
        Use& use = uses_[each];
        use.addresses = use.addresses || type == FieldType::kAddress;
        use.networks = use.networks || type == FieldType::kNetwork;
        use.names = use.names || of_host_name(node.field);
        use.ports = use.ports && ports;
      }
    }
  }
  // Its lists are no tables.
  void operator()(const TermCheck& /*node*/) {}
  void operator()(const Not& node) { std::visit(*this, node.operand->node); }
  void operator()(const And& node) { visit_all(node.operands); }
  void operator()(const Or& node) { visit_all(node.operands); }

 private:
  void visit_all(const std::vector<Expr>& exprs) {
    for (const Expr& expr : exprs) std::visit(*this, expr.node);
  }

  const std::vector<List>& lists_;
  std::vector<Use>& uses_;
};

ListUses::ListUses(const CompiledPolicy& policy) : uses_(policy.lists.size()) {
  const std::vector<bool> tables = kernel_lists(policy);
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    uses_[i].conditions = !tables[i];
  }
  Finder finder(policy, uses_);
  for (const Rule& rule : policy.rules) std::visit(finder, rule.condition.node);
  for (const Policy& each : policy.policies) {
    if (each.scope) std::visit(finder, each.scope->node);
  }
}

std::string ListUses::kind(std::uint32_t list) const {
  const Use& use = uses_[list];
  if (use.conditions) return "conditions";
  std::string kind;
  const auto add = [&kind](bool is, std::string_view name) {
    if (!is) return;
    if (!kind.empty()) kind += ", ";
    kind += name;
  };
  add(use.addresses, "addresses");
  add(use.networks, "networks");
  add(use.names, "names");
  return kind.empty() ? "unused" : kind;
}

bool ListUses::is_table(std::uint32_t list) const {
  const Use& use = uses_[list];
  return !use.conditions && (use.addresses || use.networks || use.names);
}

std::string ListUses::problem(std::uint32_t list, std::string_view item) const {
  const Use& use = uses_[list];
  if (use.names && !is_listed_name(item)) {
    return "is neither a host name nor, behind a full stop, a domain";
  }
  std::optional<Value> value;
  if (use.addresses) {
    value = parse_operand(FalcoType::kIpaddr, Op::kEq, item);
    if (!value) return address_problem(item);
  }
  if (use.networks) {
    value = parse_operand(FalcoType::kIpnet, Op::kEq, item);
    if (!value) return network_problem(item);
    if (const auto* network = std::get_if<IpNetwork>(&*value);
        network != nullptr && !parse_network(item, /*strict=*/true)) {
      return "has bits behind its length: write '" + to_string(*network) + "'";
    }
  }
  if (value && std::holds_alternative<IpEndpoint>(*value) && !use.ports) {
    return "has a port, and a condition compares this list with addresses "
           "alone";
  }
  return "";
}

std::string ListUses::key(std::uint32_t list, std::string_view item) const {
  if (uses_[list].names) return name_key(item);
  if (const auto address = parse_address(item)) return bytes_of(*address);
  if (const auto network = parse_network(item)) {
    return bytes_of(network->base) + '/' + static_cast<char>(network->prefix);
  }
  if (const auto endpoint = parse_endpoint(item)) {
    return bytes_of(endpoint->address) + '|' +
           static_cast<char>(endpoint->port >> 8) +
           static_cast<char>(endpoint->port & 0xff);
  }
  return std::string(item);
}

}  // namespace bailiff
