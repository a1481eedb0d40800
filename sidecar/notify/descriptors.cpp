// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/descriptors.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

// As many as one message can carry (SCM_MAX_FD): what is cut off by a smaller
// buffer would be closed by the kernel, but not told of.
constexpr std::size_t kMaxDescriptors = 253;

}  // namespace

Status limit_waits(const UniqueFd& socket, std::chrono::milliseconds limit) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
  const timeval time{
      .tv_sec = seconds.count(),
      .tv_usec = std::chrono::microseconds(limit - seconds).count()};
  for (const int option : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    if (::setsockopt(socket.get(), SOL_SOCKET, option, &time, sizeof time) !=
        0) {
      return errno_error("limit the waits of a socket");
    }
  }
  return Ok{};
}

Result<UniqueFd> connect_to(const std::string& path, int type,
                            std::chrono::milliseconds limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return invalid_argument("the path '" + path + "' is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool is_abstract = path.starts_with('@');
  if (is_abstract) address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                           path.size() + (is_abstract ? 0 : 1));
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (fd) RETURN_IF_ERROR(limit_waits(fd, limit));
  if (!fd ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return errno_error("connect to '" + path + "'");
  }
  return fd;
}

Status send_message(int socket, std::string_view text, int fd, int flags) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL | flags) < 0) {
    if (errno != EINTR) return errno_error("send a descriptor");
  }
  return Ok{};
}

Result<Message> receive_message(int socket, std::size_t limit, int flags) {
  Message received;
  received.text.resize(limit);
  iovec part{received.text.data(), received.text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))] = {};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  while ((size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags)) < 0) {
    if (errno != EINTR) return errno_error("receive a descriptor");
  }
  received.text.resize(static_cast<std::size_t>(size));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      UniqueFd owned(fd);
      if (!received.fd) received.fd = std::move(owned);
    }
  }
  return received;
}

}  // namespace bailiff::sidecar
