// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/event_line.h
#pragma once

#include <string>

#include "rules/eval/evaluate.h"
#include "sidecar/evidence/secrets.h"

namespace bailiff::sidecar {

// All that is known of an event: one JSON object from Falco's fields to values
// (a list is an array), without the line end.  What cannot be told is left out.
std::string event_line(const FieldSource& event, Secrets secrets);

}  // namespace bailiff::sidecar
