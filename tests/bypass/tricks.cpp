// SPDX-License-Identifier: Apache-2.0
// Options, races and other entries into the kernel.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
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

// One thread sends, the other keeps changing the name under the call.
int rewritten_name(const Target& to) {
  constexpr int kTries = 20000;
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  sockaddr_in name = name4(to.harmless4);
  std::atomic<bool> begun = false;
  std::atomic<bool> stop = false;
  std::thread rewriter([&] {
    auto& host = name.sin_addr.s_addr;
    begun = true;
    while (!stop) {
      __atomic_store_n(&host, to.v4.s_addr, __ATOMIC_RELAXED);
      __atomic_store_n(&host, to.harmless4.s_addr, __ATOMIC_RELAXED);
    }
  });
  while (!begun) std::this_thread::yield();
  int refused = 0;
  for (int i = 0; i < kTries; ++i) {
    if (::sendto(fd, "", 0, MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0 &&
        errno == EPERM) {
      refused = EPERM;
    }
  }
  stop = true;
  rewriter.join();
  return refused;
}

#if defined(__x86_64__)
// A system call of the 32-bit interface; arguments lie below 4 GiB.
long call32(long number, long a, const void* b, long c) {
  long result = 0;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c)
                   : "memory", "r8", "r9", "r10", "r11");
  return result;
}

// socketcall(2) with SYS_CONNECT.
int socketcall32(const Target& to) {
  constexpr long kSocketcall = 102;
  constexpr long kConnect = 3;
  void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return 128 + errno % 100;
  auto* name = static_cast<sockaddr_in*>(low);
  *name = name4(to.v4);
  auto* arguments = reinterpret_cast<std::uint32_t*>(name + 1);
  arguments[0] = static_cast<std::uint32_t>(make_socket(AF_INET, SOCK_STREAM));
  arguments[1] =
      static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(name));
  arguments[2] = sizeof *name;
  const long result = call32(kSocketcall, kConnect, arguments, 0);
  const int error = result < 0 ? static_cast<int>(-result) : 0;
  if (error == ENOSYS) return 128 + ENOSYS % 100;
  return error == ECONNREFUSED ? 0 : error;
}
#endif

}  // namespace

std::vector<Technique> trick_techniques() {
  using enum Reaches;
  return {
    {"unspec_reconnect", "UDP, disconnected by AF_UNSPEC and connected anew",
     kV4, unspec_reconnect},
        {"connected_with_name", "UDP connected elsewhere, sent with a name",
         kV4, connected_with_name},
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
        {"rewritten_name", "a thread that rewrites the name during the call",
         kV4, rewritten_name},
#if defined(__x86_64__)
        {"socketcall32", "the 32-bit socketcall(2), by int 0x80", kV4,
         socketcall32},
#endif
  };
}

}  // namespace bailiff::bypass
