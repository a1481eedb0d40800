// SPDX-License-Identifier: Apache-2.0
// rules/eval/matcher.h
// Which rules fire for an event: what evaluate() says of each of them, for many
// events a second.
//
// The conditions of all rules become one graph, in which what several have in
// common stands once and is decided at most once for an event.  For each event
// type there is a list of the rules that may fire, with what they say of
// evt.type decided.  A field is extracted when the first check asks for it.
// What is cheap and likely to settle the matter is asked first; that changes
// nothing, as checks have no effects.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/eval/value_view.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff {

struct MatchPlan;

// What a match needs besides the event, kept for the next one, so that in the
// end none allocates.  For one thread at a time, with any matchers in turn.
class MatchMemory {
 private:
  friend class Matcher;

  struct Slot {
    std::uint32_t event = 0;  // whose values these are
    std::uint32_t begin = 0;  // in `views_`
    std::uint32_t end = 0;
  };

  // Makes everything as it is before anything is known of an event.
  void begin(const MatchPlan& plan);

  // The number of the event: from 1, as nothing is known of event 0.
  std::uint32_t event_ = 0;
  std::vector<Slot> slots_;
  // Of each node, the event it was decided for, and in the lowest bit how.
  std::vector<std::uint32_t> decided_;
  Views views_;
  std::vector<std::uint32_t> fired_;
};

// Never changes; safe from any thread.
class Matcher {
 public:
  // Prepares the enabled rules.  Nothing of `policy` is borrowed.  Takes memory
  // of the order of the policy's own.
  explicit Matcher(const CompiledPolicy& policy);
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  ~Matcher();

  // The enabled rules whose condition holds, by index in
  // CompiledPolicy::rules, ascending.  What is returned is the memory's, until
  // its next use.
  std::span<const std::uint32_t> match(const FieldSource& event,
                                       MatchMemory& memory) const;
  // Those of `rules` that do, in their order.
  std::span<const std::uint32_t> match(const FieldSource& event,
                                       std::span<const std::uint32_t> rules,
                                       MatchMemory& memory) const;

 private:
  class Match;

  std::unique_ptr<const MatchPlan> plan_;
};

}  // namespace bailiff
