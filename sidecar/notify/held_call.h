// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/held_call.h
// A held call as the event it will be when it succeeds.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/base/result.h"
#include "rules/eval/evaluate.h"
#include "sidecar/ingest/observed_fields.h"

namespace bailiff::sidecar {

// Which call it is, with its arguments.  nullopt: none that is judged, as are
// the calls of a 32-bit socketcall(2) but for socket.  kUnsupported: it is not
// known what it is.
//
// Reads the caller's memory: that of a 32-bit socketcall(2), whose arguments
// are there, so that they may be others by the time the kernel reads them.
Result<std::optional<ObservedEvent>> call_of(const seccomp_notif& held);

// Which call that is by its number alone, without its caller's memory: of a
// 32-bit socketcall(2) it is socket, the only one that is judged.
// BAILIFF_CALL_COUNT: it is not known.
bailiff_call call_by_number(const seccomp_notif& held);

// Its fields.  What it takes of /proc is read when a rule first asks for it:
// most calls are none of its business.
class HeldFields final : public FieldSource {
 public:
  // Reads what the arguments of the call point to; the errors are those of
  // call_memory.h.
  static Result<HeldFields> read(const seccomp_notif& held, ObservedEvent event,
                                 const Facts& container);

  // All that is known of it, of its process too.
  Observed observed() const;

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    return owned(*this, field, argument);
  }
  void view(FieldId field, std::string_view argument,
            Views& views) const override;

 private:
  HeldFields(std::uint32_t tid, Observed observed, const Facts& container)
      : tid_(tid), observed_(std::move(observed)), container_(container) {}

  void read_process() const;

  const std::uint32_t tid_;
  // Of one thread; filled in by view().
  mutable Observed observed_;
  mutable bool process_read_ = false;
  const Facts& container_;
};

}  // namespace bailiff::sidecar
