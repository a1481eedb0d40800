// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/budget.h
// How many responses are left; see ResponseLimits.  Times are any clock that
// does not go back.  Pure, one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "oci/spec/container_record.h"
#include "rules/document/service_config.h"
#include "sidecar/respond/journal.h"

namespace bailiff::sidecar {

// Workloads that are counted at once.  Past it the one that was first responded
// to the longest ago is forgotten, which only lets it have more responses.
inline constexpr std::size_t kMaxWorkloads = 4096;

// The containers of one image in one namespace are one workload: what restarts
// under another id or in another pod is the same.  Of a container without an
// image, its name or id.
std::string workload_of(const oci::ContainerRecord& record);

class Budget {
 public:
  explicit Budget(const ResponseLimits& limits) : limits_(limits) {}

  // What is counted stays; what was used up under the old limits stays so.
  void set_limits(const ResponseLimits& limits) { limits_ = limits; }

  enum class Answer { kGranted, kOverBudget, kCoolingDown };
  struct Taken {
    Answer answer = Answer::kGranted;
    // What this request used up; it was the first to find it so.
    std::vector<OverBudget> newly_over;
  };
  // Takes one response from all three budgets, or from none.
  Taken take(const std::string& policy, const std::string& workload,
             std::uint64_t now_ns);

  // As take() was told before a restart.
  void remember(const std::string& policy, const std::string& workload,
                std::uint64_t then_ns);
  void remember(const OverBudget& over);

  // What is used up now.
  std::vector<OverBudget> over(std::uint64_t now_ns);
  // All are whole again.
  void rearm();

 private:
  using Key = std::pair<std::string, std::string>;  // scope, name
  struct Use {
    std::deque<std::uint64_t> at_ns;
    std::uint64_t over_since_ns = 0;  // 0: it is not
  };

  std::uint32_t limit_of(const std::string& scope) const;
  bool is_over(const Key& key, Use& use, std::uint64_t now_ns) const;
  void forget_some();

  ResponseLimits limits_;
  std::map<Key, Use> uses_;
};

}  // namespace bailiff::sidecar
