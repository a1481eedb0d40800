// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/observed_work.h"

#include <algorithm>

#include "rules/lower/observed.h"

namespace bailiff::sidecar {

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
  const ObservedFields fields(observed, container.facts);
  const std::shared_ptr<const Matcher> matcher =
      container.generation->matcher();
  const Observation& wanted = container.observed;
  for (const std::uint32_t rule :
       matcher->match(fields, wanted.rules, memory)) {
    const auto at =
        std::lower_bound(wanted.rules.begin(), wanted.rules.end(), rule);
    const std::uint64_t calls =
        wanted.rule_calls[static_cast<std::size_t>(at - wanted.rules.begin())];
    if ((calls & bit_of(observed.event.call)) == 0) continue;
    hits.push_back(
        {rule, decide(container.generation->policy(), container.policies,
                      {.rule = rule}, is_exempt(settings, container.record))});
  }
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
                       Enforcement::kObserve, hit.decision)) {
      drafts.push_back(std::move(draft));
    }
  }
  return drafts;
}

}  // namespace bailiff::sidecar
