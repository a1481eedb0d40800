// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/seccomp_listener.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

// Newer kernels may have more in the answer; zeros are what they then expect.
constexpr std::size_t kMaxAnswerBytes = 128;

}  // namespace

bool is_seccomp_listener(int fd) {
  // No call has the number 0 but by a chance of 2^-64.
  std::uint64_t id = 0;
  return ::ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0 || errno == ENOENT;
}

Status check_notification_size() {
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
    return errno_error("ask for the size of a seccomp notification");
  }
  if (sizes.seccomp_notif > kMaxNotificationBytes ||
      sizes.seccomp_notif_resp > kMaxAnswerBytes) {
    return Error{Code::kUnsupported,
                 "this kernel's seccomp notifications are larger than any that "
                 "was known: bailiffd is too old for it"};
  }
  return Ok{};
}

Result<bool> receive(int fd, LedgerSlot& slot) {
  while (::ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, slot.bytes) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOENT) return false;
    return errno_error("receive a held call");
  }
  return true;
}

bool is_held(int fd, std::uint64_t id) {
  return ::ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

Status answer(int fd, std::uint64_t id, int error) {
  alignas(seccomp_notif_resp) std::array<unsigned char, kMaxAnswerBytes>
      bytes{};
  seccomp_notif_resp response{};
  response.id = id;
  response.error = -error;
  if (error == 0) response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  std::memcpy(bytes.data(), &response, sizeof response);
  while (::ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, bytes.data()) != 0) {
    if (errno == EINTR) continue;
    // Dead, interrupted, or answered before.
    if (errno == ENOENT || errno == EINPROGRESS) return Ok{};
    return errno_error("answer a held call");
  }
  return Ok{};
}

}  // namespace bailiff::sidecar
