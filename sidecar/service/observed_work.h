// SPDX-License-Identifier: Apache-2.0
// sidecar/service/observed_work.h
// What follows from an event of the observer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "rules/eval/matcher.h"
#include "sidecar/decide/decide.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/observed_fields.h"
#include "sidecar/service/draft.h"

namespace bailiff::sidecar {

// A rule that holds for the event.
struct ObservedHit {
  std::uint32_t rule = 0;
  Enforcement enforcement = Enforcement::kObserve;
  Decision decision;
};

// An event with the rules that hold for it, as the recorder keeps it.
struct SeenObserved {
  Observed observed;
  ContainerPtr container;  // has a generation
  std::shared_ptr<const Settings> settings;
  std::vector<ObservedHit> hits;

  // The hit that asks for the strongest response; nullptr: none asks for one.
  const ObservedHit* strongest() const;
};

// Judges the event by the rules its container is observed for.  What the kernel
// decided of a program before it ran is not decided again.  A call that seccomp
// stands before, and that failed with EPERM, was refused by each such rule that
// it would have fulfilled by succeeding, and by those of `refused_by`, as its
// judge said.  Of a connection that failed so, and that a hook refuses by a
// rule, the hook has told.
std::vector<ObservedHit> judge(
    const Observed& observed, const Container& container,
    const Settings& settings, MatchMemory& memory,
    const std::vector<std::uint32_t>& refused_by = {});

// What a held call was judged by, in place of what the observer found in the
// caller's memory and at its descriptors once it had returned.
void restore(ObservedEvent& event, const ObservedEvent& judged);

std::vector<Draft> drafts_of(const SeenObserved& seen);

}  // namespace bailiff::sidecar
