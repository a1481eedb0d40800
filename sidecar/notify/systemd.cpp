// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

// FDNAME=, past which systemd ignores the name (sd_pid_notify_with_fds(3)).
constexpr std::size_t kMaxName = 255;

const char* notify_socket() { return std::getenv("NOTIFY_SOCKET"); }

Status tell(std::string_view state, int fd, int flags = 0) {
  ASSIGN_OR_RETURN(const UniqueFd socket,
                   connect_to(notify_socket(), SOCK_DGRAM));
  return send_message(socket.get(), state, fd, flags);
}

}  // namespace

Status tell_systemd_ready() {
  if (notify_socket() == nullptr) return Ok{};
  return tell("READY=1", -1);
}

// systemd says so itself since version 254, and drops what it is given without
// a word where FileDescriptorStoreMax= is 0.  For an older one the unit can say
// it (Environment=FDSTORE=...).
std::size_t systemd_room() {
  const char* most = std::getenv("FDSTORE");
  std::size_t room = 0;
  if (notify_socket() == nullptr || most == nullptr) return room;
  std::from_chars(most, most + std::strlen(most), room);
  return room;
}

Status give_systemd(const std::string& name, int fd) {
  if (name.size() > kMaxName) {
    return invalid_argument("the name '" + name +
                            "' is too long for systemd's store");
  }
  return tell("FDSTORE=1\nFDNAME=" + name, fd, MSG_DONTWAIT);
}

std::vector<NamedDescriptor> kept_by_systemd() {
  constexpr int kFirst = 3;
  std::vector<NamedDescriptor> kept;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const char* names = std::getenv("LISTEN_FDNAMES");
  if (pid == nullptr || count == nullptr || names == nullptr ||
      std::to_string(::getpid()) != pid) {
    return kept;
  }
  int descriptors = 0;
  std::from_chars(count, count + std::strlen(count), descriptors);
  std::string_view rest = names;
  for (int i = 0; i < descriptors; ++i) {
    const std::string_view name = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    UniqueFd fd(kFirst + i);
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    kept.push_back({std::string(name), std::move(fd)});
  }
  return kept;
}

}  // namespace bailiff::sidecar
