// SPDX-License-Identifier: Apache-2.0
// Sockets used as they are meant to be.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

int tcp_connect(const Target& to) {
  return connect4(make_socket(AF_INET, SOCK_STREAM), to.v4);
}

int tcp_connect_nonblocking(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  const int error = connect4(fd, to.v4);
  if (error != EINPROGRESS) return error;
  pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
  ::poll(&writable, 1, 300);
  return 0;
}

int udp_connect(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  if (const int error = connect4(fd, to.v4)) return error;
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

int udp_sendto(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_DGRAM), to.v4);
}

// Fills a message to the target; what it points to must outlive it.
struct Message {
  explicit Message(in_addr host) : name(name4(host)) {
    header.msg_name = &name;
    header.msg_namelen = sizeof name;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
  }
  Message(const Message&) = delete;
  sockaddr_in name;
  char text[sizeof kPayload] = "";
  iovec part{.iov_base = text, .iov_len = sizeof text};
  msghdr header{};
};

int udp_sendmsg(const Target& to) {
  const Message message(to.v4);
  return error_of(
      ::sendmsg(make_socket(AF_INET, SOCK_DGRAM), &message.header, 0));
}

// Harmless first: the call succeeds as far as it gets.
int udp_sendmmsg(const Target& to) {
  const Message harmless(to.harmless4);
  const Message listed(to.v4);
  std::array<mmsghdr, 2> messages{};
  messages[0].msg_hdr = harmless.header;
  messages[1].msg_hdr = listed.header;
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  if (::sendmmsg(fd, messages.data(), 2, 0) == 2) return 0;
  return error_of(::sendmmsg(fd, &messages[1], 1, 0));
}

int udp_unspec_name(const Target& to) {
  sockaddr_in name = name4(to.v4);
  name.sin_family = AF_UNSPEC;
  return error_of(
      ::sendto(make_socket(AF_INET, SOCK_DGRAM), kPayload, sizeof kPayload, 0,
               reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int udp_v4_name_on_v6(const Target& to) {
  return send_to4(make_socket(AF_INET6, SOCK_DGRAM), to.v4);
}

int tcp6_connect(const Target& to) {
  return connect6(make_socket(AF_INET6, SOCK_STREAM), to.v6);
}

int udp6_connect(const Target& to) {
  const int fd = make_socket(AF_INET6, SOCK_DGRAM);
  if (const int error = connect6(fd, to.v6)) return error;
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

int udp6_sendto(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_DGRAM), to.v6);
}

int tcp_mapped(const Target& to) {
  return connect6(make_socket(AF_INET6, SOCK_STREAM), mapped(to.v4));
}

int udp_mapped(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_DGRAM), mapped(to.v4));
}

int tcp_nat64(const Target& to) {
  return connect6(make_socket(AF_INET6, SOCK_STREAM), nat64(to.v4));
}

int udp_nat64(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_DGRAM), nat64(to.v4));
}

int tcp_zero_address(const Target&) {
  const int error = connect4(make_socket(AF_INET, SOCK_STREAM), in_addr{0});
  return error == ECONNREFUSED ? 0 : error;
}

int udp_zero_address(const Target&) {
  return send_to4(make_socket(AF_INET, SOCK_DGRAM), in_addr{0});
}

int tcp6_zero_address(const Target&) {
  const int error = connect6(make_socket(AF_INET6, SOCK_STREAM), in6_addr{});
  return error == ECONNREFUSED ? 0 : error;
}

int udp6_zero_address(const Target&) {
  return send_to6(make_socket(AF_INET6, SOCK_DGRAM), in6_addr{});
}

// A socket with an address of its own reaches that one.
int from_own_address(in_addr host, int type) {
  const int fd = make_socket(AF_INET, type);
  const sockaddr_in own = name4(host, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0) {
    return errno;
  }
  const int error =
      type == SOCK_STREAM ? connect4(fd, in_addr{0}) : send_to4(fd, in_addr{0});
  return error == ECONNREFUSED ? 0 : error;
}

int tcp_zero_address_own(const Target& to) {
  return from_own_address(to.v4, SOCK_STREAM);
}

int udp_zero_address_own(const Target& to) {
  return from_own_address(to.v4, SOCK_DGRAM);
}

