// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/observed_work.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>

#include "rules/lower/observed.h"

namespace bailiff::sidecar {
namespace {

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

}  // namespace

Response SeenObserved::response() const {
  Response strongest = Response::kNone;
  for (const ObservedHit& hit : hits) {
    strongest = std::max(strongest, hit.decision.response);
  }
  return strongest;
}

std::vector<ObservedHit> judge(const Observed& observed,
                               const Container& container,
                               const Settings& settings, MatchMemory& memory) {
  std::vector<ObservedHit> hits;
  const std::shared_ptr<const Matcher> matcher =
      container.generation->matcher();
  const bool exempt = is_exempt(settings, container.record);
  const auto add = [&](const ObservedFields& fields,
                       const std::vector<std::uint32_t>& rules,
                       const std::vector<std::uint64_t>& rule_calls,
                       Enforcement enforcement) {
    for (const std::uint32_t rule : matcher->match(fields, rules, memory)) {
      const auto at = std::lower_bound(rules.begin(), rules.end(), rule);
      const std::uint64_t calls =
          rule_calls[static_cast<std::size_t>(at - rules.begin())];
      if ((calls & bit_of(observed.event.call)) == 0) continue;
      const bool known =
          std::any_of(hits.begin(), hits.end(),
                      [&](const ObservedHit& hit) { return hit.rule == rule; });
      if (known) continue;
      hits.push_back({rule, enforcement,
                      decide(container.generation->policy(), container.policies,
                             {.rule = rule,
                              .enforcement = enforcement,
                              .denied = enforcement == Enforcement::kNotify},
                             exempt)});
    }
  };
  if (was_refused(observed.event, container.held)) {
    const Observed succeeded = as_if_succeeded(observed);
    add(ObservedFields(succeeded, container.facts), container.held.rules,
        container.held.rule_calls, Enforcement::kNotify);
  }
  add(ObservedFields(observed, container.facts), container.observed.rules,
      container.observed.rule_calls, Enforcement::kObserve);
  return hits;
}

std::vector<Draft> drafts_of(const SeenObserved& seen) {
  const Container& container = *seen.container;
  const ObservedFields fields(seen.observed, container.facts);
  const std::uint64_t realtime_ns =
      seen.observed.event.monotonic_ns +
      static_cast<std::uint64_t>(seen.observed.clocks.realtime_ns);
  std::vector<Draft> drafts;
  for (const ObservedHit& hit : seen.hits) {
    const Alert alert =
        rule_alert(*seen.settings, container, *container.generation, hit.rule,
                   fields, realtime_ns);
    for (Draft& draft :
         policy_drafts(*seen.settings, alert, container.generation->policy(),
                       hit.enforcement, hit.decision)) {
      drafts.push_back(std::move(draft));
    }
  }
  return drafts;
}

}  // namespace bailiff::sidecar
