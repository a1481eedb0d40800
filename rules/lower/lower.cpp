// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/lower.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "rules/lower/fold.h"
#include "rules/lower/placement.h"
#include "rules/lower/task.h"

namespace bailiff {
namespace {

bool applies(const Policy& policy, const Facts& facts,
             const std::vector<List>& lists) {
  if (!policy.scope) return true;
  const Expr scope = fold(*policy.scope, facts, lists);
  // With complete facts nothing is left open; without, the policy may apply.
  return facts.complete ? is_true(scope) : !is_false(scope);
}

bool refuses(const Policy& policy) {
  return policy.mode == Mode::kEnforce && policy.block;
}

// Whether it ends a process for what the process has begun.
bool kills(const Policy& policy) {
  return policy.mode == Mode::kEnforce &&
         policy.response == Response::kKillProcess;
}

void add_to(std::vector<KernelRule>& rules, std::optional<KernelRule> rule) {
  if (rule) rules.push_back(*std::move(rule));
}

// Whether its condition or what is told of it names the field.
bool names(const Rule& rule, std::string_view name) {
  for (const Leaf& leaf : leaves_of(rule.condition)) {
    for (const FieldId id : leaf.fields) {
      if (field(id).name == name) return true;
    }
  }
  return rule.output.find(name) != rule.output.npos ||
         std::any_of(rule.extra_fields.begin(), rule.extra_fields.end(),
                     [&](const ExtraField& extra) {
                       return extra.output.find(name) != extra.output.npos;
                     });
}

}  // namespace

std::string_view to_string(HookPoint hook) {
  switch (hook) {
    case HookPoint::kConnect4:
      return "connect4";
    case HookPoint::kConnect6:
      return "connect6";
    case HookPoint::kSendmsg4:
      return "sendmsg4";
    case HookPoint::kSendmsg6:
      return "sendmsg6";
    case HookPoint::kEgress:
      return "egress";
    case HookPoint::kFrame:
      return "frame";
    case HookPoint::kQuery:
      return "query";
    case HookPoint::kAnswer:
      return "answer";
    case HookPoint::kIngress:
      return "ingress";
    case HookPoint::kPostBind4:
      return "post_bind4";
    case HookPoint::kPostBind6:
      return "post_bind6";
    case HookPoint::kSockCreate:
      return "sock_create";
    case HookPoint::kExec:
      return "exec";
  }
  return "";
}

std::string_view to_string(Enforcement enforcement) {
  switch (enforcement) {
    case Enforcement::kKernel:
      return "kernel";
    case Enforcement::kNotify:
      return "notify";
    case Enforcement::kObserve:
      return "observe";
    case Enforcement::kUnsupported:
      return "unsupported";
  }
  return "";
}

const std::vector<KernelRule>& Plan::rules_at(HookPoint hook) const {
  switch (hook) {
    case HookPoint::kConnect4:
    case HookPoint::kConnect6:
      return connect;
    case HookPoint::kSendmsg4:
    case HookPoint::kSendmsg6:
      return send;
    case HookPoint::kEgress:
      return packet;
    case HookPoint::kFrame:
      return frame;
    case HookPoint::kIngress:
      return arrival;
    case HookPoint::kPostBind4:
    case HookPoint::kPostBind6:
      return bind;
    case HookPoint::kSockCreate:
      return socket;
    case HookPoint::kExec:
      return exec;
    case HookPoint::kQuery:
      return query;
    case HookPoint::kAnswer:
      break;
  }
  return answer;
}

bool Plan::acts_at(HookPoint hook) const {
  return !rules_at(hook).empty() ||
         (hook == HookPoint::kQuery && !answer.empty());
}

bool Plan::judges() const {
  return std::any_of(std::begin(kHookPoints), std::end(kHookPoints),
                     [this](HookPoint hook) { return acts_at(hook); });
}

void Plan::attach_nothing() {
  connect.clear();
  send.clear();
  packet.clear();
  frame.clear();
  query.clear();
  answer.clear();
  arrival.clear();
  bind.clear();
  socket.clear();
  exec.clear();
  bits.clear();
  observe = {};
  held = {};
}

Plan lower(const CompiledPolicy& policy, const Facts& given) {
  Facts facts = given;
  facts.untold.clear();
  Plan plan;
  std::set<std::uint32_t> rules;
  std::set<std::uint32_t> refused;
  std::set<std::uint32_t> killed;
  for (std::uint32_t i = 0; i < policy.policies.size(); ++i) {
    const Policy& one = policy.policies[i];
    if (!applies(one, facts, policy.lists)) continue;
    plan.policies.push_back(i);
    rules.insert(one.rules.begin(), one.rules.end());
    if (refuses(one)) refused.insert(one.rules.begin(), one.rules.end());
    if (kills(one)) killed.insert(one.rules.begin(), one.rules.end());
  }
  TaskBits bits;
  for (const std::uint32_t rule : rules) {
    PlacedRule placed = place(policy, rule, facts, refused.contains(rule),
                              killed.contains(rule), &bits);
    add_to(plan.connect, std::move(placed.connect));
    add_to(plan.query, std::move(placed.query));
    add_to(plan.answer, std::move(placed.answer));
    add_to(plan.send, std::move(placed.send));
    add_to(plan.packet, std::move(placed.packet));
    add_to(plan.frame, std::move(placed.frame));
    add_to(plan.arrival, std::move(placed.arrival));
    add_to(plan.bind, std::move(placed.bind));
    add_to(plan.socket, std::move(placed.socket));
    if (placed.exec) {
      plan.observe.exec_rules.push_back(rule);
      plan.exec.push_back(*std::move(placed.exec));
    }
    if (placed.container_event) plan.container_event.push_back(rule);
    if (placed.calls != 0) {
      plan.observe.rules.push_back(rule);
      plan.observe.rule_calls.push_back(placed.calls);
      plan.observe.calls |= placed.calls;
      plan.observe.environment |= names(policy.rules[rule], "proc.env") ||
                                  names(policy.rules[rule], "proc.aenv");
      plan.observe.directory |= names(policy.rules[rule], "proc.cwd");
    }
    if (placed.held != 0) {
      plan.held.rules.push_back(rule);
      plan.held.rule_calls.push_back(placed.held);
      plan.held.calls |= placed.held;
    }
    plan.placements.push_back(std::move(placed.placement));
  }
  plan.bits = bits.checks();
  return plan;
}

std::vector<Placement> place_all(const CompiledPolicy& policy,
                                 const Facts& facts) {
  std::set<std::uint32_t> refused;
  for (const Policy& one : policy.policies) {
    if (refuses(one)) refused.insert(one.rules.begin(), one.rules.end());
  }
  std::vector<Placement> placements;
  for (std::uint32_t rule = 0; rule < policy.rules.size(); ++rule) {
    placements.push_back(
        place(policy, rule, facts, refused.contains(rule)).placement);
  }
  return placements;
}

}  // namespace bailiff
