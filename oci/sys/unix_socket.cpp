// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/unix_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff {
namespace {

constexpr int kBacklog = 128;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // An empty path would ask for an unnamed socket, a leading NUL for an
  // abstract one, which any process in the network namespace may take.
  if (path.empty() || path.find('\0') != std::string::npos ||
      path.size() >= sizeof(address.sun_path)) {
    return invalid_argument("socket path '" + path + "' must have 1 to " +
                            std::to_string(sizeof(address.sun_path) - 1) +
                            " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<UniqueFd> make_socket(int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("create a unix socket");
  return fd;
}

// Removes the file of a listener that is gone.
Status remove_stale(const std::string& path, const sockaddr_un& address,
                    int type) {
  struct stat file = {};
  if (::lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return Ok{};
    return errno_error("check '" + path + "'");
  }
  if (!S_ISSOCK(file.st_mode)) {
    return invalid_argument("'" + path + "' exists and is not a socket");
  }
  ASSIGN_OR_RETURN(const UniqueFd probe, make_socket(type | SOCK_NONBLOCK));
  if (::connect(probe.get(), generic(address), sizeof(address)) == 0 ||
      errno != ECONNREFUSED) {
    return Error{Code::kExhausted,
                 "'" + path + "' is in use by another process", EADDRINUSE};
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return errno_error("remove '" + path + "'");
  }
  return Ok{};
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, mode_t mode, int type) {
  ASSIGN_OR_RETURN(const sockaddr_un address, address_of(path));
  RETURN_IF_ERROR(remove_stale(path, address, type));
  ASSIGN_OR_RETURN(UniqueFd fd, make_socket(type));
  // bind() gives the file the mode of the socket's own inode, less the umask;
  // set before, there is no moment with a wider mode.
  if (::fchmod(fd.get(), mode) != 0) {
    return errno_error("set the mode of '" + path + "'");
  }
  if (::bind(fd.get(), generic(address), sizeof(address)) != 0) {
    return errno_error("bind '" + path + "'");
  }
  if (::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int err = errno;
    ::unlink(path.c_str());
    return errno_error("listen on '" + path + "'", err);
  }
  return fd;
}

Result<UnixConnection> accept_unix(const UniqueFd& listener) {
  for (;;) {
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return errno_error("accept on a unix socket");
    }
    ASSIGN_OR_RETURN(const PeerCredentials peer, peer_credentials(fd.get()));
    return UnixConnection{std::move(fd), peer};
  }
}

Result<UnixConnection> connect_unix(const std::string& path,
                                    Deadline deadline) {
  ASSIGN_OR_RETURN(const sockaddr_un address, address_of(path));
  ASSIGN_OR_RETURN(UniqueFd fd, make_socket(SOCK_STREAM));
  // A blocking connect() waits for room in the backlog as long as the send
  // timeout allows; there is no poll() for it on unix sockets.
  const int milliseconds = std::max(poll_timeout(deadline), 1);
  const timeval limit = {.tv_sec = milliseconds / 1000,
                         .tv_usec = suseconds_t{milliseconds % 1000} * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  while (::connect(fd.get(), generic(address), sizeof(address)) != 0) {
    if (errno != EINTR) return errno_error("connect to '" + path + "'");
  }
  const timeval no_limit = {.tv_sec = 0, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &no_limit, sizeof(no_limit));
  ASSIGN_OR_RETURN(const PeerCredentials peer, peer_credentials(fd.get()));
  return UnixConnection{std::move(fd), peer};
}

Result<PeerCredentials> peer_credentials(int fd) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return errno_error("read the peer's credentials");
  }
  return PeerCredentials{peer.pid, peer.uid, peer.gid};
}

}  // namespace bailiff
