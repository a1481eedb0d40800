// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/inbound.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "rules/lower/connect.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

using enum FieldId;

// The fields of one property of an end.
struct Property {
  FieldId client;
  FieldId server;
  FieldId local;
  FieldId remote;
  FieldId either;
};
constexpr Property kProperties[] = {
    {kFdCip, kFdSip, kFdLip, kFdRip, kFdIp},
    {kFdCnet, kFdSnet, kFdLnet, kFdRnet, kFdNet},
    {kFdCport, kFdSport, kFdLport, kFdRport, kFdPort},
};

// Whether there is no more to know of the local end of what is sent than of the
// remote one: every operand is the unspecified address or within loopback.  A
// socket that is bound to a loopback address reaches others by the container's
// own addresses only, and is judged as if it were not bound.
bool remote_suffices(const Check& check) {
  if (!check.lists.empty() || check.values.empty()) return false;
  static const IpNetwork kLoopback = *parse_network("127.0.0.0/8");
  static const IpAddress kLoopback6 = *parse_address("::1");
  for (const Value& value : check.values) {
    IpAddress base;
    int prefix = 0;
    if (const auto* network = std::get_if<IpNetwork>(&value)) {
      base = network->base;
      prefix = network->prefix;
    } else if (const auto* address = std::get_if<IpAddress>(&value)) {
      base = *address;
      prefix = address->family == 4 ? 32 : 128;
    } else {
      return false;
    }
    const bool one = prefix == (base.family == 4 ? 32 : 128);
    const bool unspecified = base == IpAddress{.family = base.family};
    const bool loopback = base.family == 4
                              ? prefix >= kLoopback.prefix &&
                                    base.bytes[0] == kLoopback.base.bytes[0]
                              : one && base == kLoopback6;
    if (!loopback && !(one && unspecified)) return false;
  }
  return true;
}

class ByEnds {
 public:
  ByEnds(Role role, bool connected) : role_(role), connected_(connected) {}
  // Of what is sent; `connects`: the client's fields, too.
  explicit ByEnds(bool connects) : connects_(connects) {}

  Expr of(const Expr& expr) const { return std::visit(*this, expr.node); }

  Expr operator()(const Constant& constant) const { return {constant}; }
  Expr operator()(const TermCheck& check) const { return {check}; }
  Expr operator()(const Not& node) const { return {Not{of(*node.operand)}}; }
  Expr operator()(const And& node) const { return {And{all(node.operands)}}; }
  Expr operator()(const Or& node) const { return {Or{all(node.operands)}}; }
  Expr operator()(const Check& check) const {
    for (const Property& property : kProperties) {
      const bool server = role_ == Role::kServer;
      if (role_ && check.field == property.client) {
        return on(check, server ? property.remote : property.local);
      }
      if (connects_ && check.field == property.client) {
        return on(check, property.local);
      }
      if (role_ && check.field == property.server) {
        return on(check, server ? property.local : property.remote);
      }
      if (check.field != property.either) continue;
      if (!connected_) return on(check, property.local);
      if (!role_ && remote_suffices(check)) return on(check, property.remote);
      // several_of() such a field.
      std::vector<Expr> ends = {on(check, property.remote),
                                on(check, property.local)};
      if (check.op == Op::kNe) return {And{std::move(ends)}};
      return {Or{std::move(ends)}};
    }
    return {check};
  }

 private:
  static Expr on(Check check, FieldId field) {
    check.field = field;
    return {std::move(check)};
  }
  std::vector<Expr> all(const std::vector<Expr>& operands) const {
    std::vector<Expr> result;
    result.reserve(operands.size());
    for (const Expr& one : operands) result.push_back(of(one));
    return result;
  }

  std::optional<Role> role_;  // nullopt: of what is sent
  bool connected_ = true;
  bool connects_ = false;
};

// Of a number of which only that is known that it is not negative.
std::optional<bool> decide_not_negative(const Check& check,
                                        const std::vector<List>& lists) {
  if (check.op == Op::kExists) return true;
  if (check.quantifier != Quantifier::kNone) return std::nullopt;
  bool ordered = false;
  switch (check.op) {
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      ordered = true;
      break;
    default:  // equality, of which only what is negative is decided
      break;
  }
  const bool at_least = holds(check, {std::int64_t{0}}, lists);
  if (ordered) {
    const bool at_most =
        holds(check, {std::numeric_limits<std::int64_t>::max()}, lists);
    return at_least == at_most ? std::optional(at_least) : std::nullopt;
  }
  for (const Value& operand : inline_operands(check, lists)) {
    if (!compare(Op::kLt, operand, Value(std::int64_t{0}))) {
      return std::nullopt;
    }
  }
  return at_least;
}