// The same over IPv6.
int from_own_address6(in6_addr host, int type, in6_addr to) {
  const int fd = make_socket(AF_INET6, type);
  const sockaddr_in6 own = name6(host, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0) {
    return errno;
  }
  const int error = type == SOCK_STREAM ? connect6(fd, to) : send_to6(fd, to);
  return error == ECONNREFUSED ? 0 : error;
}

in6_addr interface6() {
  in6_addr own{};
  ::inet_pton(AF_INET6, kInterfaceAddress6, &own);
  return own;
}

in6_addr own_mapped() {
  in_addr own{};
  ::inet_pton(AF_INET, kOwnAddress, &own);
  return mapped(own);
}

int tcp6_zero_address_bound(const Target&) {
  return from_own_address6(interface6(), SOCK_STREAM, in6_addr{});
}

int udp6_zero_address_bound(const Target&) {
  return from_own_address6(interface6(), SOCK_DGRAM, in6_addr{});
}

int tcp6_interface(const Target& to) {
  return from_own_address6(to.v6, SOCK_STREAM, to.v6);
}

int udp6_interface(const Target& to) {
  return from_own_address6(to.v6, SOCK_DGRAM, to.v6);
}

int tcp_mapped_zero(const Target& to) {
  return from_own_address6(mapped(to.v4), SOCK_STREAM, mapped(in_addr{0}));
}

int udp_mapped_zero(const Target& to) {
  return from_own_address6(mapped(to.v4), SOCK_DGRAM, mapped(in_addr{0}));
}

// :: is IPv4's loopback to a socket with such an address.
int tcp_zero_address_mapped(const Target&) {
  return from_own_address6(own_mapped(), SOCK_STREAM, in6_addr{});
}

int udp_zero_address_mapped(const Target&) {
  return from_own_address6(own_mapped(), SOCK_DGRAM, in6_addr{});
}

int tcp_fast_open(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_STREAM), to.v4, MSG_FASTOPEN);
}

int tcp6_fast_open(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_STREAM), to.v6, MSG_FASTOPEN);
}

// A TCP socket, or one of MPTCP, that fast open has been asked of.
int fast_open_socket(int family, int protocol, int option) {
  const int fd = make_socket(family, SOCK_STREAM, protocol);
  const int on = 1;
  if (::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on) < 0) {
    ::_exit(errno);
  }
  return fd;
}

int connect_and_send4(int fd, in_addr host) {
  if (const int error = connect4(fd, host)) return error;
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

int connect_and_send6(int fd, in6_addr host) {
  if (const int error = connect6(fd, host)) return error;
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

int tcp_fast_open_connect(const Target& to) {
  return connect_and_send4(fast_open_socket(AF_INET, 0, TCP_FASTOPEN_CONNECT),
                           to.v4);
}

int tcp6_fast_open_connect(const Target& to) {
  return connect_and_send6(fast_open_socket(AF_INET6, 0, TCP_FASTOPEN_CONNECT),
                           to.v6);
}

// With its bytes in the first packet, without having been there before.
int tcp_fast_open_bytes(const Target& to) {
  return send_to4(fast_open_socket(AF_INET, 0, TCP_FASTOPEN_NO_COOKIE), to.v4,
                  MSG_FASTOPEN);
}

int tcp6_fast_open_bytes(const Target& to) {
  return send_to6(fast_open_socket(AF_INET6, 0, TCP_FASTOPEN_NO_COOKIE), to.v6,
                  MSG_FASTOPEN);
}

int mptcp_connect(const Target& to) {
  return connect4(make_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), to.v4);
}

int mptcp_fast_open(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), to.v4,
                  MSG_FASTOPEN);
}

int mptcp_fast_open_connect(const Target& to) {
  return connect_and_send4(
      fast_open_socket(AF_INET, IPPROTO_MPTCP, TCP_FASTOPEN_CONNECT), to.v4);
}

int mptcp6_fast_open(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP), to.v6,
                  MSG_FASTOPEN);
}

int mptcp6_fast_open_connect(const Target& to) {
  return connect_and_send6(
      fast_open_socket(AF_INET6, IPPROTO_MPTCP, TCP_FASTOPEN_CONNECT), to.v6);
}

