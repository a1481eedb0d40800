// SPDX-License-Identifier: Apache-2.0
#include "sidecar/replay/ongoing.h"

#include <algorithm>

#include "sidecar/respond/ticket.h"

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
// A container takes as long to be empty, and tells of what it does meanwhile.
constexpr std::uint64_t kDyingNs =
    static_cast<std::uint64_t>(std::chrono::nanoseconds(kEffectLimit).count());

// Processes of one container that are remembered, as many as by the engine.
constexpr std::size_t kMaxKilled = 1024;

std::uint64_t after(std::uint64_t now_ns, std::int64_t milliseconds) {
  return now_ns +
         static_cast<std::uint64_t>(milliseconds) * kNanosecondsPerMillisecond;
}

const char* outcome_of(Response response) {
  switch (response) {
    case Response::kNone:
      return "none";
    case Response::kKillProcess:
      return "process killed";
    case Response::kIsolate:
      return "isolated";
    case Response::kPause:
      return "paused";
    case Response::kStop:
      return "stopping";
    case Response::kKill:
      return "killed";
  }
  return "";
}

}  // namespace

Ongoing::State& Ongoing::state_of(const std::string& container) {
  const auto [state, is_new] = states_.try_emplace(container);
  if (!is_new) return state->second;
  order_.push_back(container);
  if (order_.size() > kMaxFollowed) {
    states_.erase(order_.front());
    order_.pop_front();
  }
  return states_.at(container);
}

void Ongoing::really_ended(const std::string& container,
                           std::uint64_t then_ns) {
  if (!container.empty()) state_of(container).ended_ns = then_ns;
}

void Ongoing::settle(State& state, std::uint64_t now_ns) {
  if (state.ended_ns != 0 && now_ns > state.ended_ns + kDyingNs) state = {};
  std::erase_if(state.in_force, [&](const InForce& each) {
    if (each.until_ns == 0 || now_ns < each.until_ns) return false;
    const bool ends =
        each.response == Response::kStop ||
        (each.response == Response::kPause && each.then == PauseThen::kKill);
    if (ends && (state.dead_ns == 0 || each.until_ns < state.dead_ns)) {
      state.dead_ns = each.until_ns;
    }
    return true;
  });
}

Foreseen Ongoing::respond(const std::string& container, const Asked& asked,
                          std::uint64_t now_ns) {
  Foreseen foreseen{.response = asked.response};
  if (container.empty()) {
    foreseen.outcome = "error: the container is not known";
    return foreseen;
  }
  State& state = state_of(container);
  settle(state, now_ns);
  if (state.dead_ns != 0) {
    const bool dying = now_ns <= state.dead_ns + kDyingNs;
    foreseen.outcome = dying ? outcome_of(Response::kKill) : "already gone";
    foreseen.response = Response::kKill;
    return foreseen;
  }
  const auto strongest =
      std::max_element(state.in_force.begin(), state.in_force.end(),
                       [](const InForce& a, const InForce& b) {
                         return a.response < b.response;
                       });
  if (strongest != state.in_force.end() &&
      strongest->response >= asked.response) {
    foreseen.outcome = outcome_of(strongest->response);
    foreseen.response = strongest->response;
    return foreseen;
  }
  const bool of_process = asked.response == Response::kKillProcess;
  if (of_process && state.killed_processes.contains(asked.pid)) {
    foreseen.outcome = outcome_of(asked.response);
    return foreseen;
  }
  Budget::Taken taken = budget_.take(asked.policy, asked.workload, now_ns);
  foreseen.newly_over = std::move(taken.newly_over);
  switch (taken.answer) {
    case Budget::Answer::kGranted:
      break;
    case Budget::Answer::kOverBudget:
      foreseen.outcome = "over_budget";
      return foreseen;
    case Budget::Answer::kCoolingDown:
      foreseen.outcome = "cooling_down";
      return foreseen;
  }
  foreseen.outcome = outcome_of(asked.response);
  foreseen.begun = true;
  InForce begun{.response = asked.response, .then = asked.terms.pause_then};
  switch (asked.response) {
    case Response::kNone:
      return foreseen;
    case Response::kKillProcess:
      if (state.killed_processes.size() >= kMaxKilled) {
        state.killed_processes.clear();
      }
      if (asked.pid != 0) state.killed_processes.insert(asked.pid);
      return foreseen;
    case Response::kKill:
      state.dead_ns = now_ns;
      return foreseen;
    case Response::kStop:
      // What is frozen takes no SIGTERM.
      std::erase_if(state.in_force, [](const InForce& each) {
        return each.response == Response::kPause;
      });
      begun.until_ns = after(now_ns, asked.terms.grace_ms);
      break;
    case Response::kPause:
      begun.until_ns = after(now_ns, asked.terms.pause_limit_ms);
      break;
    case Response::kIsolate:
      if (asked.terms.isolate_limit_ms != 0) {
        begun.until_ns = after(now_ns, asked.terms.isolate_limit_ms);
      }
      break;
  }
  state.in_force.push_back(begun);
  return foreseen;
}

}  // namespace bailiff::sidecar
