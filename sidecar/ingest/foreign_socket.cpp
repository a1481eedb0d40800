// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/foreign_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <iterator>
#include <optional>
#include <utility>

#include "hook/attach/judged.h"
#include "hook/attach/told_names.h"
#include "rules/lower/inbound.h"
#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/field_text.h"

namespace bailiff::sidecar {
namespace {

class LoadedSource final : public ForeignSource {
 public:
  LoadedSource(hook::ForeignSockets sockets, hook::Pins pins)
      : sockets_(std::move(sockets)), pins_(std::move(pins)) {}
  Status attend(bool datagrams) override { return sockets_.attend(datagrams); }
  int fd() const override { return sockets_.fd(); }
  Result<bool> consume(int most) override { return sockets_.consume(most); }
  Result<hook::HeldSockets> held(pid_t pid) override {
    return sockets_.held(pid);
  }
  Status look_at_tasks() override { return sockets_.look_at_tasks(); }
  Result<std::uint64_t> take_lost() override { return sockets_.take_lost(); }
  Result<std::vector<std::uint64_t>> names_of(
      std::uint64_t cgroup_id, const IpAddress& address) override {
    return hook::told_names(pins_, cgroup_id, address, kernel_);
  }

 private:
  hook::ForeignSockets sockets_;
  const hook::Pins pins_;
  hook::LinuxKernel kernel_;
};

std::optional<SocketEnd> local_of(const bailiff_foreign& socket) {
  return socket_end(socket.family, socket.local_be, socket.local_port);
}

std::optional<SocketEnd> remote_of(const bailiff_foreign& socket) {
  return socket_end(socket.family, socket.remote_be, socket.remote_port);
}

bool is_ip(const bailiff_foreign& socket) {
  return socket.family == AF_INET || socket.family == AF_INET6;
}

std::uint8_t protocol_of(const bailiff_foreign& socket) {
  if (socket.protocol == IPPROTO_MPTCP) return IPPROTO_TCP;
  return static_cast<std::uint8_t>(socket.protocol);
}

std::string family_name(std::uint16_t family) {
  switch (family) {
    case AF_PACKET:
      return "packet";
    case AF_VSOCK:
      return "vsock";
    case AF_XDP:
      return "xdp";
    default:
      return "family " + std::to_string(family);
  }
}

}  // namespace

Result<std::unique_ptr<ForeignSource>> open_foreign_sockets(
    const std::string& bpf_dir, ForeignSource::Use use) {
  hook::LinuxKernel kernel;
  const hook::Pins pins(bpf_dir);
  ASSIGN_OR_RETURN(const hook::Map judged, hook::open_judged_map(pins, kernel));
  ASSIGN_OR_RETURN(const hook::Map senders,
                   kernel.open_map(pins.map(emit::MapKind::kSenders)));
  ASSIGN_OR_RETURN(hook::ForeignSockets sockets,
                   hook::ForeignSockets::load(judged, senders, pins.foreign(),
                                              std::move(use)));
  return std::unique_ptr<ForeignSource>(
      std::make_unique<LoadedSource>(std::move(sockets), pins));
}

bool listens(const bailiff_foreign& socket) {
  return socket.type == SOCK_STREAM && socket.state == TCP_LISTEN;
}

bool has_datagrams(const bailiff_foreign& socket) {
  return is_ip(socket) && socket.type != SOCK_STREAM;
}

bool has_peer(const bailiff_foreign& socket) {
  const bool has = socket.use == BAILIFF_FOREIGN_SENDS_TO ||
                   (socket.state != TCP_CLOSE && socket.state != TCP_LISTEN);
  return is_ip(socket) && has && remote_of(socket);
}

bool looks_accepted(const bailiff_foreign& socket) {
  return socket.use != BAILIFF_FOREIGN_CONNECTS && socket.local_port != 0 &&
         socket.local_port < kFirstClientPort && socket.type != SOCK_RAW;
}

bool goes_to_client(const bailiff_foreign& socket) {
  return socket.remote_port >= kFirstClientPort;
}

ConnectEvent connect_event(const bailiff_foreign& socket, bool accepted) {
  ConnectEvent event;
  event.judged_at = JudgedAt::kForeign;
  event.accepted = accepted;
  event.monotonic_ns = socket.time_ns;
  event.cgroup_id = socket.cgroup_id;
  event.tgid = socket.tgid;
  event.tid = socket.tid;
  event.uid = socket.uid;
  event.gid = socket.gid;
  event.comm.assign(socket.comm, ::strnlen(socket.comm, sizeof socket.comm));
  const SocketEnd remote = remote_of(socket).value_or(SocketEnd{});
  event.address = reached_host(remote.address);
  event.port = remote.port;
  if (const auto local = local_of(socket)) {
    event.local = local->address;
    event.local_port = local->port;
  }
  event.l4proto = protocol_of(socket);
  return event;
}

std::string name_of(const bailiff_foreign& socket) {
  if (!is_ip(socket)) return family_name(socket.family);
  std::string name(protocol_name(protocol_of(socket)));
  const auto local = local_of(socket);
  name += ' ' + (local ? to_string(*local) : "*");
  if (has_peer(socket)) name += "->" + to_string(*remote_of(socket));
  if (listens(socket)) name += " listening";
  return name;
}

}  // namespace bailiff::sidecar