// Longer than a packet: it leaves in fragments.
int udp_fragmented(const Target& to) {
  const std::array<char, 4000> bytes{};
  const sockaddr_in name = name4(to.v4);
  return error_of(
      ::sendto(make_socket(AF_INET, SOCK_DGRAM), bytes.data(), bytes.size(), 0,
               reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int udp6_fragmented(const Target& to) {
  const std::array<char, 4000> bytes{};
  const sockaddr_in6 name = name6(to.v6);
  return error_of(
      ::sendto(make_socket(AF_INET6, SOCK_DGRAM), bytes.data(), bytes.size(), 0,
               reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int udp_broadcast(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  return send_to4(fd, to.v4);
}

int udp_multicast(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_DGRAM), to.v4);
}

int udp6_multicast(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_DGRAM), to.v6);
}

// Whether the kernel's table says that a member was told of.
bool is_reported(in_addr group) {
  char hex[9] = "";
  std::snprintf(hex, sizeof hex, "%08X", group.s_addr);
  std::ifstream groups("/proc/net/igmp");
  std::string line;
  while (std::getline(groups, line)) {
    if (line.find(hex) != std::string::npos) return line.back() == '1';
  }
  return false;
}

// A member is told of to the group itself (IGMPv2), by the kernel, a moment
// later.
int joined_group(const Target& to) {
  ip_mreqn request{};
  request.imr_multiaddr = to.v4;
  request.imr_ifindex = static_cast<int>(::if_nametoindex(to.device.c_str()));
  if (::setsockopt(make_socket(AF_INET, SOCK_DGRAM), IPPROTO_IP,
                   IP_ADD_MEMBERSHIP, &request, sizeof request) < 0) {
    return errno;
  }
  while (!is_reported(to.v4)) ::usleep(10000);
  return 0;
}

// The same of MLDv1, at once.
int joined_group6(const Target& to) {
  ipv6_mreq request{};
  request.ipv6mr_multiaddr = to.v6;
  request.ipv6mr_interface = ::if_nametoindex(to.device.c_str());
  return error_of(::setsockopt(make_socket(AF_INET6, SOCK_DGRAM), IPPROTO_IPV6,
                               IPV6_JOIN_GROUP, &request, sizeof request));
}

}  // namespace

std::vector<Technique> socket_techniques() {
  using enum Reaches;
  return {
      {"tcp_connect", "TCP connect", kV4, tcp_connect},
      {"tcp_connect_nonblocking", "non-blocking TCP connect", kV4,
       tcp_connect_nonblocking},
      {"udp_connect", "connected UDP", kV4, udp_connect},
      {"udp_sendto", "UDP sendto", kV4, udp_sendto},
      {"udp_sendmsg", "UDP sendmsg", kV4, udp_sendmsg},
      {"udp_sendmmsg", "UDP sendmmsg, a harmless address first", kV4,
       udp_sendmmsg},
      {"udp_unspec_name", "UDP to a name of family AF_UNSPEC", kV4,
       udp_unspec_name},
      {"udp_v4_name_on_v6", "UDP to an IPv4 name on an IPv6 socket", kV4,
       udp_v4_name_on_v6},
      {"tcp6_connect", "TCP connect over IPv6", kV6, tcp6_connect},
      {"udp6_connect", "connected UDP over IPv6", kV6, udp6_connect},
      {"udp6_sendto", "UDP sendto over IPv6", kV6, udp6_sendto},
      {"tcp_mapped", "TCP connect to an IPv4-mapped IPv6 address", kV4,
       tcp_mapped},
      {"udp_mapped", "UDP to an IPv4-mapped IPv6 address", kV4, udp_mapped},
      {"tcp_nat64", "TCP connect by the NAT64 prefix", kNat64, tcp_nat64},
      {"udp_nat64", "UDP by the NAT64 prefix", kNat64, udp_nat64},
      {"tcp_zero_address", "TCP connect to 0.0.0.0, 127.0.0.1 being listed",
       kLoopback, tcp_zero_address},
      {"udp_zero_address", "UDP to 0.0.0.0, 127.0.0.1 being listed", kLoopback,
       udp_zero_address},
      {"tcp_zero_address_own",
       "TCP connect to 0.0.0.0, the socket's own address being listed", kOwn,
       tcp_zero_address_own},
      {"udp_zero_address_own",
       "UDP to 0.0.0.0, the socket's own address being listed", kOwn,
       udp_zero_address_own},
      {"tcp6_zero_address", "TCP connect to ::, ::1 being listed", kLoopback6,
       tcp6_zero_address},
      {"udp6_zero_address", "UDP to ::, ::1 being listed", kLoopback6,
       udp6_zero_address},
      {"tcp6_zero_address_bound",
       "TCP connect to :: from the interface's address, ::1 being listed",
       kLoopback6, tcp6_zero_address_bound},
      {"udp6_zero_address_bound",
       "UDP to :: from the interface's address, ::1 being listed", kLoopback6,
       udp6_zero_address_bound},
      {"tcp_zero_address_mapped",
       "TCP connect to :: from an IPv4-mapped address, 127.0.0.1 being listed",
       kLoopbackAlone, tcp_zero_address_mapped},
      {"udp_zero_address_mapped",
       "UDP to :: from an IPv4-mapped address, 127.0.0.1 being listed",
       kLoopbackAlone, udp_zero_address_mapped},
      {"tcp_zero_address_interface",
       "TCP connect to 0.0.0.0, the interface's own address being listed",
       kInterface, tcp_zero_address_own},
      {"udp_zero_address_interface",
       "UDP to 0.0.0.0, the interface's own address being listed", kInterface,
       udp_zero_address_own},
      {"tcp_mapped_zero",
       "TCP connect to ::ffff:0.0.0.0, the socket's own address being listed",
       kOwn, tcp_mapped_zero},
      {"udp_mapped_zero",
       "UDP to ::ffff:0.0.0.0, the socket's own address being listed", kOwn,
       udp_mapped_zero},
      {"tcp6_interface", "TCP connect to the interface's own IPv6 address",
       kInterface6, tcp6_interface},
      {"udp6_interface", "UDP to the interface's own IPv6 address", kInterface6,
       udp6_interface},
      {"tcp_fast_open", "TCP fast open by sendto", kV4, tcp_fast_open},
      {"tcp_fast_open_connect", "TCP fast open by connect", kV4,
       tcp_fast_open_connect},
      {"tcp_fast_open_bytes", "TCP fast open without a cookie", kV4,
       tcp_fast_open_bytes},
      {"tcp6_fast_open", "TCP fast open over IPv6 by sendto", kV6,
       tcp6_fast_open},
      {"tcp6_fast_open_connect", "TCP fast open over IPv6 by connect", kV6,
       tcp6_fast_open_connect},
      {"tcp6_fast_open_bytes", "TCP fast open over IPv6 without a cookie", kV6,
       tcp6_fast_open_bytes},
      {"mptcp_connect", "MPTCP connect", kV4, mptcp_connect},
      {"mptcp_fast_open", "MPTCP fast open by sendto", kV4, mptcp_fast_open},
      {"mptcp_fast_open_connect", "MPTCP fast open by connect", kV4,
       mptcp_fast_open_connect},
      {"mptcp6_fast_open", "MPTCP fast open over IPv6 by sendto", kV6,
       mptcp6_fast_open},
      {"mptcp6_fast_open_connect", "MPTCP fast open over IPv6 by connect", kV6,
       mptcp6_fast_open_connect},
      {"udp_fragmented", "UDP larger than a packet", kV4, udp_fragmented},
      {"udp6_fragmented", "UDP over IPv6 larger than a packet", kV6,
       udp6_fragmented},
      {"udp_broadcast", "UDP to a listed broadcast address", kBroadcast,
       udp_broadcast},
      {"udp_multicast", "UDP to a listed multicast address", kMulticast,
       udp_multicast},
      {"udp6_multicast", "UDP to a listed multicast address of IPv6",
       kMulticast6, udp6_multicast},
      {"joined_group", "joining a listed multicast group (IGMPv2)", kJoined,
       joined_group},
      {"joined_group6", "joining a listed multicast group of IPv6 (MLDv1)",
       kJoined6, joined_group6},
  };
}

}  // namespace bailiff::bypass
