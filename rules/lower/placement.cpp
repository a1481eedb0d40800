// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/placement.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/fields/event_type.h"
#include "rules/fields/no_source.h"
#include "rules/lower/connect.h"
#include "rules/lower/fold.h"
#include "rules/lower/held.h"
#include "rules/lower/inbound.h"
#include "rules/lower/ip_socket.h"
#include "rules/lower/observed.h"
#include "rules/lower/open_check.h"
#include "rules/types/event_set.h"

namespace bailiff {
namespace {

constexpr std::uint64_t kExecCalls =
    bit_of(BAILIFF_CALL_EXECVE) | bit_of(BAILIFF_CALL_EXECVEAT);

std::vector<std::string> list_names(const CompiledPolicy& policy) {
  std::vector<std::string> names;
  names.reserve(policy.lists.size());
  for (const List& list : policy.lists) names.push_back(list.name);
  return names;
}

std::vector<FieldId> fields_of(const Expr& expr) {
  std::set<FieldId> ids;
  for (const Leaf& leaf : leaves_of(expr)) {
    ids.insert(leaf.fields.begin(), leaf.fields.end());
  }
  return {ids.begin(), ids.end()};
}

bool of_container(FieldId id) { return (field(id).from & kFromContainer) != 0; }

// The names the condition compares evt.type with.
std::vector<std::string> named_events(const Expr& expr,
                                      const std::vector<List>& lists) {
  std::set<std::string> names;
  for (const Leaf& leaf : leaves_of(expr)) {
    if (leaf.check == nullptr || leaf.check->field != FieldId::kEvtType) {
      continue;
    }
    for (const Value& value : inline_operands(*leaf.check, lists)) {
      if (const auto* name = std::get_if<std::string>(&value)) {
        names.insert(*name);
      }
    }
  }
  return {names.begin(), names.end()};
}

std::optional<std::vector<std::string>> events_of(
    const Expr& expr, const std::vector<List>& lists) {
  const EventSet possible = possible_events(
      expr, [&lists](std::uint32_t list) { return flatten(lists, list); });
  if (count(possible) == possible.size()) return std::nullopt;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < possible.size(); ++i) {
    if (possible[i]) names.emplace_back(all_event_types()[i].name);
  }
  return names;
}

bool is_peer_address(FieldId id) {
  const FieldType type = field(id).type;
  return of_peer(id) &&
         (type == FieldType::kAddress || type == FieldType::kNetwork);
}

bool is_peer(FieldId id) {
  return is_peer_address(id) || (of_host_name(id) && id != FieldId::kFdCipName);
}

// Whether it tells one peer from another.
bool names_destination(const Expr& expr) {
  const std::vector<FieldId> fields = fields_of(expr);
  return std::any_of(fields.begin(), fields.end(), is_peer);
}

bool names_hosts(const Leaf& leaf) {
  return std::any_of(leaf.fields.begin(), leaf.fields.end(), of_host_name);
}

// Whether each name is compared as a whole: only listed names are known at all.
bool compares_whole_names(const Expr& expr) {
  const std::vector<Leaf> leaves = leaves_of(expr);
  return std::all_of(leaves.begin(), leaves.end(), [](const Leaf& leaf) {
    return !names_hosts(leaf) ||
           (leaf.check != nullptr && decidable_of_query(*leaf.check));
  });
}

// Whether it can hold for the absence of a name.  A container can be told, by
// itself, that any address has one.
class AsksForAbsence {
 public:
  bool operator()(const Constant& /*constant*/) const { return false; }
  bool operator()(const Check& check) const {
    return negated_ && of_host_name(check.field);
  }
  bool operator()(const TermCheck& /*check*/) const { return false; }
  bool operator()(const Not& node) const {
    AsksForAbsence inner;
    inner.negated_ = !negated_;
    return std::visit(inner, node.operand->node);
  }
  bool operator()(const And& node) const { return any(node.operands); }
  bool operator()(const Or& node) const { return any(node.operands); }

 private:
  bool any(const std::vector<Expr>& operands) const {
    return std::any_of(operands.begin(), operands.end(), [&](const Expr& one) {
      return std::visit(*this, one.node);
    });
  }

  bool negated_ = false;
};

bool asks_for_absence(const Expr& expr) {
  return std::visit(AsksForAbsence(), expr.node);
}

// What is left of it where no peer has a name.
Expr without_names(const Expr& expr) {
  Decide decide = decide_nothing();
  decide.check = [](const Check& check) -> std::optional<bool> {
    if (of_host_name(check.field)) return false;
    return std::nullopt;
  };
  return simplify(expr, decide);
}

Expr port_check(FieldId id, Op op, std::int64_t port) {
  Check check;
  check.field = id;
  check.op = op;
  check.values = {port};
  return {std::move(check)};
}

Expr text_is(FieldId id, const char* text) {
  Check check;
  check.field = id;
  check.op = Op::kEq;
  check.values = {std::string(text)};
  return {std::move(check)};
}

Expr protocol_is(const char* name) {
  return text_is(FieldId::kFdL4proto, name);
}

Expr is_family(const char* typechar) {
  return text_is(FieldId::kFdTypechar, typechar);
}

// Whether it holds for peers that are listed, and no others.
class HoldsForListed {
 public:
  bool operator()(const Constant& constant) const { return !constant.value; }
  bool operator()(const Check& check) const {
    return is_peer(check.field) &&
           (check.op == Op::kEq || is_membership(check.op));
  }
  bool operator()(const TermCheck&) const { return false; }
  bool operator()(const Not&) const { return false; }
  bool operator()(const And& node) const {
    return std::any_of(
        node.operands.begin(), node.operands.end(),
        [&](const Expr& one) { return std::visit(*this, one.node); });
  }
  bool operator()(const Or& node) const {
    return std::all_of(
        node.operands.begin(), node.operands.end(),
        [&](const Expr& one) { return std::visit(*this, one.node); });
  }
};

// Whether it holds wherever `check` does.
class HoldsWith {
 public:
  explicit HoldsWith(const Check& check) : check_(check) {}

