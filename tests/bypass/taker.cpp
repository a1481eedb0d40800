// SPDX-License-Identifier: Apache-2.0
//
// taker PORT: takes whatever comes to the port over TCP and UDP, of both
// families, and prints a line for each connection and datagram: "tcp" or "udp",
// a tab, and the address it is from.  Runs until it is killed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int bound_socket(int type, int port) {
  const int fd = ::socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof(any)) != 0) {
    fail("bind");
  }
  return fd;
}

// An IPv4 address as such.
std::string text_of(const sockaddr_in6& from) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto* bytes = from.sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&from.sin6_addr)) {
    ::inet_ntop(AF_INET, bytes + 12, text, sizeof(text));
  } else {
    ::inet_ntop(AF_INET6, bytes, text, sizeof(text));
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int port = std::atoi(argv[1]);
  const int datagrams = bound_socket(SOCK_DGRAM, port);
  const int listener = bound_socket(SOCK_STREAM, port);
  if (::listen(listener, 64) != 0) fail("listen");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  pollfd polls[] = {{.fd = datagrams, .events = POLLIN, .revents = 0},
                    {.fd = listener, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (::poll(polls, 2, -1) < 0) fail("poll");
    sockaddr_in6 from{};
    socklen_t size = sizeof(from);
    auto* address = reinterpret_cast<sockaddr*>(&from);
    if (polls[0].revents != 0) {
      char byte = 0;
      ::recvfrom(datagrams, &byte, 1, 0, address, &size);
      std::printf("udp\t%s\n", text_of(from).c_str());
    } else {
      // Kept: who connected is not to see it closed.
      if (::accept(listener, address, &size) < 0) fail("accept");
      std::printf("tcp\t%s\n", text_of(from).c_str());
    }
  }
}
