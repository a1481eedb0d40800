// SPDX-License-Identifier: Apache-2.0
// A record of either ring buffer.
#include <cstddef>
#include <cstdint>
#include <span>

#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/event_record.h"
#include "sidecar/ingest/observed_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const auto record = std::as_bytes(std::span(bytes, size));
  static_cast<void>(bailiff::sidecar::parse_event(record));
  if (const auto event = bailiff::sidecar::parse_observed(record)) {
    static_cast<void>(bailiff::sidecar::describe_descriptor(*event));
  }
  return 0;
}
