// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/connect_fields.h"

#include <netinet/in.h>

#include <string>

#include "sidecar/alert/timestamp.h"
#include "sidecar/ingest/field_text.h"
#include "sidecar/ingest/user_names.h"

namespace bailiff::sidecar {
namespace {

std::vector<Value> number(std::uint64_t value) {
  return {static_cast<std::int64_t>(value)};
}

std::vector<Value> text(std::string value) { return {std::move(value)}; }

std::vector<Value> optional_text(const std::optional<std::string>& value) {
  if (!value) return {};
  return text(*value);
}

std::vector<Value> optional_number(const std::optional<std::int64_t>& value) {
  if (!value) return {};
  return {*value};
}

std::string protocol_name(std::uint8_t l4proto) {
  switch (l4proto) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return "icmp";
    default:  // every other IP protocol is reached through a raw socket
      return "raw";
  }
}

std::string endpoint(const ConnectEvent& event) {
  return to_string(event.address) + ":" + std::to_string(event.port);
}

// Before connect(2) a socket that was not bound has the wildcard address.
std::string tuple(const ConnectEvent& event) {
  return std::string(event.address.family == 4 ? "0.0.0.0:0" : ":::0") + "->" +
         endpoint(event);
}

}  // namespace

std::vector<Value> ConnectFields::extract(FieldId field,
                                          std::string_view /*argument*/) const {
  using enum FieldId;
  const bool ipv4 = event_.address.family == 4;
  switch (field) {
    case kEvtNum:
      return number(number_);
    case kEvtTime:
      return text(format_clock(realtime_ns_));
    case kEvtType:
      return text("connect");
    case kEvtDir:
      return text("<");
    case kEvtArgs:
      return text("res=0 addr=" + endpoint(event_));
    case kEvtRes:
      return text("SUCCESS");
    case kEvtRawres:
      return number(0);
    case kFdNum:
      return use_ == Use::kCondition ? number(0) : std::vector<Value>{};
    case kFdType:
      return text(ipv4 ? "ipv4" : "ipv6");
    case kFdTypechar:
      return text(ipv4 ? "4" : "6");
    case kFdName:
      return text(tuple(event_));
    case kFdSip:
    case kFdSnet:
    case kFdRip:
    case kFdRnet:
      return {event_.address};
    case kFdSport:
    case kFdRport:
      return number(event_.port);
    case kFdL4proto:
      return text(protocol_name(event_.l4proto));
    case kProcName:
      return text(event_.comm);
    case kProcPid:
      return number(event_.tgid);
    case kProcPname:
      return optional_text(process_.parent_comm);
    case kProcPpid:
      return optional_number(process_.ppid);
    case kProcExe:
      if (!process_.args || process_.args->empty()) return {};
      return text(process_.args->front());
    case kProcExepath:
      return optional_text(process_.exe_path);
    case kProcArgs:
      if (!process_.args) return {};
      return text(join_arguments(*process_.args));
    case kProcCmdline:
      if (!process_.args) return {};
      return text(command_line(event_.comm, *process_.args));
    case kProcCwd:
      return optional_text(process_.cwd);
    case kThreadTid:
      return number(event_.tid);
    case kUserUid:
      return number(event_.uid);
    case kUserName:
      return text(user_name(event_.uid));
    case kUserLoginuid:
      return optional_number(process_.login_uid);
    case kGroupGid:
      return number(event_.gid);
    default:
      // Of the container, or what a connect event does not tell: the unit test
      // goes by the table.
      return container_field(container_, field);
  }
}

}  // namespace bailiff::sidecar
