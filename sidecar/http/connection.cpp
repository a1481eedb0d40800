// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "oci/sys/files.h"
#include "oci/sys/unix_socket.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;

// A peer that takes up nothing for so long is given up.
constexpr std::chrono::seconds kWriteTime{10};
// What finish() discards, in time and bytes.
constexpr std::chrono::seconds kLingerTime{1};
constexpr std::size_t kLingerBytes = 4 << 20;

bool poll_for(int fd, short events, steady_clock::time_point deadline) {
  pollfd polled{.fd = fd, .events = events, .revents = 0};
  while (true) {
    const int ready = ::poll(&polled, 1, poll_timeout(deadline));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

std::string describe_peer(int fd, Transport transport) {
  if (transport == Transport::kUnix) {
    const Result<PeerCredentials> peer = peer_credentials(fd);
    if (!peer) return "unix";
    return "uid=" + std::to_string(peer->uid) +
           " pid=" + std::to_string(peer->pid);
  }
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return "tcp";
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&peer);
    ::inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    return std::string("tcp ") + text + ":" +
           std::to_string(ntohs(in->sin_port));
  }
  const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&peer);
  ::inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
  return std::string("tcp [") + text +
         "]:" + std::to_string(ntohs(in6->sin6_port));
}

}  // namespace

Connection::Connection(UniqueFd fd, Transport transport)
    : fd_(std::move(fd)),
      transport_(transport),
      actor_(describe_peer(fd_.get(), transport)) {
  if (transport == Transport::kUnix) {
    const Result<PeerCredentials> peer = peer_credentials(fd_.get());
    is_root_ = peer && peer->uid == 0;
  }
  if (transport == Transport::kTcp) {
    const int on = 1;  // answers are one write; events must not wait
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

bool Connection::wait_for_request(std::chrono::seconds wait) {
  return begin_ < end_ ||
         poll_for(fd_.get(), POLLIN, steady_clock::now() + wait);
}

void Connection::begin_request(std::chrono::seconds time,
                               std::size_t most_bytes) {
  deadline_ = steady_clock::now() + time;
  allowance_ = most_bytes;
}

bool Connection::fill() {
  while (true) {
    if (!poll_for(fd_.get(), POLLIN, deadline_)) return false;
    const ssize_t size =
        ::recv(fd_.get(), buffer_, sizeof buffer_, MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return false;
    begin_ = 0;
    end_ = static_cast<std::size_t>(size);
    return true;
  }
}

ssize_t Connection::read(char* into, std::size_t size) {
  if (begin_ == end_ && !fill()) return -1;
  const std::size_t taken = std::min(size, end_ - begin_);
  if (taken > allowance_) return -1;
  std::memcpy(into, buffer_ + begin_, taken);
  begin_ += taken;
  allowance_ -= taken;
  return static_cast<ssize_t>(taken);
}

ssize_t Connection::write(const char* bytes, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t sent = ::send(fd_.get(), bytes + done, size - done,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      if (!is_writable()) return -1;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ssize_t>(size);
}

bool Connection::is_writable() const {
  return poll_for(fd_.get(), POLLOUT, steady_clock::now() + kWriteTime);
}

bool Connection::peer_is_gone() const {
  pollfd polled{.fd = fd_.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&polled, 1, 0) > 0;
}

void Connection::finish() {
  ::shutdown(fd_.get(), SHUT_WR);
  const auto deadline = steady_clock::now() + kLingerTime;
  std::size_t discarded = 0;
  while (discarded < kLingerBytes && poll_for(fd_.get(), POLLIN, deadline)) {
    const ssize_t size =
        ::recv(fd_.get(), buffer_, sizeof buffer_, MSG_DONTWAIT);
    if (size <= 0) return;
    discarded += static_cast<std::size_t>(size);
  }
}

void Connection::stop_reading() { ::shutdown(fd_.get(), SHUT_RD); }
void Connection::shut_down() { ::shutdown(fd_.get(), SHUT_RDWR); }

}  // namespace bailiff::sidecar
