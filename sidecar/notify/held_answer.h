// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/held_answer.h
// What a held call was answered, where somebody is to hear of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/observed_fields.h"

namespace bailiff::sidecar {

struct HeldAnswer {
  std::string id;                          // of the container
  ContainerPtr container;                  // nullptr: not known
  std::uint32_t tid = 0;                   // of the caller
  bailiff_call call = BAILIFF_CALL_COUNT;  // that: not known
  bool refused = false;
  // Of the container's generation, those that refuse it; ascending.  None:
  // nobody could judge it, and on_failure answered.
  std::vector<std::uint32_t> rules;
  // As it was judged; there where it was.
  std::optional<Observed> judged;
};

}  // namespace bailiff::sidecar
