// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/connect_fields.h
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"
#include "sidecar/ingest/event_record.h"
#include "sidecar/ingest/process_facts.h"

namespace bailiff::sidecar {

// The fields of a connect event, and of what else is judged before it happens.
//
// The event was judged before the connection was made, so that its result does
// not exist; it is told as if it had succeeded (falco-language, "Result
// dependence"), whatever the verdict: evt.res, evt.rawres, and the descriptor.
class ConnectFields final : public FieldSource {
 public:
  enum class Use {
    // fd.num is 0, as some descriptor there must have been; and the port that a
    // socket without one is to get is of those that Linux gives.
    kCondition,
    kOutput,  // neither is told, as nobody knows which
  };

  // Borrows `event`, `process` and `container`.  `number` is evt.num.
  ConnectFields(const ConnectEvent& event, const ProcessFacts& process,
                const Facts& container, std::uint64_t realtime_ns,
                std::uint64_t number, Use use)
      : event_(event),
        process_(process),
        container_(container),
        realtime_ns_(realtime_ns),
        number_(number),
        use_(use) {}

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    return owned(*this, field, argument);
  }
  void view(FieldId field, std::string_view argument,
            Views& views) const override;

 private:
  void view_local_port(Views& views) const;
  void view_ancestors(std::string_view argument, Views& views) const;
  // A packet is nobody's, but where its sender is known: see ConnectEvent.
  bool of_process() const {
    switch (event_.judged_at) {
      case JudgedAt::kEgress:
      case JudgedAt::kFrame:
      case JudgedAt::kIngress:
      case JudgedAt::kQuery:
        return event_.tgid != 0;
      default:
        return true;
    }
  }

  const ConnectEvent& event_;
  const ProcessFacts& process_;
  const Facts& container_;
  std::uint64_t realtime_ns_;
  std::uint64_t number_;
  Use use_;
};

}  // namespace bailiff::sidecar
