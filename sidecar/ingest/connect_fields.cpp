// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/connect_fields.h"

#include <netinet/in.h>

#include <charconv>
#include <string>
#include <vector>

#include "rules/lower/inbound.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/field_text.h"
#include "sidecar/ingest/user_names.h"

namespace bailiff::sidecar {
namespace {

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

template <typename T>
void add_if_known(const std::optional<T>& value, Views& views) {
  if (value) views.add(*value);
}

std::string endpoint(const ConnectEvent& event) {
  return to_string(event.address) + ":" + std::to_string(event.port);
}

// Whether the socket has all that it will have.
bool is_settled(const ConnectEvent& event) {
  return event.judged_at == JudgedAt::kIngress ||
         event.judged_at == JudgedAt::kBind ||
         event.judged_at == JudgedAt::kForeign;
}

// Whether it is known of the socket that it has no port yet.
bool is_before(const ConnectEvent& event) {
  return event.judged_at == JudgedAt::kConnect ||
         event.judged_at == JudgedAt::kSendmsg;
}

// The ends of what comes in, is bound or is connected; of what is to be sent,
// the remote one.
Descriptor descriptor_of(const ConnectEvent& event) {
  Descriptor descriptor;
  const SocketEnd end{.address = event.address, .port = event.port};
  if (event.judged_at == JudgedAt::kBind) {
    descriptor.local = end;
    descriptor.is_server = true;
    return descriptor;
  }
  descriptor.remote = end;
  if (event.judged_at == JudgedAt::kForeign) {
    if (event.local_port != 0) {
      descriptor.local =
          SocketEnd{.address = event.local, .port = event.local_port};
    }
    descriptor.connected = true;
    descriptor.is_server = event.accepted;
    return descriptor;
  }
  if (event.judged_at != JudgedAt::kIngress) return descriptor;
  descriptor.local =
      SocketEnd{.address = event.local, .port = event.local_port};
  // As the program has it.
  descriptor.connected = event.l4proto == IPPROTO_TCP;
  descriptor.is_server =
      descriptor.connected || event.local_port < kFirstClientPort;
  return descriptor;
}

// Before connect(2) a socket that was not bound has the wildcard address.
std::string tuple(const ConnectEvent& event) {
  if (is_settled(event)) return tuple_name(descriptor_of(event));
  return std::string(event.address.family == 4 ? "0.0.0.0:" : ":::") +
         std::to_string(event.local_port) + "->" + endpoint(event);
}

}  // namespace

// The client's, of what is to be connected or sent.
void ConnectFields::view_local_port(Views& views) const {
  if (event_.local_port != 0) {
    views.add(std::int64_t{event_.local_port});
  } else if (use_ == Use::kCondition && is_before(event_)) {
    views.add(std::int64_t{kFirstClientPort});
  }
}

// Read only when it is asked for, which few rules do.
void ConnectFields::view_ancestors(std::string_view argument,
                                   Views& views) const {
  if (!of_process()) return;
  if (argument == "0") return views.add(event_.comm);
  if (!process_.ppid) return;
  std::vector<std::string> names = read_names_from(*process_.ppid);
  if (names.empty() && process_.parent_comm) {
    names.push_back(*process_.parent_comm);
  }
  if (argument.empty()) {
    for (std::string& name : names) views.keep(std::move(name));
    return;
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(
      argument.data(), argument.data() + argument.size(), index);
  if (error != std::errc() || end != argument.data() + argument.size()) return;
  if (index >= 1 && index <= names.size()) {
    views.keep(std::move(names[index - 1]));
  }
}

void ConnectFields::view(FieldId field, std::string_view argument,
                         Views& views) const {
  using enum FieldId;
  const bool ipv4 = event_.address.family == 4;
  switch (field) {
    case kEvtNum:
      return views.add(number(number_));
    case kEvtTime:
      return views.keep(format_clock(realtime_ns_));
    case kEvtType:
      return views.add(event_.type);
    case kEvtDir:
      return views.add("<");
    case kEvtArgs:
      return views.keep(
          event_.type == "connect" ? "res=0 addr=" + endpoint(event_)
          : event_.type == "bind"  ? "res=0 addr=" + endpoint(event_)
                                   : "tuple=" + tuple(event_));
    case kEvtRes:
      return views.add("SUCCESS");
    case kEvtRawres:
      return views.add(std::int64_t{0});
    case kFdNum:
      if (use_ == Use::kCondition) views.add(std::int64_t{0});
      return;
    case kFdType:
      return views.add(ipv4 ? "ipv4" : "ipv6");
    case kFdTypechar:
      return views.add(ipv4 ? "4" : "6");
    case kFdName:
      return views.keep(tuple(event_));
    case kFdPort:
    case kFdCport:
    case kFdLport:
      if (!is_settled(event_)) {
        view_local_port(views);
        if (field != kFdPort) return;
      }
      [[fallthrough]];
    case kFdIp:
    case kFdNet:
    case kFdCip:
    case kFdCnet:
    case kFdLip:
    case kFdLnet:
    case kFdSip:
    case kFdSnet:
    case kFdSport:
    case kFdRip:
    case kFdRnet:
    case kFdRport:
      view_end(field, descriptor_of(event_), views);
      return;
    case kFdIsServer:
      if (is_settled(event_)) views.add(descriptor_of(event_).is_server);
      return;
    case kFdConnected:
      if (is_settled(event_)) views.add(descriptor_of(event_).connected);
      return;
    case kFdSockfamily:
      return views.add("ip");
    case kEvtFailed:
      return views.add(false);
    case kSyscallType:
      if (is_settled(event_)) views.add(event_.type);
      return;
    case kFdSipName:
    case kFdRipName:
      if (use_ == Use::kOutput) {
        if (!event_.name.empty()) views.add(event_.name);
        return;
      }
      for (const std::string& name : event_.names) views.add(name);
      return;
    case kFdL4proto:
      return views.add(protocol_name(event_.l4proto));
    case kProcName:
      if (of_process()) views.add(event_.comm);
      return;
    case kProcPid:
      if (of_process()) views.add(number(event_.tgid));
      return;
    case kProcAname:
      return view_ancestors(argument, views);
    case kProcPname:
      return add_if_known(process_.parent_comm, views);
    case kProcPpid:
      return add_if_known(process_.ppid, views);
    case kProcExe:
      if (process_.args && !process_.args->empty()) {
        views.add(process_.args->front());
      }
      return;
    case kProcExepath:
      return add_if_known(process_.exe_path, views);
    case kProcArgs:
      if (process_.args) views.keep(join_arguments(*process_.args));
      return;
    case kProcCmdline:
      if (process_.args) {
        views.keep(command_line(event_.comm, *process_.args));
      }
      return;
    case kProcCwd:
      return add_if_known(process_.cwd, views);
    case kProcTty:
      return add_if_known(process_.tty, views);
    case kThreadTid:
      if (of_process()) views.add(number(event_.tid));
      return;
    case kThreadIsmain:
      if (of_process()) views.add(event_.tid == event_.tgid);
      return;
    case kUserUid:
      if (of_process()) views.add(number(event_.uid));
      return;
    case kUserName:
      if (of_process()) views.keep(user_name(event_.uid));
      return;
    case kUserLoginuid:
      return add_if_known(process_.login_uid, views);
    case kGroupGid:
      if (of_process()) views.add(number(event_.gid));
      return;
    default:
      // Of the container, or what a connect event does not tell: the unit test
      // goes by the table.
      return view_container_field(container_, field, argument, views);
  }
}

}  // namespace bailiff::sidecar
