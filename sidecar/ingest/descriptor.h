// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/descriptor.h
// What a system call tells of the descriptor it makes or uses: fd.*.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/eval/evaluate.h"
#include "rules/types/value.h"
#include "sidecar/ingest/observed_record.h"

namespace bailiff::sidecar {

struct SocketEnd {
  IpAddress address;
  std::uint16_t port = 0;
};

struct Descriptor {
  std::int64_t number = -1;  // -1: the call failed to make it
  std::string_view type;     // "file"; "" when there is none
  std::string_view typechar;
  std::string name;                     // path, or CLIENT->SERVER
  std::optional<std::string> name_raw;  // path, as the caller gave it
  std::string_view l4proto;             // of a socket of the internet
  bool connected = false;
  bool is_server = false;
  // An end that has no address yet, as that of a socket that was not bound, is
  // absent: 0.0.0.0 is nobody's address.
  std::optional<SocketEnd> local, remote;
  // What bind(2) was given, whether it got it or not.
  std::optional<SocketEnd> given;
  std::uint64_t inode = 0;

  bool is_ip() const { return typechar == "4" || typechar == "6"; }
  const std::optional<SocketEnd>& client() const {
    return is_server ? remote : local;
  }
  const std::optional<SocketEnd>& server() const {
    return is_server ? local : remote;
  }
};

// nullopt: the call is about no descriptor.
//
// Which end is the server is known of connect, accept and listen.  Of what is
// sent and received it is guessed, as in Falco: the end with a port that
// clients are not given is the server.
std::optional<Descriptor> describe_descriptor(const ObservedEvent& event);

// The path without '.', '..' and doubled '/', below `base` when it is relative.
// One that is relative to something unknown stays so; where it climbs out of a
// base that has lost its beginning, it is taken to begin at the root.  Links
// are not followed.
std::string absolute_path(const std::string& path,
                          const std::optional<std::string>& base);

// One end of a socket, as records have it; an IPv4 address in an IPv6 one is
// itself.  nullopt: of another family than AF_INET and AF_INET6, or neither
// bound nor connected.
std::optional<SocketEnd> socket_end(std::uint16_t family,
                                    const std::uint8_t (&bytes)[16],
                                    std::uint16_t port);

// "1.2.3.4:80" as in fd.name.
std::string to_string(const SocketEnd& end);
// fd.name of a socket of the internet.
std::string tuple_name(const Descriptor& descriptor);
// Adds the value of a field of the client, the server, the local, the remote or
// either end; false: it is none of those.
bool view_end(FieldId field, const Descriptor& descriptor, Views& views);

}  // namespace bailiff::sidecar
