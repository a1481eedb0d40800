// SPDX-License-Identifier: Apache-2.0
//
// talker tcp|udp|bound|mptcp ADDRESS PORT [FROM]: connects, from the port FROM
// when there is one, prints "connected", and sends each line of its input as it
// comes; after each it prints "sent", or the errno.  When something comes, it
// prints "heard"; when its connection ends, "ended", or "lost" and the errno.
// A `bound` socket of UDP has no peer, and sends to the address.  An
// IPv4-mapped address is connected to over IPv6.  An MPTCP connection that
// became one of TCP counts as none.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/mptcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr int kSolMptcp = 284;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Peer {
  sockaddr_in6 to6{};
  sockaddr_in to4{};
  bool six = false;
  const sockaddr* name() const {
    return six ? reinterpret_cast<const sockaddr*>(&to6)
               : reinterpret_cast<const sockaddr*>(&to4);
  }
  socklen_t size() const { return six ? sizeof to6 : sizeof to4; }
};

Peer peer_at(const char* address, int port) {
  Peer peer;
  peer.six = std::strchr(address, ':') != nullptr;
  peer.to6.sin6_family = AF_INET6;
  peer.to6.sin6_port = htons(static_cast<std::uint16_t>(port));
  peer.to4.sin_family = AF_INET;
  peer.to4.sin_port = peer.to6.sin6_port;
  const int known = peer.six
                        ? ::inet_pton(AF_INET6, address, &peer.to6.sin6_addr)
                        : ::inet_pton(AF_INET, address, &peer.to4.sin_addr);
  if (known != 1) fail("address");
  return peer;
}

int socket_for(std::string_view protocol, const Peer& peer, int from) {
  const bool datagrams = protocol == "udp" || protocol == "bound";
  const int type = datagrams ? SOCK_DGRAM : SOCK_STREAM;
  const int fd = ::socket(peer.six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC,
                          protocol == "mptcp" ? IPPROTO_MPTCP : 0);
  if (fd < 0) fail("socket");
  if (protocol == "bound" || from != 0) {
    sockaddr_in6 any{};
    any.sin6_family = peer.six ? AF_INET6 : AF_INET;
    any.sin6_port = htons(static_cast<std::uint16_t>(from));
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&any), peer.size()) != 0) {
      fail("bind");
    }
  }
  if (protocol == "bound") return fd;
  if (::connect(fd, peer.name(), peer.size()) != 0) fail("connect");
  if (protocol == "mptcp") {
    mptcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, kSolMptcp, MPTCP_INFO, &info, &size) != 0 ||
        (info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK) != 0) {
      fail("mptcp");
    }
  }
  return fd;
}

// Whether there may be more.
bool hear(int fd) {
  char bytes[100];
  const ssize_t size = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (size > 0) {
    std::puts("heard");
  } else if (size == 0) {
    std::puts("ended");
  } else {
    std::printf("lost %s\n", ::strerrorname_np(errno));
  }
  return size > 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  const std::string_view protocol = argv[1];
  const Peer peer = peer_at(argv[2], std::atoi(argv[3]));
  const int fd = socket_for(protocol, peer, argc > 4 ? std::atoi(argv[4]) : 0);
  // What poll() is asked of is nowhere else.
  std::setvbuf(stdin, nullptr, _IONBF, 0);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::puts("connected");
  char line[100];
  pollfd polls[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                    {.fd = fd, .events = POLLIN, .revents = 0}};
  while (::poll(polls, 2, -1) > 0) {
    if (polls[1].revents != 0 && !hear(fd)) polls[1].fd = -1;
    if (polls[0].revents == 0) continue;
    if (std::fgets(line, sizeof line, stdin) == nullptr) return 0;
    const ssize_t sent =
        protocol == "bound"
            ? ::sendto(fd, line, std::strlen(line), 0, peer.name(), peer.size())
            : ::send(fd, line, std::strlen(line), MSG_NOSIGNAL);
    std::puts(sent >= 0 ? "sent" : ::strerrorname_np(errno));
  }
  return 0;
}
