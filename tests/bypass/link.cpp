// SPDX-License-Identifier: Apache-2.0
#include "tests/bypass/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {

LinkRequest::LinkRequest(What what) {
  request_.head.nlmsg_len = NLMSG_LENGTH(sizeof request_.link);
  request_.head.nlmsg_type = what == What::kMake ? RTM_NEWLINK : RTM_DELLINK;
  request_.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  if (what == What::kMake) {
    request_.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
  }
}

void LinkRequest::add(std::uint16_t type, const void* data, std::size_t size) {
  auto* at = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(&request_) +
                                       request_.head.nlmsg_len);
  at->rta_type = type;
  at->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  std::memcpy(RTA_DATA(at), data, size);
  request_.head.nlmsg_len += RTA_ALIGN(at->rta_len);
}

int LinkRequest::ask(int fd) {
  if (::send(fd, &request_, request_.head.nlmsg_len, 0) < 0) return errno;
  struct {
    nlmsghdr head;
    nlmsgerr error;
    char rest[512];
  } answer{};
  if (::recv(fd, &answer, sizeof answer, 0) < 0) return errno;
  return -answer.error.error;
}

bool set_up(const std::string& name) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  request.ifr_flags = IFF_UP;
  return ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

bool set_address(const std::string& name, const char* address) {
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &own.sin_addr);
  std::memcpy(&request.ifr_addr, &own, sizeof own);
  return ::ioctl(fd, SIOCSIFADDR, &request) == 0;
}

}  // namespace bailiff::bypass
