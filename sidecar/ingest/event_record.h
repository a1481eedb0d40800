// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/event_record.h
// The records of the ring buffer (rules/abi/event.h) as typed events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "rules/base/result.h"
#include "rules/types/value.h"

namespace bailiff::sidecar {

// A connect(2) that matched a rule, or may have (`candidate`).
struct ConnectEvent {
  std::uint64_t monotonic_ns = 0;
  std::uint64_t cgroup_id = 0;
  std::uint64_t policy_id = 0;  // Digest::short_id()
  std::uint32_t rule = 0;  // index in that policy: to be checked against it
  std::uint32_t tgid = 0, tid = 0, uid = 0, gid = 0;  // as on the host
  std::string comm;
  IpAddress address;  // destination
  std::uint16_t port = 0;
  std::uint8_t l4proto = 0;  // IPPROTO_TCP, …
  bool denied = false;
  bool candidate = false;
};

// Programs of another version may have written the record, so nothing in it is
// believed to be in bounds.  kUnsupported for a kind this version does not
// know, kInvalidArgument for a record that is not what its kind says.
Result<ConnectEvent> parse_event(std::span<const std::byte> record);

}  // namespace bailiff::sidecar