  bool operator()(const Constant& constant) const { return constant.value; }
  bool operator()(const Check& check) const { return check == check_; }
  bool operator()(const TermCheck&) const { return false; }
  bool operator()(const Not&) const { return false; }
  bool operator()(const And& node) const {
    return std::all_of(
        node.operands.begin(), node.operands.end(),
        [&](const Expr& one) { return std::visit(*this, one.node); });
  }
  bool operator()(const Or& node) const {
    return std::any_of(
        node.operands.begin(), node.operands.end(),
        [&](const Expr& one) { return std::visit(*this, one.node); });
  }

 private:
  const Check& check_;
};

// Those of `parts` that can hold, each once.
Expr any_of(const std::vector<Expr>& parts) {
  Or any;
  for (const Expr& part : parts) {
    if (is_false(part)) continue;
    const auto& known = any.operands;
    if (std::find(known.begin(), known.end(), part) == known.end()) {
      any.operands.push_back(part);
    }
  }
  if (any.operands.empty()) return {Constant{false}};
  if (any.operands.size() == 1) return any.operands.front();
  return simplify({std::move(any)}, decide_nothing());
}

template <typename Visitor>
std::vector<Expr> visit_all(const Visitor& visitor,
                            const std::vector<Expr>& operands) {
  std::vector<Expr> result;
  result.reserve(operands.size());
  for (const Expr& one : operands) {
    result.push_back(std::visit(visitor, one.node));
  }
  return result;
}

// What of it is asked of messages, where it is about connect(2): a server
// answers from its own port, and that it does is not to connect from there.
class OfMessages {
 public:
  Expr operator()(const Constant& constant) const { return {constant}; }
  Expr operator()(const Check& check) const {
    const bool excepts = check.op == Op::kNe ? !negated_ : negated_;
    if (check.field == FieldId::kFdLport && !excepts) {
      return {Constant{negated_}};
    }
    return {check};
  }
  Expr operator()(const TermCheck& check) const { return {check}; }
  Expr operator()(const Not& node) const {
    OfMessages inner;
    inner.negated_ = !negated_;
    return {Not{std::visit(inner, node.operand->node)}};
  }
  Expr operator()(const And& node) const {
    return {And{visit_all(*this, node.operands)}};
  }
  Expr operator()(const Or& node) const {
    return {Or{visit_all(*this, node.operands)}};
  }

 private:
  bool negated_ = false;
};

Expr of_messages(const Expr& expr) {
  return simplify(std::visit(OfMessages(), expr.node), decide_nothing());
}

// The expression with user.uid for user.name, and group.gid for group.name,
// where that is compared with "root": what id other names have is for the
// service to find out, and this one is 0 everywhere.  With proc.name for the
// ancestor that is the process itself.  And with the lists of local ports
// written out, which tells whether they are settled.
class AsKnown {
 public:
  explicit AsKnown(const std::vector<List>& lists) : lists_(lists) {}

  Expr operator()(const Constant& constant) const { return {constant}; }
  Expr operator()(const Check& check) const {
    if (check.field == FieldId::kProcAname && check.argument == "0") {
      Check own = check;
      own.field = FieldId::kProcName;
      own.argument.clear();
      return {std::move(own)};
    }
    if (check.field == FieldId::kFdLport && !check.lists.empty()) {
      Check written = check;
      written.values = inline_operands(check, lists_);
      written.lists.clear();
      return {std::move(written)};
    }
    const bool user = check.field == FieldId::kUserName;
    if (!user && check.field != FieldId::kGroupName) return {check};
    const bool one = check.op == Op::kEq || check.op == Op::kNe;
    if (check.quantifier != Quantifier::kNone ||
        (!one && !is_membership(check.op))) {
      return {check};
    }
    Check others = check;
    others.values = inline_operands(check, lists_);
    others.lists.clear();
    const auto root =
        std::find(others.values.begin(), others.values.end(), Value("root"));
    if (root == others.values.end()) return {check};
    others.values.erase(root);
    Check by_id = check;
    by_id.field = user ? FieldId::kUserUid : FieldId::kGroupGid;
    by_id.values = {Value(std::int64_t{0})};
    by_id.lists.clear();
    if (others.values.empty()) return {std::move(by_id)};
    return {Or{{{std::move(by_id)}, {std::move(others)}}}};
  }
  Expr operator()(const TermCheck& check) const { return {check}; }
  Expr operator()(const Not& node) const {
    return {Not{std::visit(*this, node.operand->node)}};
  }
  Expr operator()(const And& node) const {
    return {And{visit_all(*this, node.operands)}};
  }
  Expr operator()(const Or& node) const {
    return {Or{visit_all(*this, node.operands)}};
  }

