// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/event_record.h"

#include <stddef.h>
#include <string.h>

#include <algorithm>
#include <optional>

#include "rules/abi/event.h"

namespace bailiff::sidecar {
namespace {

Error malformed(const std::string& why) {
  return Error{Code::kInvalidArgument, "event record: " + why};
}

IpAddress address_of(std::uint8_t family, const std::uint8_t (&bytes)[16]) {
  IpAddress address{.family = family};
  std::copy_n(bytes, family == 4 ? 4 : 16, address.bytes.begin());
  return address;
}

std::optional<JudgedAt> judged_at_of(std::uint32_t hook) {
  switch (hook) {
    case BAILIFF_HOOK_CONNECT:
      return JudgedAt::kConnect;
    case BAILIFF_HOOK_SENDMSG:
      return JudgedAt::kSendmsg;
    case BAILIFF_HOOK_EGRESS:
      return JudgedAt::kEgress;
    case BAILIFF_HOOK_FRAME:
      return JudgedAt::kFrame;
    case BAILIFF_HOOK_QUERY:
      return JudgedAt::kQuery;
    case BAILIFF_HOOK_INGRESS:
      return JudgedAt::kIngress;
    case BAILIFF_HOOK_BIND:
      return JudgedAt::kBind;
    default:  // of another version
      return std::nullopt;
  }
}

}  // namespace

std::string_view to_string(JudgedAt place) {
  switch (place) {
    case JudgedAt::kConnect:
      return "connect";
    case JudgedAt::kSendmsg:
      return "sendmsg";
    case JudgedAt::kEgress:
      return "egress";
    case JudgedAt::kFrame:
      return "frame";
    case JudgedAt::kQuery:
      return "query";
    case JudgedAt::kIngress:
      return "ingress";
    case JudgedAt::kBind:
      return "bind";
    case JudgedAt::kForeign:
      return "foreign";
  }
  return "";
}

namespace {

// Programs that run since before several were told write one.
std::vector<std::uint64_t> names_of(const bailiff_named_event& record) {
  std::vector<std::uint64_t> names;
  if (record.event.name != 0) names.push_back(record.event.name);
  for (const std::uint64_t name : record.names) {
    if (name != 0 && name != record.event.name) names.push_back(name);
  }
  return names;
}

}  // namespace

Result<ConnectEvent> parse_event(std::span<const std::byte> record) {
  bailiff_event header{};
  if (record.size() < sizeof header) {
    return malformed("'" + std::to_string(record.size()) + "' bytes");
  }
  ::memcpy(&header, record.data(), sizeof header);
  // The ring buffer rounds up to 8 bytes, so a record may be followed by
  // padding but never cut.
  if (header.size > record.size()) {
    return malformed("size '" + std::to_string(header.size) + "' of '" +
                     std::to_string(record.size()) + "'");
  }
  if (header.kind != BAILIFF_EVENT_CONNECT) {
    return Error{Code::kUnsupported,
                 "event record: kind '" + std::to_string(header.kind) + "'"};
  }
  bailiff_named_event named{};
  // Programs that run since before there were names write none.
  constexpr std::size_t kLeast = offsetof(bailiff_connect_event, name);
  if (header.size < kLeast) {
    return malformed("a connect of '" + std::to_string(header.size) +
                     "' bytes");
  }
  ::memcpy(&named, record.data(),
           std::min<std::size_t>(header.size, sizeof named));
  const bailiff_connect_event& connect = named.event;
  if (connect.family != 4 && connect.family != 6) {
    return malformed("family '" + std::to_string(connect.family) + "'");
  }
  if (header.verdict != BAILIFF_VERDICT_ALLOWED &&
      header.verdict != BAILIFF_VERDICT_DENIED) {
    return malformed("verdict '" + std::to_string(header.verdict) + "'");
  }

  const auto judged_at = judged_at_of(connect.hook);
  if (!judged_at) {
    return malformed("hook '" + std::to_string(connect.hook) + "'");
  }

  ConnectEvent event;
  event.judged_at = *judged_at;
  event.monotonic_ns = header.time_ns;
  event.cgroup_id = header.cgroup_id;
  event.policy_id = header.policy_id;
  event.rule = header.rule;
  event.tgid = header.tgid;
  event.tid = header.tid;
  event.uid = header.uid;
  event.gid = header.gid;
  event.address = address_of(connect.family, connect.addr_be);
  if (event.judged_at == JudgedAt::kIngress) {
    if (header.local_family != 4 && header.local_family != 6) {
      return malformed("family '" + std::to_string(header.local_family) + "'");
    }
    event.local = address_of(header.local_family, header.local_be);
    event.local_port = header.local_port;
  } else {
    if (event.judged_at == JudgedAt::kConnect ||
        event.judged_at == JudgedAt::kSendmsg) {
      event.local_port = header.local_port;
    }
    event.comm.assign(header.comm, ::strnlen(header.comm, sizeof header.comm));
  }
  event.port = connect.port;
  event.l4proto = connect.l4proto;
  event.name_hash = connect.name;
  event.name_hashes = names_of(named);
  event.denied = header.verdict == BAILIFF_VERDICT_DENIED;
  event.candidate = (header.flags & BAILIFF_EVENT_CANDIDATE) != 0;
  return event;
}

}  // namespace bailiff::sidecar
