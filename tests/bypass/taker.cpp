// SPDX-License-Identifier: Apache-2.0
//
// taker PORT [answer]: takes whatever comes to the port over TCP and UDP, of
// both families, and prints a line for each connection and datagram: "tcp" or
// "udp", a tab, and the address it is from.  Runs until it is killed. "answer":
// sends datagrams back, those that begin with "c" over a socket that it
// connects, and has the errno, or 0, behind another tab.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
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

// Of the call that failed, or "0".
const char* answer(int datagrams, char word, const sockaddr_in6& to) {
  const auto* address = reinterpret_cast<const sockaddr*>(&to);
  int fd = -1;
  long sent = 0;
  if (word == 'c') {
    fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sent = ::connect(fd, address, sizeof to);
    if (sent == 0) sent = ::send(fd, &word, 1, 0);
  } else {
    sent = ::sendto(datagrams, &word, 1, 0, address, sizeof to);
  }
  const char* error = sent < 0 ? ::strerrorname_np(errno) : "0";
  if (fd >= 0) ::close(fd);
  return error;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const bool answers = argc > 2;
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
      std::printf("udp\t%s", text_of(from).c_str());
      if (answers) std::printf("\t%s", answer(datagrams, byte, from));
      std::puts("");
    } else {
      // Kept: who connected is not to see it closed.
      if (::accept(listener, address, &size) < 0) fail("accept");
      std::printf("tcp\t%s\n", text_of(from).c_str());
    }
  }
}
