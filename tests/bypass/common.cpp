// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

udphdr udp_header() {
  udphdr udp{};
  udp.source = htons(5555);
  udp.dest = htons(kPort);
  udp.len = htons(sizeof udp + sizeof kPayload);
  return udp;
}

}  // namespace

sockaddr_in name4(in_addr host, std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr = host;
  return name;
}

sockaddr_in6 name6(in6_addr host, std::uint16_t port) {
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(port);
  name.sin6_addr = host;
  return name;
}

in6_addr mapped(in_addr host) {
  in6_addr address{};
  address.s6_addr[10] = address.s6_addr[11] = 0xff;
  std::memcpy(&address.s6_addr[12], &host, sizeof host);
  return address;
}

in6_addr nat64(in_addr host) {
  in6_addr address{};
  ::inet_pton(AF_INET6, "64:ff9b::", &address);
  std::memcpy(&address.s6_addr[12], &host, sizeof host);
  return address;
}

int make_socket(int family, int type, int protocol) {
  const int fd = ::socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) {
    // What was refused is a result; what is not there is none.
    ::_exit(errno == EPERM || errno == EACCES ? errno : 128 + errno % 100);
  }
  const timeval moment{.tv_sec = 0, .tv_usec = 300000};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
  return fd;
}

int error_of(long result) { return result < 0 ? errno : 0; }

std::uint16_t checksum(const void* bytes, std::size_t size) {
  const auto* at = static_cast<const std::uint8_t*>(bytes);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    sum += static_cast<std::uint32_t>(at[i] << 8 | at[i + 1]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<std::uint16_t>(~sum));
}

int connect4(int fd, in_addr host) {
  const sockaddr_in name = name4(host);
  return error_of(
      ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int connect6(int fd, in6_addr host) {
  const sockaddr_in6 name = name6(host);
  return error_of(
      ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int send_to4(int fd, in_addr host, int flags) {
  const sockaddr_in name = name4(host);
  return error_of(::sendto(fd, kPayload, sizeof kPayload, flags,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

int send_to6(int fd, in6_addr host, int flags) {
  const sockaddr_in6 name = name6(host);
  return error_of(::sendto(fd, kPayload, sizeof kPayload, flags,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

std::vector<std::uint8_t> packet4(in_addr to, std::uint8_t options) {
  const std::size_t header = sizeof(iphdr) + options;
  std::vector<std::uint8_t> packet(header + sizeof(udphdr) + sizeof kPayload,
                                   1);  // of the options, "no operation"
  iphdr ip{};
  ip.version = 4;
  ip.ihl = (header / 4) & 0xf;
  ip.ttl = 64;
  ip.protocol = IPPROTO_UDP;
  ip.tot_len = htons(static_cast<std::uint16_t>(packet.size()));
  ::inet_pton(AF_INET, "203.0.113.10", &ip.saddr);
  ip.daddr = to.s_addr;
  const udphdr udp = udp_header();
  std::memcpy(packet.data(), &ip, sizeof ip);
  std::memcpy(packet.data() + header, &udp, sizeof udp);
  std::memcpy(packet.data() + header + sizeof udp, kPayload, sizeof kPayload);
  ip.check = checksum(packet.data(), header);
  std::memcpy(packet.data(), &ip, sizeof ip);
  return packet;
}

std::vector<std::uint8_t> packet6(in6_addr to,
                                  const std::vector<std::uint8_t>& headers) {
  constexpr std::size_t kHeader = 8;  // bytes of each
  const std::size_t extended = sizeof(ip6_hdr) + kHeader * headers.size();
  std::vector<std::uint8_t> packet(extended + sizeof(udphdr) + sizeof kPayload);
  ip6_hdr ip{};
  ip.ip6_flow = htonl(6U << 28);
  ip.ip6_plen =
      htons(static_cast<std::uint16_t>(packet.size() - sizeof(ip6_hdr)));
  const std::uint8_t last = IPPROTO_UDP;
  ip.ip6_nxt = headers.empty() ? last : headers.front();
  ip.ip6_hlim = 64;
  ::inet_pton(AF_INET6, "2001:db8:66::10", &ip.ip6_src);
  ip.ip6_dst = to;
  const udphdr udp = udp_header();
  std::memcpy(packet.data(), &ip, sizeof ip);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    std::uint8_t* header = &packet[sizeof ip + kHeader * i];
    header[0] = i + 1 < headers.size() ? headers[i + 1] : last;
    if (headers[i] == IPPROTO_FRAGMENT) {
      header[7] = 1;  // the first and only one, with a number
    } else {
      header[2] = IP6OPT_PADN;
      header[3] = 4;
    }
  }
  std::memcpy(&packet[extended], &udp, sizeof udp);
  std::memcpy(&packet[extended + sizeof udp], kPayload, sizeof kPayload);
  return packet;
}

}  // namespace bailiff::bypass
