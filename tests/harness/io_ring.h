// SPDX-License-Identifier: Apache-2.0
// tests/harness/io_ring.h
// System calls by io_uring, which no seccomp filter sees.
#pragma once

#include <errno.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace bailiff::test {

// A ring that does one operation at a time.  A process that gets none ends,
// with EPERM where that is refused.
class IoRing {
 public:
  explicit IoRing(unsigned flags = 0) {
    io_uring_params params{};
    params.flags = flags;
    params.sq_thread_idle = 1000;  // ms
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
    // A thread that polls may sleep by now.
    const unsigned wake =
        (params_.flags & IORING_SETUP_SQPOLL) != 0 ? IORING_ENTER_SQ_WAKEUP : 0;
    if (::syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS | wake,
                  nullptr, 0) < 0) {
      return -errno;
    }
    unsigned& head = at<unsigned>(params_.cq_off.head);
    const unsigned done = head & at<unsigned>(params_.cq_off.ring_mask);
    const int result = (&at<io_uring_cqe>(params_.cq_off.cqes))[done].res;
    __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
    return result;
  }

  // socket(2): a descriptor.
  int socket(int family, int type) {
    io_uring_sqe operation{};
    operation.opcode = IORING_OP_SOCKET;
    operation.fd = family;
    operation.off = static_cast<std::uint64_t>(type);
    return run(operation);
  }

  // The same without a descriptor: the place among the ring's own files, which
  // has one.  Once.
  int fixed_socket(int family, int type) {
    const int none = -1;
    if (::syscall(SYS_io_uring_register, fd_, IORING_REGISTER_FILES, &none, 1) <
        0) {
      return -errno;
    }
    io_uring_sqe operation{};
    operation.opcode = IORING_OP_SOCKET;
    operation.fd = family;
    operation.off = static_cast<std::uint64_t>(type);
    operation.file_index = 1;
    const int result = run(operation);
    return result < 0 ? result : 0;
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

}  // namespace bailiff::test
