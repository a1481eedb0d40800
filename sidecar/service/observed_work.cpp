// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/observed_work.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

#include "rules/lower/observed.h"

namespace bailiff::sidecar {
namespace {

// What socket(2) is given with the type.
constexpr std::uint64_t kTypeFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;

bool was_refused(const ObservedEvent& event, const HeldCalls& held) {
  return event.kind == ObservedEvent::Kind::kCall && event.result == -EPERM &&
         (held.calls & bit_of(event.call)) != 0;
}

// As it was judged when it was held.
Observed as_if_succeeded(const Observed& observed) {
  Observed succeeded = observed;
  succeeded.event.result = 0;
  if (succeeded.event.descriptor.number < 0) {
    succeeded.event.descriptor.number = 0;
  }
  if (succeeded.event.call == BAILIFF_CALL_SOCKET) {
    succeeded.event.descriptor.mode = S_IFSOCK;
    succeeded.event.descriptor.family =
        static_cast<std::uint16_t>(succeeded.event.arguments[0]);
  }
  succeeded.descriptor = describe_descriptor(succeeded.event);
  return succeeded;
}

// Whether a program may have refused it, to which the type has no flags.
bool was_refused_by_type(const Observed& observed, const Container& container) {
  const ObservedEvent& event = observed.event;
  if (event.call != BAILIFF_CALL_SOCKET || container.socket_rules.empty()) {
    return false;
  }
  const auto domain = static_cast<int>(event.arguments[0]);  // as the kernel
  return (domain == AF_INET || domain == AF_INET6) &&
         (event.arguments[1] & kTypeFlags) != 0;
}

// Whether the rule's program has refused it, and told of it.
bool was_refused_by_hook(const Observed& observed, const Container& container,
                         std::uint32_t rule) {
  const ObservedEvent& event = observed.event;
  return event.call == BAILIFF_CALL_CONNECT && event.result == -EPERM &&
         observed.descriptor && observed.descriptor->is_ip() &&
         std::binary_search(container.refused_connects.begin(),
                            container.refused_connects.end(), rule);
}

// The process was killed before it ran: nothing is left to be done to it.
void complete_killed(Draft& draft) {
  const bool asks_for_more =
      draft.alert.response != to_string(Response::kNone) &&
      draft.alert.response != to_string(Response::kKillProcess);
  if (asks_for_more) return;
  draft.awaits_response = false;
  draft.alert.outcome = "killed";
}

}  // namespace

const ObservedHit* SeenObserved::strongest() const {
  const ObservedHit* found = nullptr;
  for (const ObservedHit& hit : hits) {
    const Response response = hit.decision.response;
    if (response == Response::kNone) continue;
    if (found == nullptr || response > found->decision.response) found = &hit;
  }
  return found;
}

std::vector<ObservedHit> judge(const Observed& observed,
                               const Container& container,
                               const Settings& settings, MatchMemory& memory,
                               const std::vector<std::uint32_t>& refused_by) {
  std::vector<ObservedHit> hits;
  const bool exempt = is_exempt(settings, container.record);
  const auto add = [&](std::uint32_t rule, Enforcement enforcement,
                       bool denied) {
    const bool known =
        std::any_of(hits.begin(), hits.end(),
                    [&](const ObservedHit& hit) { return hit.rule == rule; });
    if (known) return;
    hits.push_back(
        {rule, enforcement,
         decide(container.generation->policy(), container.policies,
                {.rule = rule, .enforcement = enforcement, .denied = denied},
                exempt)});
  };
  const Observation& wanted = container.observed;
  const auto is_decided = [&](std::uint32_t rule) {
    const auto& decided = observed.event.decided;
    if (!decided || !std::binary_search(wanted.exec_rules.begin(),
                                        wanted.exec_rules.end(), rule)) {
      return false;
    }
    return std::none_of(
        decided->begin(), decided->end(),
        [rule](const auto& one) { return one.rule == rule && one.open; });
  };
  if (observed.event.decided) {
    for (const auto& one : *observed.event.decided) {
      if (is_decided(one.rule)) {
        add(one.rule, Enforcement::kKernel, observed.event.killed);
      }
    }
  }
  const std::shared_ptr<const Matcher> matcher =
      container.generation->matcher();
  const auto match = [&](const ObservedFields& fields,
                         const std::vector<std::uint32_t>& rules,
                         const std::vector<std::uint64_t>& rule_calls,
                         Enforcement enforcement, bool denied) {
    for (const std::uint32_t rule : matcher->match(fields, rules, memory)) {
      const auto at = std::lower_bound(rules.begin(), rules.end(), rule);
      const std::uint64_t calls =
          rule_calls[static_cast<std::size_t>(at - rules.begin())];
      if ((calls & bit_of(observed.event.call)) == 0 ||
          was_refused_by_hook(observed, container, rule)) {
        continue;
      }
      if (!is_decided(rule)) add(rule, enforcement, denied);
    }
  };
  if (was_refused(observed.event, container.held)) {
    Observed succeeded = as_if_succeeded(observed);
    match(ObservedFields(succeeded, container.facts), container.held.rules,
          container.held.rule_calls, Enforcement::kNotify, true);
    if (was_refused_by_type(observed, container)) {
      succeeded.event.arguments[1] &= ~kTypeFlags;
      const std::vector<std::uint64_t> calls(container.socket_rules.size(),
                                             bit_of(BAILIFF_CALL_SOCKET));
      match(ObservedFields(succeeded, container.facts), container.socket_rules,
            calls, Enforcement::kNotify, true);
    }
  }
  for (const std::uint32_t rule : refused_by) {
    add(rule, Enforcement::kNotify, true);
  }
  match(ObservedFields(observed, container.facts), wanted.rules,
        wanted.rule_calls, Enforcement::kObserve, observed.event.killed);
  return hits;
}

void restore(ObservedEvent& event, const ObservedEvent& judged) {
  event.path = judged.path;
  event.path2 = judged.path2;
  event.base = judged.base;
  event.base2 = judged.base2;
  event.text = judged.text;
  std::copy(std::begin(judged.arguments), std::end(judged.arguments),
            std::begin(event.arguments));
  std::copy(std::begin(judged.more), std::end(judged.more),
            std::begin(event.more));
  if (!judged.file) return;
  event.file = judged.file;
  event.descriptor = judged.descriptor;
}

std::vector<Draft> drafts_of(const SeenObserved& seen) {
  const Container& container = *seen.container;
  const ObservedFields fields(seen.observed, container.facts);
  const std::uint64_t realtime_ns =
      seen.observed.event.monotonic_ns +
      static_cast<std::uint64_t>(seen.observed.clocks.realtime_ns);
  std::vector<Draft> drafts;
  for (const ObservedHit& hit : seen.hits) {
    Alert alert = rule_alert(*seen.settings, container, *container.generation,
                             hit.rule, fields, realtime_ns);
    if (hit.enforcement == Enforcement::kKernel) {
      alert.hook = to_string(HookPoint::kExec);
    }
    for (Draft& draft :
         policy_drafts(*seen.settings, alert, container.generation->policy(),
                       hit.enforcement, hit.decision)) {
      if (seen.observed.event.killed) complete_killed(draft);
      drafts.push_back(std::move(draft));
    }
  }
  return drafts;
}

}  // namespace bailiff::sidecar
