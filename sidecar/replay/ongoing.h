// SPDX-License-Identifier: Apache-2.0
// sidecar/replay/ongoing.h
// What would be in force of containers, had the responses been carried out: the
// engine's bookkeeping (respond/engine.h) without containers to do it to, and
// with its Budget.  Times are the events' own.  One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "rules/base/response.h"
#include "sidecar/respond/budget.h"

namespace bailiff::sidecar {

// Containers that are followed at once; past it the one that was first followed
// the longest ago is forgotten, which only lets it be responded to anew.
inline constexpr std::size_t kMaxFollowed = 65'536;

struct Asked {
  Response response = Response::kNone;
  ResponseTerms terms;
  std::string policy, workload;
  std::int64_t pid = 0;  // kKillProcess; 0: it was not stored
};

struct Foreseen {
  std::string outcome;                  // as alerts say it
  Response response = Response::kNone;  // carried out, now or before
  bool begun = false;                   // by this one
  std::vector<OverBudget> newly_over;
};

class Ongoing {
 public:
  explicit Ongoing(const ResponseLimits& limits) : budget_(limits) {}

  // `container` names it on its node; "": nobody knows it.
  Foreseen respond(const std::string& container, const Asked& asked,
                   std::uint64_t now_ns);
  // It has really ended then: who is of that name later is another one.
  void really_ended(const std::string& container, std::uint64_t then_ns);

 private:
  struct InForce {
    Response response = Response::kNone;
    std::uint64_t until_ns = 0;  // 0: for good
    PauseThen then = PauseThen::kKill;
  };
  struct State {
    std::vector<InForce> in_force;
    std::set<std::int64_t> killed_processes;
    std::uint64_t dead_ns = 0;   // 0: it would live
    std::uint64_t ended_ns = 0;  // 0: it has not, as far as is stored
  };

  State& state_of(const std::string& container);
  static void settle(State& state, std::uint64_t now_ns);

  Budget budget_;
  std::unordered_map<std::string, State> states_;
  std::deque<std::string> order_;  // oldest first
};

}  // namespace bailiff::sidecar