 private:
  const std::vector<List>& lists_;
};

Expr as_known(const Expr& expr, const std::vector<List>& lists) {
  return std::visit(AsKnown(lists), expr.node);
}

class Placer {
 public:
  Placer(const CompiledPolicy& policy, std::uint32_t rule, const Facts& facts,
         bool refused, bool killed, TaskBits* bits)
      : policy_(policy),
        facts_(facts),
        refused_(refused),
        killed_(killed),
        bits_(bits),
        folded_(fold(policy.rules[rule].condition, facts, policy.lists)),
        connect_(as_known(outbound("connect"))),
        judged_(connect_),
        send_({Constant{false}}),
        bind_({Constant{false}}),
        observed_bind_({Constant{false}}),
        socket_({Constant{false}}),
        exec_({Constant{false}}) {
    result_.placement.rule = rule;
    result_.placement.fields = fields_of(folded_);
    result_.placement.folded = to_string(folded_, list_names(policy));
    result_.placement.events = events_of(folded_, policy.lists);
  }

  PlacedRule place() && {
    const Expr container =
        simplify(folded_, known_of_event("container", policy_.lists));
    result_.container_event = !is_false(container);
    std::vector<FieldId> unknown =
        fields_without_source(connect_, {Teller::kConnectHook});
    whole_ = unknown.empty();
    if (!whole_) {
      // As the rule has them.
      unknown = fields_without_source(
          simplify(folded_, known_of_event("connect", policy_.lists)),
          {Teller::kConnectHook});
      judged_ = certain(connect_);
    } else if (asks_for_local_port()) {
      // A port that is given by chance, where ip_local_port_range begins lower,
      // shows once it is there.
      whole_ = false;
      if (!refused_ || !is_decided(connect_)) judged_ = {Constant{false}};
    }
    if (!compares_whole_names(connect_)) {
      place_undecidable_name();
      return std::move(result_);
    }
    hooked_ = !is_false(judged_);
    find_send();
    find_arrival();
    find_bind();
    find_socket();
    find_observed();
    if (unclear_names_) {
      place_undecidable_name();
      return std::move(result_);
    }
    find_held();
    find_exec();
    find_unserved();
    // The observer knows no names, but hooks have judged before it.
    if (hooked_ && std::all_of(unknown_of_observed_.begin(),
                               unknown_of_observed_.end(), of_host_name)) {
      unknown_of_observed_.clear();
    }
    // What the hook does not know of a connection may be told when it is made.
    if ((result_.calls & bit_of(BAILIFF_CALL_CONNECT)) != 0) unknown.clear();
    if (unknown.empty()) {
      unknown = fields_without_source(container, {Teller::kContainerEvent});
    }
    if (unknown.empty()) unknown = unknown_of_observed_;
    if (!unknown.empty()) {
      place_undecidable(unknown);
      return std::move(result_);
    }
    take_bits();
    place_bind();
    place_socket();
    if (hooked_ || !is_false(send_)) {
      place_network();
    } else if (result_.arrival || (result_.bind && result_.bind->deny)) {
      result_.placement.enforcement = Enforcement::kKernel;
    } else if (result_.bind) {
      result_.placement.enforcement = Enforcement::kObserve;
    } else if (result_.calls != 0) {
      result_.placement.enforcement =
          result_.held != 0 ? Enforcement::kNotify
          : result_.exec && (result_.calls & ~kExecCalls) == 0
              ? Enforcement::kKernel
              : Enforcement::kObserve;
    } else if (result_.container_event) {
      result_.placement.enforcement = Enforcement::kObserve;
      say("decided when the hook has registered the container");
    } else if (is_false(folded_)) {
      place_never();
    } else {
      place_unsupported();
      return std::move(result_);
    }
    if (!result_.answer) find_names();
    place_inbound();
    say_names();
    say_exec();
    say_observed();
    say_unserved();
    return std::move(result_);
  }

 private:
  // The condition, of an event that is sent.
  Expr outbound(const char* type) const {
    return by_ends_outbound(
        simplify(folded_, known_of_event(type, policy_.lists)),
        std::string_view(type) == "connect");
  }

  Expr as_known(const Expr& expr) const {
    return bailiff::as_known(expr, policy_.lists);
  }

  // What of an outbound condition is certain before the local end is: it is
  // worth knowing to refuse it.  The rest is observed.
  Expr certain(Expr expr) const {
    if (!refused_) return {Constant{false}};
    const std::vector<FieldId> unknown =
        fields_without_source(expr, {Teller::kConnectHook});
    if (unknown.empty()) return expr;
    if (!std::all_of(unknown.begin(), unknown.end(), of_local_end)) {
      return {Constant{false}};
    }
    return under_approximate(expr, [](const Check& check) {
      return of_local_end(check.field) && !decidable_at_connect(check);
    });
  }

  // Whether there are connections for which the rule holds by the port they are
  // from.
  bool asks_for_local_port() const {
    return simplify(connect_, decide_nothing()) != of_messages(connect_);
  }

  // Whether the kernel decides all of it, of a connection.
  bool is_decided(const Expr& expr) const {
    const std::vector<Leaf> leaves = leaves_of(expr);
    return std::all_of(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
      return leaf.check != nullptr && !too_long(*leaf.check) &&
             (decidable_at_connect(*leaf.check) ||
              task_check(*leaf.check, policy_.lists));
    });
  }

