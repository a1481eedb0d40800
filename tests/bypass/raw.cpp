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
#include <sys/mman.h>
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
  return send_packet6(to.v6, packet6(to.v6));
}

int raw6_icmp(const Target& to) {
  icmp6_hdr echo{};
  echo.icmp6_type = ICMP6_ECHO_REQUEST;
  return send_bytes6(make_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), &echo,
                     sizeof echo, to.v6);
}

sockaddr_ll everybody_on(const std::string& device,
                         std::uint16_t protocol = ETH_P_IP) {
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_protocol = htons(protocol);
  name.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  name.sll_halen = ETH_ALEN;
  std::memset(name.sll_addr, 0xff, ETH_ALEN);
  return name;
}

int send_packet(int fd, const std::vector<std::uint8_t>& packet,
                const sockaddr_ll& name) {
  return error_of(::sendto(fd, packet.data(), packet.size(), 0,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

int packet_socket(const Target& to) { return send_frame(to.v4, to.device); }

int packet_socket6(const Target& to) {
  return send_frame6(packet6(to.v6), to.device);
}

int send_around(const std::vector<std::uint8_t>& packet,
                const sockaddr_ll& name) {
  const int fd = make_socket(AF_PACKET, SOCK_DGRAM);
  const int on = 1;
  if (::setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0) {
    return errno;
  }
  return send_packet(fd, packet, name);
}

int packet_socket_bypass(const Target& to) {
  return send_around(packet4(to.v4), everybody_on(to.device));
}

int packet_socket6_bypass(const Target& to) {
  return send_around(packet6(to.v6), everybody_on(to.device, ETH_P_IPV6));
}

// A whole frame, to everybody; `tag`: a VLAN tag of that type, 0 for none.
std::vector<std::uint8_t> frame_of(const std::vector<std::uint8_t>& packet,
                                   std::uint16_t protocol, std::uint16_t tag) {
  // The tag is of no VLAN: it is taken off again by whoever receives it.
  const std::size_t header = ETH_HLEN + (tag == 0 ? 0U : 4U);
  std::vector<std::uint8_t> frame(header + packet.size());
  std::memset(frame.data(), 0xff, ETH_ALEN);
  frame[ETH_ALEN] = 2;
  const std::uint16_t types[] = {htons(tag), htons(protocol)};
  std::memcpy(&frame[2 * ETH_ALEN], &types[0], sizeof types[0]);
  std::memcpy(&frame[header - 2], &types[1], sizeof types[1]);
  std::memcpy(&frame[header], packet.data(), packet.size());
  return frame;
}

std::vector<std::uint8_t> frame4(in_addr to, std::uint16_t tag) {
  return frame_of(packet4(to), ETH_P_IP, tag);
}

int packet_frame(const Target& to, std::uint16_t tag, std::uint16_t type) {
  return send_packet(make_socket(AF_PACKET, SOCK_RAW), frame4(to.v4, tag),
                     everybody_on(to.device, type));
}

int packet_vlan(const Target& to) {
  return packet_frame(to, ETH_P_8021Q, ETH_P_8021Q);
}

int packet_provider_vlan(const Target& to) {
  return packet_frame(to, ETH_P_8021AD, ETH_P_8021AD);
}

int packet6_vlan(const Target& to) {
  return send_packet(make_socket(AF_PACKET, SOCK_RAW),
                     frame_of(packet6(to.v6), ETH_P_IPV6, ETH_P_8021Q),
                     everybody_on(to.device, ETH_P_8021Q));
}

// The frame says IPv6, and its sender IPv4.
int packet6_other_protocol(const Target& to) {
  return send_packet(make_socket(AF_PACKET, SOCK_RAW),
                     frame_of(packet6(to.v6), ETH_P_IPV6, 0),
                     everybody_on(to.device, ETH_P_IP));
}

// The frame says IPv4, and its sender ARP.
int packet_other_protocol(const Target& to) {
  return packet_frame(to, 0, ETH_P_ARP);
}

// From a ring that the kernel reads frames from.
int packet_ring(const Target& to) {
  constexpr unsigned kSlot = 2048;
  const int fd = make_socket(AF_PACKET, SOCK_RAW);
  const tpacket_req size{.tp_block_size = 2 * kSlot,
                         .tp_block_nr = 1,
                         .tp_frame_size = kSlot,
                         .tp_frame_nr = 2};
  if (::setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &size, sizeof size) < 0) {
    return errno;
  }
  void* ring = ::mmap(nullptr, std::size_t{2} * kSlot, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
  if (ring == MAP_FAILED) return errno;
  const auto frame = frame4(to.v4, 0);
  auto* header = static_cast<tpacket_hdr*>(ring);
  std::memcpy(static_cast<char*>(ring) + TPACKET_HDRLEN - sizeof(sockaddr_ll),
              frame.data(), frame.size());
  header->tp_len = static_cast<unsigned>(frame.size());
  __atomic_store_n(&header->tp_status, TP_STATUS_SEND_REQUEST,
                   __ATOMIC_RELEASE);
  const sockaddr_ll name = everybody_on(to.device);
  return error_of(::sendto(fd, nullptr, 0, 0,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

}  // namespace

int send_frame(in_addr to, const std::string& device) {
  return send_packet(make_socket(AF_PACKET, SOCK_DGRAM), packet4(to),
                     everybody_on(device));
}

int send_frame6(const std::vector<std::uint8_t>& packet,
                const std::string& device) {
  return send_packet(make_socket(AF_PACKET, SOCK_DGRAM), packet,
                     everybody_on(device, ETH_P_IPV6));
}

int send_packet6(in6_addr to, const std::vector<std::uint8_t>& packet) {
  return send_bytes6(make_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW),
                     packet.data(), packet.size(), to);
}

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
      {"packet_vlan", "a frame with a VLAN tag", kV4, packet_vlan},
      {"packet_provider_vlan", "a frame with a provider's VLAN tag", kV4,
       packet_provider_vlan},
      {"packet_other_protocol", "a frame its sender says is ARP", kV4,
       packet_other_protocol},
      {"packet_ring", "a frame from a ring of PACKET_TX_RING", kV4,
       packet_ring},
      {"packet_socket6", "an IPv6 frame over AF_PACKET", kV6, packet_socket6},
      {"packet_socket6_bypass", "an IPv6 frame around the queueing discipline",
       kV6, packet_socket6_bypass},
      {"packet6_vlan", "an IPv6 frame with a VLAN tag", kV6, packet6_vlan},
      {"packet6_other_protocol", "an IPv6 frame its sender says is IPv4", kV6,
       packet6_other_protocol},
  };
}

}  // namespace bailiff::bypass
