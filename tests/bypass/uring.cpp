// SPDX-License-Identifier: Apache-2.0
// The same calls by io_uring, which no seccomp filter sees.
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

// A ring that does one operation at a time.
class Ring {
 public:
  Ring() {
    io_uring_params params{};
    fd_ = static_cast<int>(::syscall(SYS_io_uring_setup, 2, &params));
    if (fd_ < 0) ::_exit(errno == EPERM ? EPERM : 128 + errno % 100);
    rings_ =
        map(params.sq_off.array + params.sq_entries * sizeof(unsigned) +
                params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe),
            IORING_OFF_SQ_RING);
    entries_ = static_cast<io_uring_sqe*>(
        map(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    params_ = params;
  }

  // Its result: negative errno on failure.
  int run(const io_uring_sqe& operation) {
    unsigned& tail = at<unsigned>(params_.sq_off.tail);
    const unsigned slot = tail & at<unsigned>(params_.sq_off.ring_mask);
    entries_[slot] = operation;
    (&at<unsigned>(params_.sq_off.array))[slot] = slot;
    __atomic_store_n(&tail, tail + 1, __ATOMIC_RELEASE);
    if (::syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS,
                  nullptr, 0) < 0) {
      return -errno;
    }
    unsigned& head = at<unsigned>(params_.cq_off.head);
    const unsigned done = head & at<unsigned>(params_.cq_off.ring_mask);
    const int result = (&at<io_uring_cqe>(params_.cq_off.cqes))[done].res;
    __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
    return result;
  }

 private:
  void* map(std::size_t size, off_t what) const {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_POPULATE, fd_, what);
    if (memory == MAP_FAILED) ::_exit(128 + errno % 100);
    return memory;
  }
  // Both rings are in one mapping (IORING_FEAT_SINGLE_MMAP, Linux 5.4).
  template <typename T>
  T& at(unsigned offset) {
    return *reinterpret_cast<T*>(static_cast<char*>(rings_) + offset);
  }

  int fd_ = -1;
  void* rings_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
  io_uring_params params_{};
};

std::uint64_t address_of(const void* object) {
  return reinterpret_cast<std::uint64_t>(object);
}

int connect_by(Ring& ring, int fd, const sockaddr_in& name) {
  io_uring_sqe operation{};
  operation.opcode = IORING_OP_CONNECT;
  operation.fd = fd;
  operation.addr = address_of(&name);
  operation.off = sizeof name;
  return ring.run(operation);
}

int error_in(int result) { return result < 0 ? -result : 0; }

// A connection somebody refuses has been tried.
int tried(int result) {
  const int error = error_in(result);
  return error == ECONNREFUSED ? 0 : error;
}

int uring_connect(const Target& to) {
  Ring ring;
  return tried(
      connect_by(ring, make_socket(AF_INET, SOCK_STREAM), name4(to.v4)));
}

int send_by(Ring& ring, int fd, void* name, socklen_t size, const void* bytes,
            std::size_t length) {
  iovec part{.iov_base = const_cast<void*>(bytes), .iov_len = length};
  msghdr header{};
  header.msg_name = name;
  header.msg_namelen = size;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  io_uring_sqe operation{};
  operation.opcode = IORING_OP_SENDMSG;
  operation.fd = fd;
  operation.addr = address_of(&header);
  operation.len = 1;
  return error_in(ring.run(operation));
}

int uring_sendmsg(const Target& to) {
  Ring ring;
  sockaddr_in name = name4(to.v4);
  return send_by(ring, make_socket(AF_INET, SOCK_DGRAM), &name, sizeof name,
                 kPayload, sizeof kPayload);
}

int socket_by(Ring& ring, int family, int type) {
  io_uring_sqe operation{};
  operation.opcode = IORING_OP_SOCKET;
  operation.fd = family;
  operation.off = static_cast<std::uint64_t>(type);
  return ring.run(operation);
}

int uring_socket(const Target& to) {
  Ring ring;
  const int fd = socket_by(ring, AF_INET, SOCK_STREAM);
  if (fd < 0) return error_in(fd);
  return tried(connect_by(ring, fd, name4(to.v4)));
}

int uring_packet_socket(const Target& to) {
  Ring ring;
  const int fd = socket_by(ring, AF_PACKET, SOCK_DGRAM);
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
      {"uring_socket", "socket and connect by io_uring", kV4, uring_socket},
      {"uring_packet_socket", "AF_PACKET, made and used by io_uring", kV4,
       uring_packet_socket},
  };
}

}  // namespace bailiff::bypass
