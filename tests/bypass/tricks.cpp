// SPDX-License-Identifier: Apache-2.0
// Options, races and other entries into the kernel.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

// Disconnects, and connects anew.
int unspec_reconnect(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  if (const int error = connect4(fd, to.harmless4)) return error;
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  if (::connect(fd, &none, sizeof none) < 0) return errno;
  if (const int error = connect4(fd, to.v4)) return error;
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

// Connected elsewhere, and sent with a name all the same.
int connected_with_name(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  if (const int error = connect4(fd, to.harmless4)) return error;
  return send_to4(fd, to.v4);
}

int ip_options(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  // Record route: kind, length, pointer, room for two hops; padded.
  const unsigned char route[12] = {IPOPT_RR, 11, 4};
  if (::setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof route) < 0) {
    return errno;
  }
  return send_to4(fd, to.v4);
}

// Named is a harmless host, by way of the listed one.
int source_route(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  // Loose source route: kind, length, pointer, the first hop; padded.
  unsigned char route[8] = {IPOPT_LSRR, 7, 4};
  std::memcpy(&route[3], &to.v4, sizeof to.v4);
  if (::setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof route) < 0) {
    return errno;
  }
  return send_to4(fd, to.harmless4);
}

// The same of IPv6: a routing header of segments.
int routing_header(const Target& to) {
  const int fd = make_socket(AF_INET6, SOCK_DGRAM);
  // Next header, length, type 4, one segment left, the last is the first.
  unsigned char route[8 + 2 * sizeof(in6_addr)] = {0, 4, 4, 1, 1};
  std::memcpy(&route[8 + sizeof(in6_addr)], &to.v6, sizeof to.v6);
  if (::setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, route, sizeof route) < 0) {
    return errno;
  }
  in6_addr harmless{};
  ::inet_pton(AF_INET6, "2001:db8:66::80", &harmless);
  return send_to6(fd, harmless);
}

// As if the connection had been made before.
int repaired(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_STREAM);
  int mode = TCP_REPAIR_ON;
  if (::setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &mode, sizeof mode) < 0) {
    return errno;
  }
  if (const int error = connect4(fd, to.v4)) return error;
  mode = TCP_REPAIR_OFF;  // with a probe of its window
  ::setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &mode, sizeof mode);
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

// nftables gives it another destination as it leaves the device.
int sent_elsewhere(const Target& to) {
  const sockaddr_in name = name4(to.harmless4, kElsewherePort);
  return error_of(
      ::sendto(make_socket(AF_INET, SOCK_DGRAM), kPayload, sizeof kPayload, 0,
               reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

// And before it is routed.
int redirected(const Target& to, int type) {
  const sockaddr_in name = name4(to.harmless4, kRedirectedPort);
  const int fd = make_socket(AF_INET, type);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) <
      0) {
    return errno;
  }
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}
int redirected_udp(const Target& to) { return redirected(to, SOCK_DGRAM); }
int redirected_tcp(const Target& to) { return redirected(to, SOCK_STREAM); }

int bind_to_device(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, to.device.c_str(),
                   static_cast<socklen_t>(to.device.size() + 1)) < 0) {
    return errno;
  }
  return send_to4(fd, to.v4);
}

// From an address that is not its own.
int transparent(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  const int on = 1;
  if (::setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) < 0) {
    return errno;
  }
  in_addr foreign{};
  ::inet_pton(AF_INET, "203.0.113.99", &foreign);
  const sockaddr_in own = name4(foreign, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0) {
    return errno;
  }
  return send_to4(fd, to.v4);
}

// One thread tries, the other keeps changing the name under the call: where the
// two hosts differ, as many bytes as are written at once.  Goes on until that
// happened during enough of the calls.  The errno of any that was refused.
template <typename Half, typename Try>
int raced(Half* half, Half listed, const Try& attempt) {
  constexpr int kTries = 2000;
  constexpr int kRaced = 50;
  const Half harmless = *half;
  std::atomic<bool> stop = false;
  std::atomic<unsigned> rounds = 0;
  std::thread rewriter([&] {
    while (!stop) {
      // Counted behind each, so that both are there for as long.
      __atomic_store_n(half, listed, __ATOMIC_RELAXED);
      ++rounds;
      __atomic_store_n(half, harmless, __ATOMIC_RELAXED);
      ++rounds;
    }
  });
  int refused = 0;
  int raced_calls = 0;
  for (int i = 0; i < kTries || raced_calls < kRaced; ++i) {
    const unsigned before = rounds;
    if (attempt() == EPERM) refused = EPERM;
    if (rounds != before) ++raced_calls;
  }
  stop = true;
  rewriter.join();
  return refused;
}

int rewritten_name(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  sockaddr_in name = name4(to.harmless4);
  return raced(&name.sin_addr.s_addr, to.v4.s_addr, [&] {
    return error_of(::sendto(fd, "", 0, MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&name),
                             sizeof name));
  });
}

// Each try of a socket of its own, which waits for nobody.
template <typename Name>
int try_connect(const Name& name, int family) {
  const int fd = make_socket(family, SOCK_STREAM | SOCK_NONBLOCK);
  const int error = error_of(
      ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name));
  ::close(fd);
  return error;
}

int rewritten_connect4(const Target& to) {
  sockaddr_in name = name4(to.harmless4);
  return raced(&name.sin_addr.s_addr, to.v4.s_addr,
               [&] { return try_connect(name, AF_INET); });
}

// Harmless is the host of that number in the container's own network.
int rewritten_connect6(const Target& to) {
  alignas(8) sockaddr_in6 name = name6(to.v6);  // and so the address in it
  std::uint64_t listed = 0;
  std::memcpy(&listed, &to.v6, sizeof listed);
  in6_addr own{};
  ::inet_pton(AF_INET6, kInterfaceAddress6, &own);
  std::memcpy(&name.sin6_addr, &own, sizeof listed);
  return raced(reinterpret_cast<std::uint64_t*>(&name.sin6_addr), listed,
               [&] { return try_connect(name, AF_INET6); });
}

}  // namespace

std::vector<Technique> trick_techniques() {
  using enum Reaches;
  return {
      {"unspec_reconnect", "UDP, disconnected by AF_UNSPEC and connected anew",
       kV4, unspec_reconnect},
      {"connected_with_name", "UDP connected elsewhere, sent with a name", kV4,
       connected_with_name},
      {"ip_options", "UDP with IP options", kV4, ip_options},
      {"source_route", "UDP by way of the listed host (IP options)", kV4,
       source_route},
      {"routing_header", "UDP by way of the listed host (IPv6 segments)", kV6,
       routing_header},
      {"repaired", "TCP, connected by TCP_REPAIR", kV4, repaired},
      {"sent_elsewhere", "UDP that nftables sends elsewhere at the device",
       kElsewhere, sent_elsewhere},
      {"redirected_udp", "connected UDP that nftables redirects", kRedirected,
       redirected_udp},
      {"redirected_tcp", "TCP that nftables redirects", kRedirectedTcp,
       redirected_tcp},
      {"bind_to_device", "UDP with SO_BINDTODEVICE", kV4, bind_to_device},
      {"transparent", "UDP with IP_TRANSPARENT from a foreign address", kV4,
       transparent},
      {"rewritten_name", "a thread that rewrites the name during the call", kV4,
       rewritten_name},
      {"rewritten_connect4", "the same of TCP connect", kV4,
       rewritten_connect4},
      {"rewritten_connect6", "the same of TCP connect over IPv6", kV6,
       rewritten_connect6},
  };
}

}  // namespace bailiff::bypass
