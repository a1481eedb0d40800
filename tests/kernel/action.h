// SPDX-License-Identifier: Apache-2.0
// tests/kernel/action.h
// One thing a process does over the network, on loopback: the test in a process
// of its own, and the program `actor`, which is executed for it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace bailiff::test {

// Does "bind", "connect" or "sendto", with a socket for datagrams.  Returns the
// errno; 0: it was done, 254: it is none of them.
inline int act(std::string_view action) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 254;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  const auto* name = reinterpret_cast<const sockaddr*>(&at);
  ::inet_pton(AF_INET, "127.66.0.1", &at.sin_addr);
  int done = -2;
  if (action == "bind") {
    done = ::bind(fd, name, sizeof(at));
  } else if (at.sin_port = htons(9); action == "connect") {
    done = ::connect(fd, name, sizeof(at));
  } else if (action == "sendto") {
    done = ::sendto(fd, "", 0, 0, name, sizeof(at)) == 0 ? 0 : -1;
  }
  const int error = done == 0 ? 0 : done == -1 ? errno : 254;
  ::close(fd);
  return error;
}

}  // namespace bailiff::test
