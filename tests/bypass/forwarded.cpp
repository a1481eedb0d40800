// SPDX-License-Identifier: Apache-2.0
// What the container's own network forwards, as a host behind it would have
// sent it: it has no socket any more.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>

#include <cstring>
#include <string>

#include "tests/bypass/link.h"
#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

// A port that a client has.
constexpr std::uint16_t kClientPort = 40000;
constexpr char kBehind[] = "behind0";
constexpr char kRouter[] = "router0";

int absent() { return 128 + errno % 100; }

// A cable both ends of which are in the container's own network.  As it is new,
// nobody judges what leaves it.
class Cable {
 public:
  // errno tells why there is none.
  Cable() { errno = make(); }
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;
  ~Cable() {
    LinkRequest request(LinkRequest::What::kRemove);
    request.add(IFLA_IFNAME, kBehind, sizeof kBehind);
    request.ask(rtnetlink_);
  }

 private:
  int make() const;

  int rtnetlink_ = make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
};

int Cable::make() const {
  struct {
    rtattr kind_head;
    char kind[8];
    rtattr data_head;
    rtattr peer_head;
    ifinfomsg peer;
    rtattr name_head;
    char name[8];
  } info{.kind_head = {.rta_len = RTA_LENGTH(5), .rta_type = IFLA_INFO_KIND},
         .kind = "veth",
         .data_head = {.rta_len = sizeof info - 12, .rta_type = IFLA_INFO_DATA},
         .peer_head = {.rta_len = sizeof info - 16, .rta_type = VETH_INFO_PEER},
         .peer = {},
         .name_head = {.rta_len = RTA_LENGTH(8), .rta_type = IFLA_IFNAME},
         .name = "router0"};
  static_assert(sizeof info.name == sizeof kRouter);
  LinkRequest request;
  request.add(IFLA_IFNAME, kBehind, sizeof kBehind);
  request.add(IFLA_LINKINFO, &info, sizeof info);
  return request.ask(rtnetlink_);
}

// Has the router's end receive the packet.
template <typename Header>
int forward(const Target& to, int protocol, const Header& header) {
  const Cable cable;
  if (errno != 0 || !set_address(kRouter, "10.67.0.1") || !set_up(kRouter) ||
      !set_up(kBehind)) {
    return absent();
  }
  struct {
    iphdr ip;
    Header header;
  } packet{};
  packet.ip.version = 4;
  packet.ip.ihl = sizeof packet.ip / 4;
  packet.ip.ttl = 64;
  packet.ip.protocol = static_cast<std::uint8_t>(protocol);
  packet.ip.tot_len = htons(sizeof packet);
  ::inet_pton(AF_INET, "10.67.0.2", &packet.ip.saddr);
  packet.ip.daddr = to.v4.s_addr;
  packet.header = header;
  packet.ip.check = checksum(&packet.ip, sizeof packet.ip);

  const int fd = make_socket(AF_PACKET, SOCK_DGRAM);
  ifreq router{};
  std::memcpy(router.ifr_name, kRouter, sizeof kRouter);
  if (::ioctl(fd, SIOCGIFHWADDR, &router) < 0) return absent();
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_protocol = htons(ETH_P_IP);
  name.sll_ifindex = static_cast<int>(::if_nametoindex(kBehind));
  name.sll_halen = ETHER_ADDR_LEN;
  std::memcpy(name.sll_addr, router.ifr_hwaddr.sa_data, ETHER_ADDR_LEN);
  return error_of(::sendto(fd, &packet, sizeof packet, 0,
                           reinterpret_cast<const sockaddr*>(&name),
                           sizeof name));
}

int forwarded_tcp(const Target& to) {
  tcphdr tcp{};
  tcp.source = htons(kClientPort);
  tcp.dest = htons(kPort);
  tcp.doff = sizeof tcp / 4;
  tcp.syn = 1;
  return forward(to, IPPROTO_TCP, tcp);
}

int forwarded_udp(const Target& to) {
  udphdr udp{};
  udp.source = htons(kClientPort);
  udp.dest = htons(kPort);
  udp.len = htons(sizeof udp);
  return forward(to, IPPROTO_UDP, udp);
}

int forwarded_echo(const Target& to) {
  icmphdr echo{};
  echo.type = ICMP_ECHO;
  echo.checksum = static_cast<std::uint16_t>(~htons(ICMP_ECHO << 8));
  return forward(to, IPPROTO_ICMP, echo);
}

}  // namespace

std::vector<Technique> forwarded_techniques() {
  using enum Reaches;
  return {
      {"forwarded_tcp", "TCP from behind a cable of the container's own", kV4,
       forwarded_tcp},
      {"forwarded_udp", "UDP from there", kV4, forwarded_udp},
      {"forwarded_echo", "ICMP from there", kV4, forwarded_echo},
  };
}

}  // namespace bailiff::bypass
