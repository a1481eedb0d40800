// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/foreign_socket.h
// A socket that a container has and that was made outside of it, as the kernel
// tells of it (rules/abi/foreign.h) and as a connection that rules are judged
// by.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hook/kernel/foreign.h"
#include "rules/abi/foreign.h"
#include "rules/base/result.h"
#include "sidecar/ingest/event_record.h"

namespace bailiff::sidecar {

// Where they are told.  One thread at a time.
class ForeignSource {
 public:
  using Use = std::function<void(const bailiff_foreign&)>;
  virtual ~ForeignSource() = default;
  // As of hook::ForeignSockets.
  virtual Status attend(bool datagrams) = 0;
  virtual int fd() const = 0;
  virtual Result<bool> consume(int most) = 0;
  virtual Result<hook::HeldSockets> held(pid_t pid) = 0;
  virtual Status look_at_tasks() = 0;
  virtual Result<std::uint64_t> take_lost() = 0;
  // As hook::told_names().
  virtual Result<std::vector<std::uint64_t>> names_of(
      std::uint64_t cgroup_id, const IpAddress& address) = 0;
};

// That of the containers entered in `bpf_dir`.
Result<std::unique_ptr<ForeignSource>> open_foreign_sockets(
    const std::string& bpf_dir, ForeignSource::Use use);

// Pure, all below.
bool listens(const bailiff_foreign& socket);
// It may send to another with each datagram.
bool has_datagrams(const bailiff_foreign& socket);
// It is connected, or on its way to be, to an end of the internet; or what it
// sends is.
bool has_peer(const bailiff_foreign& socket);
// Whether a peer is taken to have begun: the local end has a port that servers
// have, unless the container is seen to connect.
bool looks_accepted(const bailiff_foreign& socket);
// Whether what is sent goes to a port that clients have.
bool goes_to_client(const bailiff_foreign& socket);
// Precondition: has_peer().
ConnectEvent connect_event(const bailiff_foreign& socket, bool accepted);
// For people: "tcp 203.0.113.10:80->203.0.113.66:4711".
std::string name_of(const bailiff_foreign& socket);

}  // namespace bailiff::sidecar
