// SPDX-License-Identifier: Apache-2.0
#include "sidecar/replay/replay.h"

#include <algorithm>
#include <string_view>

#include "oci/spec/exempt.h"
#include "rules/lower/lower.h"

namespace bailiff::sidecar {
namespace {

// As alerts of what the service does, and not of what a container did, say it.
constexpr std::string_view kOwnSource = "bailiff";
constexpr std::string_view kExecHook = "exec";
// Containers whose scopes are remembered.  Past it they are found out anew.
constexpr std::size_t kMaxPlaces = 4096;
constexpr const char* kOthers = "(others)";

std::string text_of(const Alert& alert, std::string_view name) {
  for (const auto& [key, value] : alert.output_fields) {
    if (key != name) continue;
    const auto* one = std::get_if<Value>(&value);
    const auto* text = one ? std::get_if<std::string>(one) : nullptr;
    return text != nullptr ? *text : "";
  }
  return "";
}

std::int64_t number_of(const Alert& alert, std::string_view name) {
  for (const auto& [key, value] : alert.output_fields) {
    if (key != name) continue;
    const auto* one = std::get_if<Value>(&value);
    const auto* number = one ? std::get_if<std::int64_t>(one) : nullptr;
    return number != nullptr ? *number : 0;
  }
  return 0;
}

oci::ContainerRecord record_of(const AlertContainer& container) {
  oci::ContainerRecord record;
  record.id = container.id;
  record.facts.name = container.name;
  record.facts.image = container.image;
  record.facts.pod = container.pod;
  record.facts.namespace_name = container.name_space;
  record.facts.pod_identity_trusted = container.pod_trusted.value_or(false);
  return record;
}

bool same_container(const Alert& a, const Alert& b) {
  return a.hostname == b.hostname && a.container.id == b.container.id;
}

std::string key_of(const Alert& alert) {
  if (alert.container.id.empty()) return "";
  return alert.hostname + '\n' + alert.container.id;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

}  // namespace

struct Replay::Judged {
  Decision decision;
  // Whether the policies hold the rule at all, in scope or not.
  bool held = false;
  bool killed_before_it_ran = false;
  bool open_exempt = false;  // whether it is exempt is not stored
  bool open_refusal = false;
};

Replay::Replay(Input input, OnRow on_row)
    : input_(std::move(input)),
      on_row_(std::move(on_row)),
      ongoing_(input_.limits) {
  for (std::uint32_t i = 0; i < input_.policy.rules.size(); ++i) {
    rules_.emplace(input_.policy.rules[i].name, i);
  }
  if (!input_.only_names) {
    matcher_ = std::make_unique<const Matcher>(input_.policy);
  }
}

ReplaySummary::Workload& Replay::workload(const std::string& name) {
  const auto known = summary_.workloads.find(name);
  if (known != summary_.workloads.end()) return known->second;
  const bool room = summary_.workloads.size() < kMaxWorkloads;
  return summary_.workloads[room ? name : kOthers];
}

void Replay::add(StoredEvent event) {
  Alert& alert = event.alert;
  if (summary_.first_ns == 0) summary_.first_ns = alert.time_ns;
  if (alert.time_ns != 0) {
    summary_.first_ns = std::min(summary_.first_ns, alert.time_ns);
  }
  summary_.last_ns = std::max(summary_.last_ns, alert.time_ns);
  const bool same = alert.time_ns == moment_.of.time_ns &&
                    same_container(alert, moment_.of) && !moment_.has_fields;
  if (!same || event.fields) flush();
  if (event.fields) return take_fields(event);
  ++summary_.alerts;
  const bool lost = alert.source == kOwnSource && alert.rule == kLostEventsRule;
  if (alert.source == kOwnSource && !lost) {
    ++summary_.about_service;
    flush();
    if (alert.outcome == "killed" || alert.outcome == "stopped") {
      ongoing_.really_ended(key_of(alert), alert.time_ns);
    }
    return;
  }
  if (moment_.open.empty()) {
    moment_.of = alert;
    moment_.facts = facts_of(alert);
  }
  const auto known =
      std::find_if(moment_.open.begin(), moment_.open.end(),
                   [&](const Fact& fact) { return fact.rule == alert.rule; });
  // The same policy cannot have said two things of one event.
  const bool other =
      known != moment_.open.end() &&
      std::any_of(known->then.begin(), known->then.end(),
                  [&](const Alert& one) { return one.policy == alert.policy; });
  if (other) {
    flush();
    moment_.of = alert;
    moment_.facts = facts_of(alert);
  } else if (known != moment_.open.end()) {
    known->then.push_back(std::move(alert));
    return;
  }
  Fact fact{.rule = alert.rule, .then = {}, .lost_events = lost};
  fact.then.push_back(std::move(alert));
  moment_.open.push_back(std::move(fact));
}

void Replay::take_fields(const StoredEvent& event) {
  ++summary_.evaluated;
  if (event.alert.time_ns == 0) ++summary_.timeless;
  if (!matcher_) return;
  moment_.of = event.alert;
  moment_.has_fields = true;
  moment_.facts = facts_of(*event.fields);
  for (const std::uint32_t rule : matcher_->match(*event.fields, memory_)) {
    moment_.open.push_back(
        {.rule = input_.policy.rules[rule].name, .then = {}});
  }
  flush();
}

const Replay::Place& Replay::place_of(const Moment& moment) {
  std::string key = key_of(moment.of);
  for (const auto& [name, values] : moment.facts.values) {
    key += '\n' + name;
    for (const Value& value : values) key += '\t' + to_string(value);
  }
  const auto known = places_.find(key);
  if (known != places_.end()) return known->second;
  if (places_.size() >= kMaxPlaces) places_.clear();
  Place place{.scopes = scopes_of(input_.policy, moment.facts), .placed = {}};
  if (!input_.only_names) {
    for (const Placement& each :
         lower(input_.policy, moment.facts).placements) {
      place.placed[each.rule] = each.enforcement;
    }
  }
  return places_.emplace(std::move(key), std::move(place)).first->second;
}

Replay::Judged Replay::judge(const Fact& fact, const Moment& moment,
                             const Place& place) const {
  Judged judged;
  const AlertContainer& container = moment.of.container;
  oci::ContainerRecord record = record_of(container);
  const bool exempt = oci::is_exempt(input_.exempt, record.id, record.facts);
  // Pods exempt only where the runtime vouches for them, which Falco's alerts
  // and events of fields do not tell.
  if (!container.pod_trusted) record.facts.pod_identity_trusted = true;
  judged.open_exempt =
      !exempt && oci::is_exempt(input_.exempt, record.id, record.facts);
  if (fact.lost_events) {
    const bool caused =
        text_of(fact.then.front(), "bailiff.lost_cause") == "itself";
    judged.decision =
        decide_loss(input_.policy, place.scopes.in_scope, caused, exempt);
    judged.held = true;
    return judged;
  }
  const auto rule = rules_.find(fact.rule);
  if (rule == rules_.end()) return judged;
  const auto holds = [&](const Policy& policy) {
    return std::binary_search(policy.rules.begin(), policy.rules.end(),
                              rule->second);
  };
  judged.held = std::any_of(input_.policy.policies.begin(),
                            input_.policy.policies.end(), holds);
  Hit hit{.rule = rule->second};
  const std::string stored =
      fact.then.empty() ? "" : fact.then.front().enforcement;
  const auto placed = place.placed.find(rule->second);
  const bool asked = std::any_of(
      place.scopes.in_scope.begin(), place.scopes.in_scope.end(),
      [&](std::uint32_t index) {
        const Policy& policy = input_.policy.policies[index];
        return policy.block && policy.mode == Mode::kEnforce && holds(policy);
      });
  if (stored == to_string(Enforcement::kExternal)) {
    hit.enforcement = Enforcement::kExternal;
  } else if (placed == place.placed.end()) {
    // Only a name is known: where it was decided then, it would be now.  What
    // was observed might have been refused, had a policy asked for it.
    if (stored == to_string(Enforcement::kKernel)) {
      hit.enforcement = Enforcement::kKernel;
    } else if (stored == to_string(Enforcement::kNotify)) {
      hit.enforcement = asked ? Enforcement::kNotify : Enforcement::kObserve;
    } else {
      judged.open_refusal = asked && input_.only_names;
    }
  } else if (placed->second == bailiff::Enforcement::kKernel) {
    // An event that was observed all the same is one no hook could judge.
    if (stored != to_string(Enforcement::kObserve)) {
      hit.enforcement = Enforcement::kKernel;
    }
  } else if (placed->second == bailiff::Enforcement::kNotify) {
    hit.enforcement = Enforcement::kNotify;
  }
  const bool can_refuse = hit.enforcement == Enforcement::kKernel ||
                          hit.enforcement == Enforcement::kNotify;
  hit.denied = asked && can_refuse;
  judged.decision = decide(input_.policy, place.scopes.in_scope, hit, exempt);
  judged.killed_before_it_ran =
      hit.denied && !fact.then.empty() && fact.then.front().hook == kExecHook;
  return judged;
}

void Replay::flush() {
  Moment moment = std::move(moment_);
  moment_ = {};
  if (moment.open.empty()) return;
  clock_ns_ = std::max(clock_ns_, moment.of.time_ns);
  const Place& place = place_of(moment);
  std::vector<Judged> all;
  const Judged* strongest = nullptr;
  all.reserve(moment.open.size());
  for (const Fact& fact : moment.open) {
    all.push_back(judge(fact, moment, place));
  }
  for (const Judged& judged : all) {
    const Response response = judged.decision.response;
    const bool done =
        judged.killed_before_it_ran && response <= Response::kKillProcess;
    if (response == Response::kNone || done || judged.open_exempt) continue;
    if (strongest == nullptr || response > strongest->decision.response) {
      strongest = &judged;
    }
  }
  const std::string name = workload_of(record_of(moment.of.container));
  ReplaySummary::Workload& counted = workload(name.empty() ? "-" : name);
  counted.events += moment.open.size();
  summary_.events += moment.open.size();
  std::optional<Foreseen> foreseen;
  if (strongest != nullptr) {
    const Policy& by = input_.policy.policies[strongest->decision.by];
    foreseen = ongoing_.respond(key_of(moment.of),
                                {.response = strongest->decision.response,
                                 .terms = by.terms,
                                 .policy = by.name,
                                 .workload = name,
                                 .pid = number_of(moment.of, "proc.pid")},
                                clock_ns_);
    if (foreseen->begun) {
      ++counted.responses;
      ++summary_.responses[std::string(to_string(foreseen->response))];
    }
    if (foreseen->outcome == "over_budget" ||
        foreseen->outcome == "cooling_down") {
      ++counted.refused;
      ++summary_.refused_by_budget;
    }
    for (const OverBudget& over : foreseen->newly_over) {
      const auto known = std::find_if(
          summary_.exhausted.begin(), summary_.exhausted.end(),
          [&](const ReplaySummary::Exhausted& one) {
            return one.over.scope == over.scope && one.over.name == over.name;
          });
      if (known != summary_.exhausted.end()) {
        ++known->times;
      } else if (summary_.exhausted.size() < kMaxWorkloads) {
        summary_.exhausted.push_back({.over = over, .times = 1});
      }
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    tell(moment.open[i], all[i], moment, place,
         foreseen ? &*foreseen : nullptr);
  }
  for (const Fact& fact : moment.open) {
    for (const Alert& alert : fact.then) {
      if (alert.outcome != "killed" || alert.response == "kill_process") {
        continue;
      }
      ongoing_.really_ended(key_of(alert), moment.of.time_ns);
    }
  }
}

void Replay::tell(const Fact& fact, const Judged& judged, const Moment& moment,
                  const Place& place, const Foreseen* foreseen) {
  const auto rule = rules_.find(fact.rule);
  if (rule != rules_.end()) fired_.insert(rule->second);
  if (!judged.held && summary_.unheld.size() < kMaxWorkloads) {
    ++summary_.unheld[fact.rule];
  }
  ReplayRow blank;
  blank.time_ns = moment.of.time_ns;
  blank.container = moment.of.container;
  blank.rule = fact.rule;
  std::vector<ReplayRow> rows;
  const auto row_of = [&](const std::string& policy) -> ReplayRow& {
    const auto known = std::find_if(
        rows.begin(), rows.end(),
        [&](const ReplayRow& row) { return row.policy == policy; });
    if (known != rows.end()) return *known;
    rows.push_back(blank);
    rows.back().policy = policy;
    return rows.back();
  };
  for (const Alert& alert : fact.then) {
    row_of(alert.policy).before = Said{.verdict = alert.verdict,
                                       .response = alert.response,
                                       .outcome = alert.outcome};
  }
  for (const PolicyDecision& each : judged.decision.policies) {
    Said said{.verdict = std::string(to_string(each.verdict)),
              .response = std::string(to_string(each.response)),
              .outcome = foregone_outcome(each)};
    const bool nothing_left = each.response <= Response::kKillProcess;
    if (judged.killed_before_it_ran && nothing_left) {
      said.outcome = "killed";
    } else if (said.outcome.empty() && foreseen != nullptr) {
      const bool stronger = foreseen->response > each.response &&
                            !foreseen->outcome.starts_with("error");
      said.outcome = stronger ? "superseded" : foreseen->outcome;
    }
    ReplayRow& row = row_of(input_.policy.policies[each.policy].name);
    row.now = std::move(said);
    if (judged.open_exempt && each.response != Response::kNone) {
      row.unknown =
          "exempt or not: whether the runtime vouches for the pod was not "
          "stored";
    } else if (judged.open_refusal) {
      row.unknown = "refused or not: that takes its rule file";
    }
  }
  // No policy spoke for it, and none does: that is no change of a policy.
  const auto plain =
      std::find_if(rows.begin(), rows.end(),
                   [](const ReplayRow& row) { return row.policy.empty(); });
  if (plain != rows.end() && rows.size() == 1) plain->now = plain->before;
  for (const OpenScope& open : place.scopes.open) {
    const Policy& policy = input_.policy.policies[open.policy];
    const bool concerned =
        fact.lost_events
            ? policy.on_loss != Response::kNone
            : rule != rules_.end() &&
                  std::binary_search(policy.rules.begin(), policy.rules.end(),
                                     rule->second);
    if (!concerned) continue;
    row_of(policy.name).unknown =
        "in scope or not: " + joined(open.missing) + " was not stored";
  }
  for (const ReplayRow& row : rows) {
    if (!row.unknown.empty()) {
      ++summary_.unknown;
    } else if (row.now && !row.policy.empty()) {
      ++summary_.outcomes[row.now->outcome];
    }
    if (row.differs()) ++summary_.differing;
    on_row_(row);
  }
}

ReplaySummary Replay::finish() {
  flush();
  for (const Policy& policy : input_.policy.policies) {
    for (const std::uint32_t rule : policy.rules) {
      if (fired_.contains(rule)) continue;
      summary_.never_fired.emplace_back(policy.name,
                                        input_.policy.rules[rule].name);
    }
  }
  return std::move(summary_);
}

}  // namespace bailiff::sidecar
