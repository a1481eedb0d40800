// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/observed_fields.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/observed_record.h"
#include "sidecar/ingest/process_table.h"

namespace bailiff::sidecar {

// An event of the observer with all that is known of it when it is read.
struct Observed {
  ObservedEvent event;
  Lineage lineage;  // self is there
  std::optional<Descriptor> descriptor;
  bool name_changed = false;  // of the descriptor
  // What the client was asked for as, of those that rules name.
  std::vector<std::string> client_names;
  ClockOffsets clocks;
  std::uint64_t number = 0;  // evt.num
  // CLOCK_REALTIME; 0: not known.
  std::uint64_t container_start_ns = 0;
};

// Its fields.
class ObservedFields final : public FieldSource {
 public:
  // Borrows both.
  ObservedFields(const Observed& observed, const Facts& container)
      : observed_(observed), event_(observed.event), container_(container) {}

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    return owned(*this, field, argument);
  }
  void view(FieldId field, std::string_view argument,
            Views& views) const override;
  // Of the event, by CLOCK_REALTIME.
  std::uint64_t realtime_ns() const;

 private:
  const Process& self() const { return *observed_.lineage.self; }
  // CLOCK_REALTIME of a time of CLOCK_BOOTTIME.
  std::uint64_t from_boottime(std::uint64_t boottime_ns) const;

  bool view_event(FieldId field, std::string_view argument, Views& views) const;
  bool view_process(FieldId field, std::string_view argument,
                    Views& views) const;
  bool view_parent(FieldId field, Views& views) const;
  bool view_ancestors(FieldId field, std::string_view argument,
                      Views& views) const;
  bool view_program_file(FieldId field, Views& views) const;
  bool view_user(FieldId field, Views& views) const;
  bool view_descriptor(FieldId field, Views& views) const;
  bool view_container(FieldId field, Views& views) const;

  const Observed& observed_;
  const ObservedEvent& event_;
  const Facts& container_;
};

}  // namespace bailiff::sidecar
