// SPDX-License-Identifier: Apache-2.0
// Packets made by hand.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

int send_bytes4(int fd, const void* bytes, std::size_t size, in_addr host) {
  const sockaddr_in name = name4(host, 0);
  return error_of(::sendto(fd, bytes, size, 0,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

int send_bytes6(int fd, const void* bytes, std::size_t size, in6_addr host) {
  const sockaddr_in6 name = name6(host, 0);
  return error_of(::sendto(fd, bytes, size, 0,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

udphdr udp_header() {
  udphdr udp{};
  udp.source = htons(5555);
  udp.dest = htons(kPort);
  udp.len = htons(sizeof udp);
  return udp;
}

icmphdr echo_request() {
  icmphdr echo{};
  echo.type = ICMP_ECHO;
  echo.checksum = static_cast<std::uint16_t>(~htons(ICMP_ECHO << 8));
  return echo;
}

int raw_udp(const Target& to) {
  const udphdr udp = udp_header();
  return send_bytes4(make_socket(AF_INET, SOCK_RAW, IPPROTO_UDP), &udp,
                     sizeof udp, to.v4);
}

int raw_udp_connected(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
  if (const int error = connect4(fd, to.v4)) return error;
  const udphdr udp = udp_header();
  return error_of(::send(fd, &udp, sizeof udp, 0));
}

int raw_header(const Target& to) {
  const auto packet = packet4(to.v4);
  return send_bytes4(make_socket(AF_INET, SOCK_RAW, IPPROTO_RAW), packet.data(),
                     packet.size(), to.v4);
}

int raw_header_options(const Target& to) {
  const auto packet = packet4(to.v4, 8);
  return send_bytes4(make_socket(AF_INET, SOCK_RAW, IPPROTO_RAW), packet.data(),
                     packet.size(), to.v4);
}

// The header says who gets it, and not the name the call is given.
int raw_header_other_name(const Target& to) {
  const auto packet = packet4(to.v4);
  return send_bytes4(make_socket(AF_INET, SOCK_RAW, IPPROTO_RAW), packet.data(),
                     packet.size(), to.harmless4);
}

int raw_icmp(const Target& to) {
  const icmphdr echo = echo_request();
  return send_bytes4(make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), &echo,
                     sizeof echo, to.v4);
}

int ping_socket(const Target& to) {
  const icmphdr echo = echo_request();
  return send_bytes4(make_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), &echo,
                     sizeof echo, to.v4);
}

int raw6_udp(const Target& to) {
  const udphdr udp = udp_header();
  return send_bytes6(make_socket(AF_INET6, SOCK_RAW, IPPROTO_UDP), &udp,
                     sizeof udp, to.v6);
}

int raw6_header(const Target& to) {
  const auto packet = packet6(to.v6);
  return send_bytes6(make_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW),
                     packet.data(), packet.size(), to.v6);
}

int raw6_icmp(const Target& to) {
  icmp6_hdr echo{};
  echo.icmp6_type = ICMP6_ECHO_REQUEST;
  return send_bytes6(make_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), &echo,
                     sizeof echo, to.v6);
}

sockaddr_ll everybody_on(const std::string& device) {
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_protocol = htons(ETH_P_IP);
  name.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  name.sll_halen = ETH_ALEN;
  std::memset(name.sll_addr, 0xff, ETH_ALEN);
  return name;
}

int packet_socket(const Target& to) {
  const auto packet = packet4(to.v4);
  const sockaddr_ll name = everybody_on(to.device);
  return error_of(
      ::sendto(make_socket(AF_PACKET, SOCK_DGRAM), packet.data(), packet.size(),
               0, reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int packet_socket_bypass(const Target& to) {
  const auto packet = packet4(to.v4);
  const sockaddr_ll name = everybody_on(to.device);
  const int fd = make_socket(AF_PACKET, SOCK_DGRAM);
  const int on = 1;
  if (::setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0) {
    return errno;
  }
  return error_of(::sendto(fd, packet.data(), packet.size(), 0,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

}  // namespace

std::vector<Technique> raw_techniques() {
  using enum Reaches;
  return {
      {"raw_udp", "UDP over a raw socket", kV4, raw_udp},
      {"raw_udp_connected", "UDP over a connected raw socket", kV4,
       raw_udp_connected},
      {"raw_header", "a whole IPv4 packet over a raw socket", kV4, raw_header},
      {"raw_header_options", "a whole IPv4 packet with IP options", kV4,
       raw_header_options},
      {"raw_header_other_name", "a whole IPv4 packet, sent to a harmless name",
       kV4, raw_header_other_name},
      {"raw_icmp", "ICMP over a raw socket", kV4, raw_icmp},
      {"ping_socket", "ICMP over a ping socket", kV4, ping_socket},
      {"raw6_udp", "UDP over a raw IPv6 socket", kV6, raw6_udp},
      {"raw6_header", "a whole IPv6 packet over a raw socket", kV6,
       raw6_header},
      {"raw6_icmp", "ICMPv6 over a raw socket", kV6, raw6_icmp},
      {"packet_socket", "a frame over AF_PACKET", kV4, packet_socket},
      {"packet_socket_bypass", "the same around the queueing discipline", kV4,
       packet_socket_bypass},
  };
}

}  // namespace bailiff::bypass