  // The calls among the event types the condition is for.  A condition that
  // any event may fulfil names none: every call of the container would be told.
  void find_observed() {
    if (!result_.placement.events) return;
    for (const std::string& type : *result_.placement.events) {
      const std::optional<bailiff_call> call = observed_call(type);
      if (!call || (*call == BAILIFF_CALL_CONNECT && hooked_ && whole_)) {
        continue;
      }
      if (*call == BAILIFF_CALL_BIND && !is_false(bind_)) continue;
      const Expr observed =
          simplify(folded_, known_of_observed(*call, policy_.lists));
      if (is_false(observed)) continue;
      const std::vector<FieldId> unknown = fields_without_source(
          observed, {.kind = Teller::kObserver, .call = *call});
      if (unknown.empty()) {
        if (!compares_whole_names(observed)) {
          unclear_names_ = true;
          continue;
        }
        add_client_names(observed);
        result_.calls |= bit_of(*call);
        observed_.emplace_back(type);
      } else if (unknown_of_observed_.empty()) {
        unknown_of_observed_ = unknown;
      }
    }
  }

  void add_client_names(const Expr& observed) {
    for (const Leaf& leaf : leaves_of(observed)) {
      if (names_hosts(leaf)) client_names_.push_back({*leaf.check});
    }
  }

  // Those of the observed calls that can be refused before they are made.
  void find_held() {
    if (!refused_) return;
    std::set<FieldId> unsettled;
    for (const std::string& type : observed_) {
      const bailiff_call call = *observed_call(type);
      if (!can_be_held(call)) continue;
      const Expr held = simplify(folded_, known_of_held(call, policy_.lists));
      if (is_false(held)) continue;
      const std::vector<FieldId> unknown = fields_unknown_when_held(held, call);
      unsettled.insert(unknown.begin(), unknown.end());
      if (!unknown.empty()) continue;
      result_.held |= bit_of(call);
      held_.push_back(type);
    }
    for (const FieldId id : unsettled) {
      unsettled_.emplace_back(field(id).name);
    }
  }

  // What is to be decided when a program is executed, in `exec_`.
  void find_exec() {
    if ((result_.calls & kExecCalls) == 0) return;
    exec_ = as_known(simplify(folded_, known_of_exec(policy_.lists)));
  }

  // Whether the kernel decides it when a program is executed; what the facts
  // of a container will decide it need not.
  bool open_at_exec(const Leaf& leaf) const {
    if (leaf.check == nullptr) return true;
    return !of_container(leaf.check->field) &&
           !exec_check(*leaf.check, policy_.lists);
  }

  // Asks for room for the checks that are to be bits, and places the rule
  // without when there is none.
  void take_bits() {
    const std::vector<Leaf> of_exec = leaves_of(exec_);
    const bool exec =
        !is_false(exec_) &&
        std::none_of(of_exec.begin(), of_exec.end(),
                     [this](const Leaf& leaf) { return open_at_exec(leaf); });
    std::vector<TaskCheck> wanted;
    const auto want = [&](const Expr& expr, auto decide) {
      for (const Leaf& leaf : leaves_of(expr)) {
        if (leaf.check == nullptr) continue;
        if (auto check = decide(*leaf.check, policy_.lists)) {
          wanted.push_back(*std::move(check));
        }
      }
    };
    if (hooked_) want(judged_, task_check);
    want(send_, task_check);
    want(bind_, task_check);
    want(socket_, task_check);
    if (exec) want(exec_, exec_check);
    const CodeSize code = exec ? code_size(exec_) : CodeSize{};
    TaskBits alone;
    with_bits_ =
        (bits_ != nullptr ? *bits_ : alone).add(wanted, code, policy_.lists);
    if (!exec || !with_bits_) return;
    result_.exec = KernelRule{.rule = result_.placement.rule,
                              .condition = exec_,
                              .candidate = false,
                              .deny = refused_ || killed_};
  }

  bool is_observed(const std::string& type) const {
    return std::find(observed_.begin(), observed_.end(), type) !=
           observed_.end();
  }

  bool can_be(const std::string& type) const {
    return !is_false(simplify(folded_, known_of_event(type, policy_.lists)));
  }

  // Messages that are to be judged before they are sent: those the rule is
  // about because it is about connections, and, to be refused, those that
  // fulfil it themselves (they are observed in any case).
  void find_send() {
    std::vector<Expr> parts;
    if (hooked_ && (refused_ || names_destination(judged_))) {
      parts.push_back(of_messages(judged_));
    }
    for (const char* type : {"sendto", "sendmsg", "sendmmsg"}) {
      if (!refused_) break;
      const Expr whole = as_known(outbound(type));
      if (!fields_without_source(whole, {Teller::kConnectHook}).empty()) {
        unsettled_messages_.push_back(whole);
      }
      Expr part = certain(whole);
      if (compares_whole_names(part)) parts.push_back(std::move(part));
    }
    send_ = any_of(parts);
  }

  bool names_event(std::string_view type) const {
    const auto& events = result_.placement.events;
    return events &&
           std::find(events->begin(), events->end(), type) != events->end();
  }

