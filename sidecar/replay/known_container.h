// SPDX-License-Identifier: Apache-2.0
// sidecar/replay/known_container.h
// What a stored event tells of its container, and which policies that puts it
// under.  What was not stored is unknown, and stays so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"
#include "sidecar/alert/alert.h"
#include "sidecar/decide/decide.h"

namespace bailiff::sidecar {

// Of an alert: its container and what of it is among the output fields.  Of a
// container the service knew, a name, an image or a pod that is not there is
// none; of one that only Falco told of, it is unknown.
Facts facts_of(const Alert& alert);
// Of an event's fields: those of containers that it has.
Facts facts_of(const FieldSource& event);

// Fills in what alerts say of a container from an event's fields.
AlertContainer container_of(const FieldSource& event);

// A policy of which nobody can tell whether it applies.
struct OpenScope {
  std::uint32_t policy = 0;          // index in CompiledPolicy::policies
  std::vector<std::string> missing;  // the fields that would tell, each once
};

struct Scopes {
  std::vector<std::uint32_t> in_scope;  // ascending
  std::vector<OpenScope> open;
};
Scopes scopes_of(const CompiledPolicy& policy, const Facts& facts);

}  // namespace bailiff::sidecar
