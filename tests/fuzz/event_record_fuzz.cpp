// SPDX-License-Identifier: Apache-2.0
// A record of the ring buffer.
#include <cstddef>
#include <cstdint>
#include <span>

#include "sidecar/ingest/event_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  static_cast<void>(
      bailiff::sidecar::parse_event(std::as_bytes(std::span(bytes, size))));
  return 0;
}