  // What comes in is judged to refuse it; what is let in is observed when a
  // process takes it.
  void find_arrival() {
    if (!refused_) return;
    std::vector<Expr> parts;
    for (const char* type : {"accept", "accept4"}) {
      add_arrivals(type, Role::kServer, parts);
    }
    for (const char* type : {"recvfrom", "recvmsg", "recvmmsg"}) {
      add_arrivals(type, Role::kServer, parts);
      add_arrivals(type, Role::kClient, parts);
    }
    if (parts.empty()) return;
    result_.arrival = KernelRule{.rule = result_.placement.rule,
                                 .condition = any_of(parts),
                                 .candidate = false,
                                 .deny = true};
  }

  void add_arrivals(const char* type, Role role, std::vector<Expr>& parts) {
    if (!names_event(type)) return;
    Expr part = simplify(by_ends(folded_, role, true),
                         known_of_arrival(type, role, policy_.lists));
    if (is_false(part)) return;
    bool decidable = true;
    for (const Leaf& leaf : leaves_of(part)) {
      if (leaf.check != nullptr && decidable_of_arrival(*leaf.check) &&
          !too_long(*leaf.check)) {
        continue;
      }
      decidable = false;
      for (const FieldId id : leaf.fields) {
        not_in_packet_.emplace(field(id).name);
      }
    }
    if (!decidable) return;
    const bool accepted = type[0] == 'a';
    if (accepted) {
      parts.push_back(simplify({And{{protocol_is("tcp"), std::move(part)}}},
                               decide_nothing()));
      return;
    }
    const bool listed = std::visit(HoldsForListed(), part.node);
    std::vector<Expr> all = {protocol_is("udp")};
    if (role == Role::kServer) {
      all.push_back(port_check(FieldId::kFdLport, Op::kLt, kFirstClientPort));
      // Between two ports of servers nobody knows who asked, and a rule that
      // lets in some peers only must not refuse an answer.
      if (!listed) {
        all.push_back(port_check(FieldId::kFdRport, Op::kGe, kFirstClientPort));
      }
    } else {
      if (!listed) {
        answers_pass_ = true;
        return;
      }
      all.push_back(port_check(FieldId::kFdLport, Op::kGe, kFirstClientPort));
    }
    all.push_back(std::move(part));
    parts.push_back(simplify({And{std::move(all)}}, decide_nothing()));
  }

