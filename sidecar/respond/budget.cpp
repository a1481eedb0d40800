// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/budget.h"

#include <algorithm>
#include <array>

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
constexpr const char* kPolicy = "policy";
constexpr const char* kWorkload = "workload";
constexpr const char* kNode = "node";

std::uint64_t nanoseconds(std::int64_t milliseconds) {
  return static_cast<std::uint64_t>(milliseconds) * kNanosecondsPerMillisecond;
}

}  // namespace

std::string workload_of(const oci::ContainerRecord& record) {
  const oci::ContainerFacts& facts = record.facts;
  std::string name = facts.image;
  if (name.empty()) name = facts.name;
  if (name.empty()) name = record.id;
  return facts.namespace_name.empty() ? name
                                      : facts.namespace_name + "/" + name;
}

std::uint32_t Budget::limit_of(const std::string& scope) const {
  if (scope == kPolicy) return limits_.policy;
  if (scope == kWorkload) return limits_.workload;
  return limits_.node;
}

bool Budget::is_over(const Key& key, Use& use, std::uint64_t now_ns) const {
  if (use.over_since_ns == 0) return false;
  const std::int64_t ends =
      key.first == kWorkload ? limits_.cool_down_ms : limits_.rearm_ms;
  if (ends == 0 || now_ns < use.over_since_ns + nanoseconds(ends)) return true;
  // What came since counts: of a restart, both are remembered.
  std::erase_if(use.at_ns, [&use](std::uint64_t at_ns) {
    return at_ns <= use.over_since_ns;
  });
  use.over_since_ns = 0;
  return false;
}

Budget::Taken Budget::take(const std::string& policy,
                           const std::string& workload, std::uint64_t now_ns) {
  Taken taken;
  const std::array<Key, 3> keys = {Key{kPolicy, policy},
                                   Key{kWorkload, workload}, Key{kNode, ""}};
  // What is used up for good is the louder reason.
  const auto refuse = [&taken](const Key& key) {
    if (key.first != kWorkload) {
      taken.answer = Answer::kOverBudget;
    } else if (taken.answer == Answer::kGranted) {
      taken.answer = Answer::kCoolingDown;
    }
  };
  for (const Key& key : keys) {
    Use& use = uses_[key];
    if (is_over(key, use, now_ns)) {
      refuse(key);
      continue;
    }
    const std::uint64_t per = nanoseconds(limits_.per_ms);
    while (!use.at_ns.empty() && use.at_ns.front() + per <= now_ns) {
      use.at_ns.pop_front();
    }
    if (use.at_ns.size() < limit_of(key.first)) continue;
    refuse(key);
    use.over_since_ns = now_ns;
    taken.newly_over.push_back(
        {.scope = key.first, .name = key.second, .since_ns = now_ns});
  }
  if (taken.answer == Answer::kGranted) {
    for (const Key& key : keys) uses_[key].at_ns.push_back(now_ns);
  }
  forget_some();
  return taken;
}

void Budget::remember(const std::string& policy, const std::string& workload,
                      std::uint64_t then_ns) {
  for (const Key& key :
       {Key{kPolicy, policy}, Key{kWorkload, workload}, Key{kNode, ""}}) {
    uses_[key].at_ns.push_back(then_ns);
  }
}

void Budget::remember(const OverBudget& over) {
  uses_[{over.scope, over.name}].over_since_ns = over.since_ns;
}

std::vector<OverBudget> Budget::over(std::uint64_t now_ns) {
  std::vector<OverBudget> found;
  for (auto& [key, use] : uses_) {
    if (!is_over(key, use, now_ns)) continue;
    found.push_back({.scope = key.first,
                     .name = key.second,
                     .since_ns = use.over_since_ns});
  }
  return found;
}

void Budget::rearm() { uses_.clear(); }

void Budget::forget_some() {
  while (uses_.size() > kMaxWorkloads) {
    const auto oldest = std::min_element(
        uses_.begin(), uses_.end(), [](const auto& a, const auto& b) {
          const auto first = [](const Use& use) {
            return use.at_ns.empty() ? 0 : use.at_ns.front();
          };
          return first(a.second) < first(b.second);
        });
    uses_.erase(oldest);
  }
}

}  // namespace bailiff::sidecar
