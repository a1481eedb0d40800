// SPDX-License-Identifier: Apache-2.0
//
// talker tcp|udp|mptcp ADDRESS PORT: connects, prints "connected", and sends
// each line of its input as it comes; after each it prints "sent", or the
// errno. An IPv4-mapped address is connected to over IPv6.  An MPTCP connection
// that became one of TCP counts as none.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/mptcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

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

int connected(std::string_view protocol, const char* address, int port) {
  const bool six = std::strchr(address, ':') != nullptr;
  const int type = protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
  const int fd = ::socket(six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC,
                          protocol == "mptcp" ? IPPROTO_MPTCP : 0);
  if (fd < 0) fail("socket");
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_port = htons(static_cast<std::uint16_t>(port));
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  to4.sin_port = to6.sin6_port;
  const int known = six ? ::inet_pton(AF_INET6, address, &to6.sin6_addr)
                        : ::inet_pton(AF_INET, address, &to4.sin_addr);
  if (known != 1) fail("address");
  const auto* to = six ? reinterpret_cast<const sockaddr*>(&to6)
                       : reinterpret_cast<const sockaddr*>(&to4);
  if (::connect(fd, to, six ? sizeof to6 : sizeof to4) != 0) fail("connect");
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int fd = connected(argv[1], argv[2], std::atoi(argv[3]));
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::puts("connected");
  char line[100];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    const bool sent = ::send(fd, line, std::strlen(line), MSG_NOSIGNAL) >= 0;
    std::puts(sent ? "sent" : ::strerrorname_np(errno));
  }
  return 0;
}
