// SPDX-License-Identifier: Apache-2.0
// sidecar/replay/replay.h
// What policies would have made of stored events.  An alert is a fact: its rule
// held for that container at that time.  Its condition is not asked again, as
// the event itself was not stored; of a line of fields it is.  The decision is
// decide()'s, the budgets are Budget's, at the events' own times.  Pure; one
// thread; what it holds does not grow with the number of events.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/document/service_config.h"
#include "rules/eval/matcher.h"
#include "rules/policy/compiled_policy.h"
#include "sidecar/alert/alert.h"
#include "sidecar/decide/decide.h"
#include "sidecar/replay/known_container.h"
#include "sidecar/replay/ongoing.h"

namespace bailiff::sidecar {

struct StoredEvent {
  Alert alert;
  // The event itself, of which rules are judged anew; then of `alert` only
  // time_ns and container count.  Without a time (0) it is taken to have come
  // with the one before it.  Shared with nobody.
  std::shared_ptr<const FieldSource> fields;
};

// What one policy said, or says, of one event.
struct Said {
  std::string verdict, response, outcome;
  bool operator==(const Said&) const = default;
};

struct ReplayRow {
  std::uint64_t time_ns = 0;
  AlertContainer container;
  std::string rule;
  std::string policy;          // "": then no policy spoke for it
  std::optional<Said> before;  // absent: it said nothing, or was not there
  std::optional<Said> now;
  std::string unknown;  // why nobody can tell what it says now; "": known
  // A line of fields says nothing of before, and so never differs from it.
  bool differs() const { return before != now || !unknown.empty(); }
};

struct ReplaySummary {
  std::uint64_t events = 0;     // a rule, for a container, at a time
  std::uint64_t alerts = 0;     // those that tell of them: one for each policy
  std::uint64_t evaluated = 0;  // lines of fields
  std::uint64_t timeless = 0;   // of these
  std::uint64_t about_service = 0;  // alerts on responses, starts and the like
  std::uint64_t differing = 0;      // rows
  std::uint64_t unknown = 0;        // rows
  std::uint64_t first_ns = 0, last_ns = 0;
  std::map<std::string, std::uint64_t> responses;  // carried out, by response
  std::map<std::string, std::uint64_t> outcomes;   // of rows, by outcome
  struct Workload {
    std::uint64_t events = 0, responses = 0, refused = 0;
  };
  // Those past kMaxWorkloads are counted as "(others)".
  std::map<std::string, Workload> workloads;
  struct Exhausted {
    OverBudget over;
    std::uint64_t times = 0;
  };
  // The first time of each, and how often.
  std::vector<Exhausted> exhausted;
  std::uint64_t refused_by_budget = 0;
  // By policy, its rules that no stored event fired.
  std::vector<std::pair<std::string, std::string>> never_fired;
  // Rules that fired and that no policy holds, with the number of events.
  std::map<std::string, std::uint64_t> unheld;
};

class Replay {
 public:
  struct Input {
    const CompiledPolicy& policy;  // borrowed for the life of the replay
    // Rules are stubs that have a name and nothing else: where they are decided
    // is what the events say, and lines of fields fire nothing.
    bool only_names = false;
    ResponseLimits limits;
    std::vector<std::string> exempt;
  };
  using OnRow = std::function<void(const ReplayRow&)>;

  Replay(Input input, OnRow on_row);

  // In the order they were stored in.
  void add(StoredEvent event);
  // No event follows.
  ReplaySummary finish();

 private:
  // A rule that held, and what was said of it then.
  struct Fact {
    std::string rule;
    std::vector<Alert> then;   // one for each policy; empty: fields
    bool lost_events = false;  // the alert of the service's own
  };
  // What happened at one time in one container.
  struct Moment {
    Alert of;  // time, host and container
    Facts facts;
    std::vector<Fact> open;
    bool has_fields = false;
  };
  struct Place {
    Scopes scopes;
    // Where each rule is decided, of those that policies hold.
    std::map<std::uint32_t, bailiff::Enforcement> placed;
  };
  struct Judged;

  const Place& place_of(const Moment& moment);
  Judged judge(const Fact& fact, const Moment& moment,
               const Place& place) const;
  void flush();
  void tell(const Fact& fact, const Judged& judged, const Moment& moment,
            const Place& place, const Foreseen* foreseen);
  void take_fields(const StoredEvent& event);
  ReplaySummary::Workload& workload(const std::string& name);

  const Input input_;
  const OnRow on_row_;
  std::map<std::string, std::uint32_t, std::less<>> rules_;
  std::unique_ptr<const Matcher> matcher_;
  MatchMemory memory_;
  Ongoing ongoing_;
  Moment moment_;
  std::uint64_t clock_ns_ = 0;  // does not go back
  std::unordered_map<std::string, Place> places_;
  std::set<std::uint32_t> fired_;
  ReplaySummary summary_;
};

}  // namespace bailiff::sidecar
