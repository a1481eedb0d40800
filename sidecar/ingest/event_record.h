// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/event_record.h
// The records of the ring buffer (rules/abi/event.h) as typed events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/result.h"
#include "rules/types/value.h"

namespace bailiff::sidecar {

// Where an operation was judged.
enum class JudgedAt : std::uint8_t {
  kConnect,
  kSendmsg,
  kEgress,
  kFrame,
  kQuery,
  kIngress,
  kBind,
  kForeign  // by the service: a socket that was made outside (foreign_socket.h)
};
std::string_view to_string(JudgedAt place);  // "connect"

// A connect(2), or what reaches an address as one, that matched a rule or may
// have (`candidate`).  Of a packet (kEgress, kFrame, kIngress, and kQuery,
// which asks for a name) nobody knows the process: tgid, tid, uid and gid are 0
// and comm is empty.  But where one leaves an interface over a socket that was
// made outside of the container.
struct ConnectEvent {
  std::uint64_t monotonic_ns = 0;
  // The container's; of a frame, that or one below it, or 0: nobody knows.
  std::uint64_t cgroup_id = 0;
  std::uint64_t policy_id = 0;  // Generation::policy_id()
  std::uint32_t rule = 0;  // index in that policy: to be checked against it
  std::uint32_t tgid = 0, tid = 0, uid = 0, gid = 0;  // as on the host
  std::string comm;
  // Destination; of what comes in (kIngress), where it is from; of a bind(2)
  // (kBind), the socket's own.
  IpAddress address;
  std::uint16_t port = 0;
  // kIngress: what it is for; kForeign: the socket's own, as far as it is
  // known; kConnect, kSendmsg and kEgress: its port alone, 0 while it has none
  // or nobody tells it.
  IpAddress local;
  std::uint16_t local_port = 0;
  std::uint8_t l4proto = 0;  // IPPROTO_TCP, …
  JudgedAt judged_at = JudgedAt::kConnect;
  std::uint64_t name_hash = 0;  // of the host's name (dns.h); 0: none known
  // Of each name the host is listed as, that one included.
  std::vector<std::uint64_t> name_hashes;
  // The names themselves: the one that is told, and those the rule is judged
  // by.  Not in the record: the reader looks them up.
  std::string name;
  std::vector<std::string> names;
  // The type of event it is to the rule (evt.type): a datagram may fulfil it as
  // the connection it replaces.  Not in the record: the reader finds out.
  std::string_view type = "connect";
  bool accepted = false;  // kForeign: the peer has begun it
  bool denied = false;
  bool candidate = false;
};

// Programs of another version may have written the record, so nothing in it is
// believed to be in bounds.  kUnsupported for a kind this version does not
// know, kInvalidArgument for a record that is not what its kind says.
Result<ConnectEvent> parse_event(std::span<const std::byte> record);

}  // namespace bailiff::sidecar
