// SPDX-License-Identifier: Apache-2.0
//
// foreigner FIFO: what a container does with sockets that were made outside of
// it.  Reads an order a line, and answers each with one: the order, and the
// errno or "0".
//
//   take PATH            receives sockets over a unix socket: their numbers;
//                        the third one it uses and closes at once
//   send FD              a byte
//   close FD
//   sendto FD ADDRESS    a datagram
//   connect FD ADDRESS   for a second at most
//   accept FD            takes a client and a byte of it, gives that back, and
//                        keeps the connection
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace {

constexpr std::uint16_t kPort = 4444;
constexpr int kMaxSockets = 16;
constexpr std::size_t kSpent = 2;

std::string result_of(long result) {
  return result < 0 ? ::strerrorname_np(errno) : "0";
}

sockaddr_in name_of(const std::string& address) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(kPort);
  ::inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  return name;
}

std::string take(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof(name.sun_path) - 1);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) {
    return result_of(-1);
  }
  char byte = 0;
  iovec part{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char room[CMSG_SPACE(kMaxSockets * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof(room);
  if (::recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1) return result_of(-1);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) return "nothing";
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  std::string numbers;
  for (std::size_t i = 0; i < count; ++i) {
    int one = -1;
    std::memcpy(&one, CMSG_DATA(header) + i * sizeof(int), sizeof(one));
    if (i == kSpent) {
      static_cast<void>(::send(one, "x", 1, 0));
      ::close(one);
    }
    numbers += (i == 0 ? "" : " ") + std::to_string(one);
  }
  ::close(fd);
  return numbers;
}

std::string obey(const std::string& verb, int fd, const std::string& address) {
  if (verb == "send") return result_of(::send(fd, "x", 1, 0));
  if (verb == "close") return result_of(::close(fd));
  if (verb == "accept") {
    const int client = ::accept(fd, nullptr, nullptr);
    char byte = 0;
    if (client < 0 || ::recv(client, &byte, 1, 0) != 1) return result_of(-1);
    return result_of(::send(client, &byte, 1, 0));
  }
  const sockaddr_in name = name_of(address);
  const auto* to = reinterpret_cast<const sockaddr*>(&name);
  if (verb == "connect") {
    const timeval limit{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return result_of(::connect(fd, to, sizeof(name)));
  }
  if (verb == "sendto") {
    return result_of(::sendto(fd, "x", 1, 0, to, sizeof(name)));
  }
  return "?";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  ::signal(SIGPIPE, SIG_IGN);
  for (;;) {
    std::ifstream orders(argv[1]);
    for (std::string line; std::getline(orders, line);) {
      std::istringstream words(line);
      std::string verb, second, third;
      words >> verb >> second >> third;
      const std::string result =
          verb == "take" ? take(second)
                         : obey(verb, std::atoi(second.c_str()), third);
      std::cout << line << ": " << result << std::endl;
    }
  }
}