  // All of what is asked of a bind(2) is known then, or it is observed.
  void find_bind() {
    if (!refused_ || !names_event("bind")) return;
    Expr bind = as_known(simplify(by_ends(folded_, Role::kServer, false),
                                  known_of_bind(policy_.lists)));
    const std::vector<Leaf> leaves = leaves_of(bind);
    if (std::all_of(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
          return leaf.check != nullptr && !too_long(*leaf.check) &&
                 (decidable_at_bind(*leaf.check) ||
                  task_check(*leaf.check, policy_.lists));
        })) {
      bind_ = std::move(bind);
    } else {
      observed_bind_ = std::move(bind);
    }
  }

  void place_bind() {
    result_.bind = kernel_rule(bind_, [this](const Check& check) {
      return decidable_at_bind(check) || decided_as_bit(check);
    });
  }

  // Of IP sockets all is known when they are made, or nothing is done about
  // them then.
  void find_socket() {
    if (!refused_ || !names_event("socket")) return;
    const auto made = [this](IpFamily family) {
      return as_known(
          simplify(folded_, known_of_ip_socket(family, policy_.lists)));
    };
    const Expr made4 = made(IpFamily::k4);
    const Expr made6 = made(IpFamily::k6);
    socket_ =
        made4 == made6
            ? made4
            : any_of(
                  {simplify({And{{is_family("4"), made4}}}, decide_nothing()),
                   simplify({And{{is_family("6"), made6}}}, decide_nothing())});
  }

  void place_socket() {
    if (is_false(socket_)) return;
    for (const Leaf& leaf : leaves_of(socket_)) {
      if (leaf.check != nullptr && !too_long(*leaf.check) &&
          (leaf.check->field == FieldId::kFdTypechar ||
           decidable_at_socket(*leaf.check) || decided_as_bit(*leaf.check))) {
        continue;
      }
      return;
    }
    result_.socket = KernelRule{.rule = result_.placement.rule,
                                .condition = socket_,
                                .candidate = false,
                                .deny = true};
    result_.placement.hooks.push_back(HookPoint::kSockCreate);
  }

  void place_inbound() {
    std::vector<HookPoint>& hooks = result_.placement.hooks;
    if (result_.arrival) {
      hooks.push_back(HookPoint::kIngress);
      say("what comes in is decided before a process gets it");
    }
    if (!not_in_packet_.empty()) {
      say("of what comes in, not all is refused: a packet does not show " +
          enumeration({not_in_packet_.begin(), not_in_packet_.end()}));
    }
    if (result_.arrival && answers_pass_) {
      say("datagrams that may be answers are not refused");
    }
    if (result_.bind) {
      hooks.insert(hooks.end(), {HookPoint::kPostBind4, HookPoint::kPostBind6});
      say(result_.bind->candidate
              ? "bind(2) of IPv4 and IPv6 sockets is judged by the service"
              : "bind(2) is decided before it succeeds, of IPv4 and IPv6 "
                "sockets");
      const std::vector<Leaf> leaves = leaves_of(bind_);
      say_open(OpenChecks(policy_.lists, Judged::kBind, decidable_at_bind,
                          with_bits_),
               leaves);
      say_bits(leaves);
    }
  }

  // At the query, the names that fulfil the rule whatever else is so: the
  // host's address and port are not known yet.  At the answer, all of them.
  void find_names() {
    std::vector<Expr> names;
    std::vector<Expr> decisive;
    for (const Expr* condition : {&judged_, &send_}) {
      for (const Leaf& leaf : leaves_of(*condition)) {
        if (!names_hosts(leaf) || too_long(*leaf.check)) continue;
        names.push_back({*leaf.check});
        if (!std::visit(HoldsWith(*leaf.check), judged_.node)) continue;
        decisive.push_back({*leaf.check});
      }
    }
    names.insert(names.end(), client_names_.begin(), client_names_.end());
    if (names.empty()) return;
    KernelRule rule{.rule = result_.placement.rule,
                    .condition = any_of(names),
                    .candidate = false,
                    .deny = (result_.connect && result_.connect->deny) ||
                            (result_.send && result_.send->deny)};
    result_.answer = rule;
    std::vector<HookPoint>& hooks = result_.placement.hooks;
    if (!decisive.empty()) {
      rule.condition = any_of(decisive);
      rule.deny = refused_;
      result_.query = rule;
      hooks.push_back(HookPoint::kQuery);
    }
    hooks.push_back(HookPoint::kAnswer);
  }

  void find_unserved() {
    unnamed_ = can_be("");
    for (const std::string& name : named_events(folded_, policy_.lists)) {
      if (name == "connect" || name == "container") continue;
      if (name == "bind" && !is_false(bind_)) continue;
      if (is_observed(name)) continue;
      if (can_be(name)) unserved_.push_back(name);
    }
  }

  bool too_long(const Check& check) const {
    return bailiff::too_long(check, policy_.lists);
  }

  // Absent when the condition cannot hold.
  std::optional<KernelRule> kernel_rule(
      const Expr& condition,
      const std::function<bool(const Check&)>& decidable) const {
    if (is_false(condition)) return std::nullopt;
    const auto open = [&](const Check& check) {
      return !decidable(check) || too_long(check);
    };
    const std::vector<Leaf> leaves = leaves_of(condition);
    const bool candidate =
        std::any_of(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
          return leaf.check == nullptr || open(*leaf.check);
        });
    // A candidate may turn out not to match: refusing it would break what the
    // rule allows.  So would refusing for want of a name: a process may have
    // kept an address for longer than the answer said.
    return KernelRule{
        .rule = result_.placement.rule,
        .condition = over_approximate(condition, open),
        .candidate = candidate,
        .deny = refused_ && !candidate && !asks_for_absence(condition)};
  }

  // Whether a hook that judges connections decides the check.
  bool decided_at_connect(const Check& check) const {
    return decidable_at_connect(check) || decided_as_bit(check);
  }
  bool decided_as_bit(const Check& check) const {
    return with_bits_ && task_check(check, policy_.lists).has_value();
  }

  void place_network() {
    std::vector<HookPoint>& hooks = result_.placement.hooks;
    const auto decided = [this](const Check& check) {
      return decided_at_connect(check);
    };
    if (hooked_) {
      result_.connect = kernel_rule(judged_, decided);
      hooks.insert(hooks.end(), {HookPoint::kConnect4, HookPoint::kConnect6});
    }
    result_.send = kernel_rule(send_, decided);
    if (result_.send) {
      hooks.insert(hooks.end(), {HookPoint::kSendmsg4, HookPoint::kSendmsg6});
    }
    // Nothing that comes this far was refused before, so packets need judging
    // only to refuse them.
    const auto packets = [this](const Expr& condition) {
      auto rule = kernel_rule(condition, decidable_of_packet);
      if (rule && !rule->deny) rule.reset();
      if (rule) rule->raw = !std::visit(HoldsForListed(), condition.node);
      return rule;
    };
    result_.packet = packets(send_);
    if (result_.packet) {
      hooks.push_back(HookPoint::kEgress);
      result_.frame = packets(without_names(send_));
    }
    if (result_.frame) hooks.push_back(HookPoint::kFrame);
    find_names();

    const KernelRule& shown =
        result_.connect ? *result_.connect : *result_.send;
    const std::vector<Leaf> leaves =
        leaves_of(result_.connect ? judged_ : send_);
    say_open(
        OpenChecks(policy_.lists,
                   result_.connect ? Judged::kConnection : Judged::kMessage,
                   decidable_at_connect, with_bits_),
        leaves);
    if (refused_ && (asks_for_absence(judged_) || asks_for_absence(send_))) {
      say("for want of a name nothing is refused: a container can answer "
          "itself, and a program may know an address for longer than an answer "
          "says");
    }
    if (reason_.empty()) {
      result_.placement.enforcement = Enforcement::kKernel;
      say(result_.connect ? "decided before the connection is made"
                          : "decided before the message is sent");
      if (shown.deny) say_packets(leaves);
    } else {
      result_.placement.enforcement = Enforcement::kObserve;
      if (is_true(shown.condition)) {
        say(result_.connect
                ? "nothing else narrows it down: every connection is reported"
                : "nothing else narrows it down: every message is reported");
      }
    }
    say_bits(leaves);
    say_local_port(leaves);
    say_container_checks(leaves);
    say_foreign_sockets();
    if (result_.container_event) {
      say("a container's start is decided when the hook has registered it");
    }
  }

  void say_names() {
    if (!result_.answer) return;
    if (result_.query) {
      say("a name is decided when it is asked for, over port 53, too");
    }
    say("the addresses of names are those in answers from port 53, as long as "
        "these say, and an address from elsewhere has none");
    if (!client_names_.empty()) {
      say("so a client has a name when the container has asked for it");
    }
    if (result_.packet) say("frames written by hand have no name");
  }

  void say_packets(const std::vector<Leaf>& leaves) {
    if (result_.packet) {
      if (result_.packet->raw) {
        say("packets that go elsewhere than a call names, those of raw sockets "
            "among them, are decided as they leave, and no others: they could "
            "be answers");
      }
      return;
    }
    std::set<std::string> names;
    for (const Leaf& leaf : leaves) {
      if (leaf.check == nullptr || decidable_of_packet(*leaf.check)) continue;
      names.emplace(field(leaf.check->field).name);
    }
    say("what is sent over raw sockets, or over connections made before, is "
        "not refused: " +
        (names.empty() ? "a server answers from its own port, too"
                       : "a packet does not show " +
                             enumeration({names.begin(), names.end()})));
  }

  void say_open(OpenChecks open, const std::vector<Leaf>& leaves) {
    open.add(leaves);
    for (const std::string& sentence : open.sentences()) say_once(sentence);
  }

  // Why no hook serves what is observed after all.
  void say_unserved_by_hooks() {
    if ((result_.calls & bit_of(BAILIFF_CALL_CONNECT)) != 0) {
      say_open(of_hooks(Judged::kConnection), leaves_of(connect_));
    }
    for (const Expr& message : unsettled_messages_) {
      say_open(of_hooks(Judged::kMessage), leaves_of(message));
    }
    say_open(OpenChecks(policy_.lists, Judged::kBind, decidable_at_bind, true),
             leaves_of(observed_bind_));
  }

  // By the names that the rule has for the local end.
  OpenChecks of_hooks(Judged judged) const {
    OpenChecks open(policy_.lists, judged, decidable_at_connect, true);
    const std::vector<FieldId>& fields = result_.placement.fields;
    constexpr std::array<FieldId, 3> kNames[] = {
        {FieldId::kFdLip, FieldId::kFdIp, FieldId::kFdCip},
        {FieldId::kFdLnet, FieldId::kFdNet, FieldId::kFdCnet},
        {FieldId::kFdLport, FieldId::kFdPort, FieldId::kFdCport}};
    for (const auto& names : kNames) {
      for (const FieldId name : names) {
        if (std::find(fields.begin(), fields.end(), name) == fields.end()) {
          continue;
        }
        open.name_as(names.front(), name);
        break;
      }
    }
    return open;
  }

  void say_bits(const std::vector<Leaf>& leaves) {
    std::set<std::string> names;
    for (const Leaf& leaf : leaves) {
      if (leaf.check == nullptr || !decided_as_bit(*leaf.check)) continue;
      names.emplace(field(leaf.check->field).name);
    }
    if (names.empty()) return;
    say_once("conditions on " + enumeration({names.begin(), names.end()}) +
             " are decided when a program is executed, and by the service for "
             "a process that was moved into the container");
  }

  void say_local_port(const std::vector<Leaf>& leaves) {
    if (std::none_of(leaves.begin(), leaves.end(), [](const Leaf& leaf) {
          return leaf.check != nullptr &&
                 leaf.check->field == FieldId::kFdLport &&
                 decidable_at_connect(*leaf.check);
        })) {
      return;
    }
    say("a socket without a local port is taken to get one from " +
        std::to_string(kFirstClientPort) + " on");
  }

  void say_exec() {
    if (result_.exec) {
      result_.placement.hooks.push_back(HookPoint::kExec);
      say("decided before the new program's first instruction");
      say_container_checks(leaves_of(exec_));
      return;
    }
    if (is_false(exec_)) return;
    std::set<std::string> names;
    for (const Leaf& leaf : leaves_of(exec_)) {
      if (!open_at_exec(leaf)) continue;
      if (leaf.check == nullptr) {
        names.emplace("transformed fields");
      } else if (exec_place(leaf.check->field)) {
        names.insert(comparison_of(*leaf.check));
      } else {
        names.emplace(field(leaf.check->field).name);
      }
    }
    if (names.empty()) {
      say("the checks of new programs have no room in the kernel");
      return;
    }
    say("before a new program runs, the kernel does not decide " +
        enumeration({names.begin(), names.end()}));
  }

  void say_container_checks(const std::vector<Leaf>& leaves) {
    std::set<std::string> names;
    for (const Leaf& leaf : leaves) {
      for (const FieldId id : leaf.fields) {
        if (of_container(id)) names.emplace(field(id).name);
      }
    }
    if (names.empty()) return;
    say("conditions on " + enumeration({names.begin(), names.end()}) +
        " are decided when a container starts");
  }

  void say_foreign_sockets() {
    const Expr foreign =
        simplify(folded_, known_of_foreign_connect(policy_.lists));
    if (!is_false(foreign)) {
      say("connections over other than IPv4 and IPv6 sockets are not seen");
    }
  }

  void place_never() {
    result_.placement.enforcement = Enforcement::kKernel;
    say(facts_.complete ? "the condition can never hold in this container"
                        : "the condition can never hold");
  }

  // A rule that would be right for some events and wrong for others is no
  // rule: it is not placed anywhere.
  void place_undecidable(const std::vector<FieldId>& fields) {
    place_nowhere();
    std::map<std::string_view, std::vector<std::string>> names_by_reason;
    for (const FieldId id : fields) {
      names_by_reason[why_no_source(id)].emplace_back(field(id).name);
    }
    for (const auto& [why, names] : names_by_reason) {
      say(enumeration(names) + (names.size() == 1 ? " has" : " have") +
          " no source" + (why.empty() ? " yet" : ": " + std::string(why)));
    }
    result_.placement.reason = reason_;
  }

  void place_nowhere() {
    result_.placement.enforcement = Enforcement::kUnsupported;
    result_.container_event = false;
    result_.calls = 0;
    result_.arrival.reset();
    result_.bind.reset();
    result_.socket.reset();
    result_.held = 0;
  }

  void place_undecidable_name() {
    place_nowhere();
    say("names of hosts are known as far as they are listed: they are compared "
        "by '=' and 'in'");
    result_.placement.reason = reason_;
  }

  void place_unsupported() {
    result_.placement.enforcement = Enforcement::kUnsupported;
    const Expr finished =
        simplify(folded_, known_of_finished_connect(policy_.lists));
    if (!is_false(finished) && can_be_finished_connect()) {
      say("connections are judged as if they succeeded, and the condition "
          "needs one that failed");
    }
    say_unserved();
    if (reason_.empty()) say("no event has all the fields of the condition");
    result_.placement.reason = reason_;
  }

  // Whether it is the result alone that keeps a connect from fulfilling it.
  bool can_be_finished_connect() const {
    const std::vector<FieldId> fields = fields_of(folded_);
    return std::any_of(fields.begin(), fields.end(), [](FieldId id) {
      return id == FieldId::kEvtRes || id == FieldId::kEvtRawres;
    });
  }

  void say_observed() {
    if (!held_.empty()) {
      say(enumeration(held_) +
          " calls are refused by seccomp: by itself where it sees all that "
          "the condition needs, otherwise when the service has judged them, "
          "which the caller waits for");
      if (any_made_by_ring(held_)) {
        say("io_uring, which would go around that, is refused (ENOSYS)");
      }
    }
    if (result_.socket) {
      say("IPv4 and IPv6 sockets are refused by a program, too, whoever makes "
          "them");
    }
    if (!unsettled_.empty()) {
      say(enumeration(unsettled_) + (unsettled_.size() == 1 ? " is" : " are") +
          " not settled before the call is made");
    }
    std::vector<std::string> after;
    for (const std::string& type : observed_) {
      const std::optional<bailiff_call> call = observed_call(type);
      const bool executed =
          result_.exec && call && (bit_of(*call) & kExecCalls) != 0;
      const bool held =
          std::find(held_.begin(), held_.end(), type) != held_.end();
      if (!executed && !held) after.push_back(type);
    }
    if (after.empty()) return;
    say_unserved_by_hooks();
    say(enumeration(after) +
        " events are judged by the service once they have happened");
    if (held_.empty() && any_made_by_ring(after)) {
      say("what io_uring does is not seen");
    }
  }

  static bool any_made_by_ring(const std::vector<std::string>& types) {
    return std::any_of(types.begin(), types.end(), [](const std::string& type) {
      const std::optional<bailiff_call> call = observed_call(type);
      return call && is_made_by_ring(*call);
    });
  }

  void say_unserved() {
    if (unnamed_) {
      say("events other than 'connect' and 'container' have no source yet");
    } else if (!unserved_.empty()) {
      say(enumeration(unserved_) + " events have no source yet");
    }
    result_.placement.reason = reason_;
  }

  void say_once(const std::string& sentence) {
    if (reason_.find(sentence) == std::string::npos) say(sentence);
  }

  void say(const std::string& sentence) {
    if (!reason_.empty()) reason_ += "; ";
    reason_ += sentence;
  }

  const CompiledPolicy& policy_;
  const Facts& facts_;
  bool refused_;
  bool killed_;
  TaskBits* bits_;
  bool with_bits_ = false;
  Expr folded_;
  Expr connect_;         // `folded_`, of a connect event
  Expr judged_;          // as far as it is certain before
  bool whole_ = false;   // that is all of it
  bool hooked_ = false;  // the connect hooks serve it
  Expr send_;            // of a message to an address
  Expr bind_;            // of a bind(2) that is refused
  Expr observed_bind_;   // of one that cannot be
  Expr socket_;          // of an IP socket that is made
  Expr exec_;            // of a program that is executed
  std::vector<std::string> observed_;
  std::vector<std::string> held_;         // of those
  std::vector<std::string> unsettled_;    // fields that keep others from it
  std::vector<Expr> unsettled_messages_;  // of which hooks do not know all
  std::vector<FieldId> unknown_of_observed_;
  std::set<std::string> not_in_packet_;
  bool answers_pass_ = false;
  std::vector<Expr> client_names_;  // checks, of what is observed
  bool unclear_names_ = false;      // one is compared as none is known
  std::vector<std::string> unserved_;
  bool unnamed_ = false;
  std::string reason_;
  PlacedRule result_;
};

}  // namespace

PlacedRule place(const CompiledPolicy& policy, std::uint32_t rule,
                 const Facts& facts, bool refused, bool killed,
                 TaskBits* bits) {
  return Placer(policy, rule, facts, refused, killed, bits).place();
}

}  // namespace bailiff
