// SPDX-License-Identifier: Apache-2.0
// The same calls by io_uring, which no seccomp filter sees.
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <unistd.h>

#include <cstring>

#include "tests/bypass/technique.h"
#include "tests/harness/io_ring.h"

namespace bailiff::bypass {
namespace {

using test::IoRing;

std::uint64_t address_of(const void* object) {
  return reinterpret_cast<std::uint64_t>(object);
}

int error_in(int result) { return result < 0 ? -result : 0; }

// A connection somebody refuses has been tried.
int tried(int result) {
  const int error = error_in(result);
  return error == ECONNREFUSED ? 0 : error;
}

int connect_by(IoRing& ring, int fd, const sockaddr_in& name) {
  io_uring_sqe operation{};
  operation.opcode = IORING_OP_CONNECT;
  operation.fd = fd;
  operation.addr = address_of(&name);
  operation.off = sizeof name;
  return ring.run(operation);
}

int uring_connect(const Target& to) {
  IoRing ring;
  return tried(
      connect_by(ring, make_socket(AF_INET, SOCK_STREAM), name4(to.v4)));
}

// By a thread of the kernel's, over a socket that is in no table of
// descriptors.
int uring_polled(const Target& to) {
  IoRing ring(IORING_SETUP_SQPOLL);
  const int slot = ring.fixed_socket(AF_INET, SOCK_STREAM);
  if (slot < 0) return error_in(slot);
  const sockaddr_in name = name4(to.v4);
  io_uring_sqe operation{};
  operation.opcode = IORING_OP_CONNECT;
  operation.fd = slot;
  operation.flags = IOSQE_FIXED_FILE;
  operation.addr = address_of(&name);
  operation.off = sizeof name;
  return tried(ring.run(operation));
}

int send_by(IoRing& ring, int fd, void* name, socklen_t size, const void* bytes,
            std::size_t length, std::uint8_t opcode = IORING_OP_SENDMSG) {
  iovec part{.iov_base = const_cast<void*>(bytes), .iov_len = length};
  msghdr header{};
  header.msg_name = name;
  header.msg_namelen = size;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  io_uring_sqe operation{};
  operation.opcode = opcode;
  operation.fd = fd;
  operation.addr = address_of(&header);
  operation.len = 1;
  return error_in(ring.run(operation));
}

int uring_sendmsg(const Target& to) {
  IoRing ring;
  sockaddr_in name = name4(to.v4);
  return send_by(ring, make_socket(AF_INET, SOCK_DGRAM), &name, sizeof name,
                 kPayload, sizeof kPayload);
}

int uring_sendmsg_zc(const Target& to) {
  IoRing ring;
  sockaddr_in name = name4(to.v4);
  return send_by(ring, make_socket(AF_INET, SOCK_DGRAM), &name, sizeof name,
                 kPayload, sizeof kPayload, IORING_OP_SENDMSG_ZC);
}

int uring6_sendmsg(const Target& to) {
  IoRing ring;
  sockaddr_in6 name = name6(to.v6);
  return send_by(ring, make_socket(AF_INET6, SOCK_DGRAM), &name, sizeof name,
                 kPayload, sizeof kPayload);
}

// Without a message around it: the name lies beside the bytes.
template <typename Name>
int send_to_by(std::uint8_t opcode, const Name& name, int family) {
  IoRing ring;
  io_uring_sqe operation{};
  operation.opcode = opcode;
  operation.fd = make_socket(family, SOCK_DGRAM);
  operation.addr = address_of(kPayload);
  operation.len = sizeof kPayload;
  operation.addr2 = address_of(&name);
  operation.addr_len = sizeof name;
  return error_in(ring.run(operation));
}

int uring_send(const Target& to) {
  return send_to_by(IORING_OP_SEND, name4(to.v4), AF_INET);
}

int uring_send_zc(const Target& to) {
  return send_to_by(IORING_OP_SEND_ZC, name4(to.v4), AF_INET);
}

int uring6_send(const Target& to) {
  return send_to_by(IORING_OP_SEND, name6(to.v6), AF_INET6);
}

int uring6_send_zc(const Target& to) {
  return send_to_by(IORING_OP_SEND_ZC, name6(to.v6), AF_INET6);
}

int uring6_connect(const Target& to) {
  IoRing ring;
  const sockaddr_in6 name = name6(to.v6);
  io_uring_sqe operation{};
  operation.opcode = IORING_OP_CONNECT;
  operation.fd = make_socket(AF_INET6, SOCK_STREAM);
  operation.addr = address_of(&name);
  operation.off = sizeof name;
  return tried(ring.run(operation));
}

int uring_socket(const Target& to) {
  IoRing ring;
  const int fd = ring.socket(AF_INET, SOCK_STREAM);
  if (fd < 0) return error_in(fd);
  return tried(connect_by(ring, fd, name4(to.v4)));
}

int uring_packet_socket(const Target& to) {
  IoRing ring;
  const int fd = ring.socket(AF_PACKET, SOCK_DGRAM);
  if (fd < 0) return error_in(fd);
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_protocol = htons(ETH_P_IP);
  name.sll_ifindex = static_cast<int>(::if_nametoindex(to.device.c_str()));
  name.sll_halen = ETH_ALEN;
  std::memset(name.sll_addr, 0xff, ETH_ALEN);
  const auto packet = packet4(to.v4);
  return send_by(ring, fd, &name, sizeof name, packet.data(), packet.size());
}

}  // namespace

std::vector<Technique> io_uring_techniques() {
  using enum Reaches;
  return {
      {"uring_connect", "TCP connect by io_uring", kV4, uring_connect},
      {"uring_sendmsg", "UDP sendmsg by io_uring", kV4, uring_sendmsg},
      {"uring_sendmsg_zc", "the same without copying (SENDMSG_ZC)", kV4,
       uring_sendmsg_zc},
      {"uring_send", "UDP send by io_uring, with an address", kV4, uring_send},
      {"uring_send_zc", "the same without copying (SEND_ZC)", kV4,
       uring_send_zc},
      {"uring6_connect", "TCP connect over IPv6 by io_uring", kV6,
       uring6_connect},
      {"uring6_sendmsg", "UDP sendmsg over IPv6 by io_uring", kV6,
       uring6_sendmsg},
      {"uring6_send", "UDP send over IPv6 by io_uring, with an address", kV6,
       uring6_send},
      {"uring6_send_zc", "the same without copying (SEND_ZC)", kV6,
       uring6_send_zc},
      {"uring_socket", "socket and connect by io_uring", kV4, uring_socket},
      {"uring_polled", "socket and connect by io_uring's own thread and files",
       kV4, uring_polled},
      {"uring_packet_socket", "AF_PACKET, made and used by io_uring", kV4,
       uring_packet_socket},
  };
}

}  // namespace bailiff::bypass
