// SPDX-License-Identifier: Apache-2.0
// Protocols over IP that few kernels have, and their own kinds of sockets.
#include <errno.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

// What the headers of some machines do not have.
constexpr int kDccp = 6;  // the type of socket; the protocol is 33
constexpr int kL2tp = 115;
constexpr int kSmc = 256;       // as a protocol of IPv4
constexpr int kFamilySmc = 43;  // and as a family
constexpr int kFamilyRxrpc = 33;
constexpr int kFamilyRds = 21;

constexpr char kEgressSeen[] = "egress (seen on Linux 6.1)";

int sctp_connect(const Target& to) {
  return connect4(make_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), to.v4);
}

int sctp6_connect(const Target& to) {
  return connect6(make_socket(AF_INET6, SOCK_STREAM, IPPROTO_SCTP), to.v6);
}

// A socket of many associations: the call makes one.
int sctp_sendto(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP), to.v4);
}

int dccp_connect(const Target& to) {
  return connect4(make_socket(AF_INET, kDccp, IPPROTO_DCCP), to.v4);
}

int udplite_sendto(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), to.v4);
}

int udplite_connect(const Target& to) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  if (const int error = connect4(fd, to.v4)) return error;
  return error_of(::send(fd, kPayload, sizeof kPayload, 0));
}

int udplite6_sendto(const Target& to) {
  return send_to6(make_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE), to.v6);
}

int mptcp6_connect(const Target& to) {
  return connect6(make_socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP), to.v6);
}

// What L2TP over IP calls its peers: with the number of a session.
struct L2tpName4 {
  sa_family_t family = AF_INET;
  std::uint16_t unused = 0;
  in_addr host{};
  std::uint32_t session = 7;
  std::uint32_t padding = 0;
};
struct L2tpName6 {
  sa_family_t family = AF_INET6;
  std::uint16_t unused = 0;
  std::uint32_t flow = 0;
  in6_addr host{};
  std::uint32_t scope = 0;
  std::uint32_t session = 7;
};

template <typename Name>
int send_l2tp(const Name& name) {
  return error_of(::sendto(
      make_socket(name.family, SOCK_DGRAM, kL2tp), kPayload, sizeof kPayload, 0,
      reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

int l2tp_sendto(const Target& to) {
  return send_l2tp(L2tpName4{.host = to.v4});
}

int l2tp6_sendto(const Target& to) {
  return send_l2tp(L2tpName6{.host = to.v6});
}

int smc_connect(const Target& to) {
  return connect4(make_socket(kFamilySmc, SOCK_STREAM), to.v4);
}

int smc_as_ip(const Target& to) {
  return connect4(make_socket(AF_INET, SOCK_STREAM, kSmc), to.v4);
}

// struct sockaddr_rxrpc, with the address of a UDP port in it, and a call.
int rxrpc_call(const Target& to) {
  const int fd = make_socket(kFamilyRxrpc, SOCK_DGRAM, AF_INET);
  struct Name {
    sa_family_t family = kFamilyRxrpc;
    std::uint16_t service = 1;
    std::uint16_t type = SOCK_DGRAM;
    std::uint16_t size = sizeof(sockaddr_in);
    sockaddr_in6 transport{};
  } name;
  const sockaddr_in four = name4(to.v4);
  std::memcpy(&name.transport, &four, sizeof four);
  constexpr int kLevelRxrpc = 272;
  constexpr int kUserCallId = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(unsigned long))] = "";
  iovec part{.iov_base = const_cast<char*>(kPayload),
             .iov_len = sizeof kPayload};
  msghdr message{};
  message.msg_name = &name;
  message.msg_namelen = sizeof name;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = kLevelRxrpc;
  header->cmsg_type = kUserCallId;
  header->cmsg_len = CMSG_LEN(sizeof(unsigned long));
  return error_of(::sendmsg(fd, &message, 0));
}

// Over TCP, which a thread of the kernel connects.
int rds_sendto(const Target& to) {
  const int fd = make_socket(kFamilyRds, SOCK_SEQPACKET);
  in_addr own{};
  own.s_addr = htonl(0xcb00710a);  // 203.0.113.10
  const sockaddr_in name = name4(own);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0) {
    return errno;
  }
  return send_to4(fd, to.v4);
}

}  // namespace

std::vector<Technique> protocol_techniques() {
  using enum Reaches;
  return {
      {"mptcp6_connect", "MPTCP connect over IPv6", kV6, mptcp6_connect},
      {"udplite_sendto", "UDP-Lite sendto", kV4, udplite_sendto},
      {"udplite_connect", "connected UDP-Lite", kV4, udplite_connect},
      {"udplite6_sendto", "UDP-Lite sendto over IPv6", kV6, udplite6_sendto},
      {"sctp_connect", "SCTP connect", kV4, sctp_connect, "IP_SCTP",
       kEgressSeen},
      {"sctp_sendto", "SCTP sendto, which makes the association", kV4,
       sctp_sendto, "IP_SCTP", kEgressSeen},
      {"sctp6_connect", "SCTP connect over IPv6", kV6, sctp6_connect, "IP_SCTP",
       kEgressSeen},
      {"dccp_connect", "DCCP connect", kV4, dccp_connect,
       "IP_DCCP (gone from Linux 6.16 on)", kEgressSeen},
      {"l2tp_sendto", "L2TP over IP", kV4, l2tp_sendto, "L2TP_IP", kEgressSeen},
      {"l2tp6_sendto", "L2TP over IPv6", kV6, l2tp6_sendto, "L2TP_IP",
       kEgressSeen},
      {"smc_connect", "SMC connect (AF_SMC)", kV4, smc_connect, "SMC",
       "connect, of the TCP connection it begins with (seen on Linux 6.1)"},
      {"smc_as_ip", "SMC connect (IPPROTO_SMC)", kV4, smc_as_ip, "SMC",
       "connect, as the other (not tried)"},
      {"rxrpc_call", "a call of RxRPC", kV4, rxrpc_call, "AF_RXRPC",
       "egress, for whoever used its UDP port first (not tried)"},
      {"rds_sendto", "RDS over TCP", kV4, rds_sendto, "RDS_TCP",
       "nothing, as a thread of the kernel connects: refuse `socket` of AF_RDS "
       "(seen on Linux 6.1)"},
  };
}

}  // namespace bailiff::bypass
