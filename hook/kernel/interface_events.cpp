// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/interface_events.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "hook/kernel/network_namespace.h"
#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

constexpr int kMostAtOnce = 1024;

}  // namespace

Result<InterfaceEvents> InterfaceEvents::open(const UniqueFd& netns) {
  UniqueFd socket;
  RETURN_IF_ERROR(in_network_namespace(netns.get(), [&]() -> Status {
    socket = UniqueFd(::socket(
        AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR;
    if (!socket ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
               sizeof address) != 0) {
      return errno_error("ask about interfaces that come");
    }
    return Ok{};
  }));
  return InterfaceEvents(std::move(socket));
}

Result<bool> InterfaceEvents::read() {
  // A message is about one interface, which it begins with.
  alignas(nlmsghdr) std::array<char, 4096> bytes;
  bool came = false;
  // Whoever makes them without end is left for the next time.
  for (int left = kMostAtOnce; left > 0; --left) {
    sockaddr_nl from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket_.get(), bytes.data(), bytes.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return came;
      if (errno != ENOBUFS) return errno_error("hear of interfaces that come");
      known_.clear();
      came = true;
      continue;
    }
    constexpr std::size_t kNeeded =
        NLMSG_LENGTH(std::min(sizeof(ifinfomsg), sizeof(ifaddrmsg)));
    // Of the kernel: processes of the namespace may send to the group.
    if (from.nl_pid != 0 || static_cast<std::size_t>(got) < kNeeded) continue;
    nlmsghdr header;
    ifinfomsg link{};
    std::memcpy(&header, bytes.data(), sizeof header);
    std::memcpy(
        &link, bytes.data() + NLMSG_HDRLEN,
        std::min(sizeof link, static_cast<std::size_t>(got) - NLMSG_HDRLEN));
    if (header.nlmsg_type == RTM_NEWADDR) came = true;
    if (header.nlmsg_type == RTM_DELLINK) known_.erase(link.ifi_index);
    if (header.nlmsg_type == RTM_NEWLINK) {
      came = known_.insert(link.ifi_index).second || came;
    }
  }
  return came;
}

}  // namespace bailiff::hook
