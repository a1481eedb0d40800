// SPDX-License-Identifier: Apache-2.0
// tests/bypass/technique.h
// The ways to reach an address that the suite tries, each from inside a
// container.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bailiff::bypass {

inline constexpr std::uint16_t kPort = 4444;
// Of the container itself.
inline constexpr char kOwnAddress[] = "127.0.0.66";
inline constexpr char kInterfaceAddress[] = "203.0.113.10";
inline constexpr char kInterfaceAddress6[] = "2001:db8:66::10";
inline constexpr std::uint16_t kElsewherePort = 4445;
inline constexpr std::uint16_t kRedirectedPort = 4446;
inline constexpr char kPayload[] = "bailiff";

// Where a technique sends to.
struct Target {
  in_addr v4{};
  in6_addr v6{};
  in_addr harmless4{};  // in no list
  std::string device;   // the interface that leads there
};

enum class Reaches : std::uint8_t {
  kV4,
  kV6,
  kNat64,       // v4, by NAT64's prefix: arrives as an IPv6 packet
  kBroadcast,   // 203.0.113.255
  kMulticast,   // 239.66.0.1
  kMulticast6,  // ff0e::66:1
  kJoined,      // 239.66.0.2: a group that is joined
  kJoined6,     // ff0e::66:2, too
  kLoopback,    // 127.0.0.1: stays inside
  kLoopback6,   // ::1, too
  kElsewhere,   // 203.0.113.250: what is sent to harmless4 at kElsewherePort
  // 203.0.113.251 and .252: what is sent there at kRedirectedPort, of UDP and
  // TCP
  kRedirected,
  kRedirectedTcp,
  // Those of addresses that stay inside and need a list of their own: tried
  // when they are named.
  kOwn,            // 127.0.0.66
  kInterface,      // 203.0.113.10
  kInterface6,     // 2001:db8:66::10
  kLoopbackAlone,  // 127.0.0.1, and not ::1
};

struct Technique {
  const char* name;
  const char* what;  // a line for the page
  Reaches reaches;
  // 0: the kernel took all of it; else the errno of what it refused.  Runs in
  // a process of its own, which is ended if it takes long.
  int (*run)(const Target& target);
  // Of one that not every kernel has: what of the kernel's configuration it
  // takes, and what would judge it.
  const char* needs = "";
  const char* judged_at = "";
};

// By the file that has them.
std::vector<Technique> socket_techniques();
std::vector<Technique> protocol_techniques();
std::vector<Technique> raw_techniques();
std::vector<Technique> xdp_techniques();
std::vector<Technique> io_uring_techniques();
std::vector<Technique> trick_techniques();
std::vector<Technique> call32_techniques();
std::vector<Technique> extension_techniques();
std::vector<Technique> place_techniques();
std::vector<Technique> forwarded_techniques();

// What the techniques share.
sockaddr_in name4(in_addr host, std::uint16_t port = kPort);
sockaddr_in6 name6(in6_addr host, std::uint16_t port = kPort);
in6_addr mapped(in_addr host);
in6_addr nat64(in_addr host);
// A socket whose connect and sends give up after a moment; the process ends
// with 128 + errno when there can be none.
int make_socket(int family, int type, int protocol = 0);
// errno of a failed call, else 0.
int error_of(long result);
// Of the internet protocols (RFC 1071), in network order.
std::uint16_t checksum(const void* bytes, std::size_t size);
int connect4(int fd, in_addr host);
int connect6(int fd, in6_addr host);
int send_to4(int fd, in_addr host, int flags = 0);
int send_to6(int fd, in6_addr host, int flags = 0);
// An IPv4 packet, and an IPv6 one, with UDP in it; `headers` are of those that
// extend IPv6's, in front of UDP's.
std::vector<std::uint8_t> packet4(in_addr to, std::uint8_t options = 0);
std::vector<std::uint8_t> packet6(
    in6_addr to, const std::vector<std::uint8_t>& headers = {});
// A raw socket is given the header.
int send_packet6(in6_addr to, const std::vector<std::uint8_t>& packet);
// That packet as a frame to everybody, by a socket of AF_PACKET at `device`.
int send_frame(in_addr to, const std::string& device);
int send_frame6(const std::vector<std::uint8_t>& packet,
                const std::string& device);

}  // namespace bailiff::bypass