// What is so of every event here that succeeds; nullopt: nothing is known.
std::optional<Value> constant_of(FieldId id, std::string_view type) {
  switch (id) {
    case kEvtType:
    case kSyscallType:
      return Value(std::string(type));
    case kEvtDir:
      return Value("<");
    case kEvtRes:
      return Value("SUCCESS");
    case kEvtFailed:
      return Value(false);
    case kFdSockfamily:
      return Value("ip");
    default:
      return std::nullopt;
  }
}

std::optional<bool> decide_event(const Check& check, std::string_view type,
                                 const std::vector<List>& lists) {
  if (const auto value = constant_of(check.field, type)) {
    return holds(check, {*value}, lists);
  }
  return std::nullopt;
}

}  // namespace

Expr by_ends(const Expr& expr, Role role, bool connected) {
  return ByEnds(role, connected).of(expr);
}

Expr by_ends_outbound(const Expr& expr, bool connects) {
  return ByEnds(connects).of(expr);
}

bool settled_before_bound(const Check& check) {
  if (check.op == Op::kExists) return true;
  if (!check.lists.empty() || check.values.empty()) return false;
  // From the first one on, all are on the same side of what is ordered so.
  const bool starts = check.op == Op::kLt || check.op == Op::kGe;
  const std::int64_t first = kFirstClientPort;
  return std::all_of(
      check.values.begin(), check.values.end(), [&](const Value& value) {
        const auto* port = std::get_if<std::int64_t>(&value);
        return port != nullptr && (*port < first || (starts && *port == first));
      });
}

Decide known_of_arrival(std::string_view type, Role role,
                        const std::vector<List>& lists) {
  const bool accepted = type == "accept" || type == "accept4";
  Decide decide = decide_nothing();
  decide.check = [=, name = std::string(type),
                  &lists](const Check& check) -> std::optional<bool> {
    switch (check.field) {
      case kFdL4proto:
        return holds(check, {Value(accepted ? "tcp" : "udp")}, lists);
      case kFdIsServer:
        return holds(check, {Value(role == Role::kServer)}, lists);
      case kFdConnected:
        return holds(check, {Value(accepted)}, lists);
      // A descriptor, or how many bytes there were.
      case kEvtRawres:
      case kFdNum:
        return decide_not_negative(check, lists);
      default:
        return decide_event(check, name, lists);
    }
  };
  return decide;
}

Decide known_of_bind(const std::vector<List>& lists) {
  Decide decide = decide_nothing();
  decide.check = [&lists](const Check& check) -> std::optional<bool> {
    if (of_peer(check.field)) return false;
    switch (check.field) {
      case kEvtRawres:
        return holds(check, {std::int64_t{0}}, lists);
      case kFdNum:
        return decide_not_negative(check, lists);
      case kFdConnected:
        return holds(check, {Value(false)}, lists);
      default:
        return decide_event(check, "bind", lists);
    }
  };
  return decide;
}

bool decidable_of_arrival(const Check& check) {
  switch (check.field) {
    case kFdRip:
    case kFdRnet:
    case kFdRport:
    case kFdLip:
    case kFdLnet:
    case kFdLport:
    case kFdType:
    case kFdTypechar:
    case kFdL4proto:
      return has_code(check);
    default:  // of the process that will get it, or of nobody's here
      return false;
  }
}

bool decidable_at_bind(const Check& check) {
  switch (check.field) {
    case kFdLip:
    case kFdLnet:
    case kFdLport:
    case kFdType:
    case kFdTypechar:
    case kFdL4proto:
    case kProcName:
    case kProcPid:
    case kThreadTid:
    case kThreadIsmain:
    case kUserUid:
    case kGroupGid:
      return has_code(check);
    default:
      return false;
  }
}

bool of_peer(FieldId id) {
  switch (id) {
    case kFdRip:
    case kFdRnet:
    case kFdRport:
    case kFdSip:
    case kFdSnet:
    case kFdSport:
      return true;
    default:
      return false;
  }
}

bool of_local_end(FieldId id) {
  return id == kFdLip || id == kFdLnet || id == kFdLport;
}

}  // namespace bailiff
