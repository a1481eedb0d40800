// SPDX-License-Identifier: Apache-2.0
// From namespaces and cgroups that are made inside the container.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>

#include "tests/bypass/link.h"
#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

int absent() { return 128 + errno % 100; }

int send_datagram(const Target& to) {
  return send_to4(make_socket(AF_INET, SOCK_DGRAM), to.v4);
}

template <typename Act>
int in_child(const Act& act) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(act());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}

int in_namespaces(const Target& to) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) <
      0) {
    return absent();
  }
  return in_child([&] { return send_datagram(to); });
}

bool write_pid(const std::string& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const std::string own = std::to_string(::getpid());
  const bool written = ::write(fd, own.data(), own.size()) > 0;
  ::close(fd);
  return written;
}

// A cgroup file system that may be written, and a cgroup below the container's.
int in_nested_cgroup(const Target& to) {
  if (::unshare(CLONE_NEWCGROUP | CLONE_NEWNS) < 0) return absent();
  constexpr char kMount[] = "/tmp";
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
      ::mount("none", kMount, "cgroup2", 0, nullptr) < 0) {
    return absent();
  }
  const std::string nested = std::string(kMount) + "/nested";
  if (::mkdir(nested.c_str(), 0755) < 0) return absent();
  const int error = in_child([&] {
    if (!write_pid(nested + "/cgroup.procs")) return absent();
    return send_datagram(to);
  });
  if (::rmdir(nested.c_str()) < 0) return absent();
  return error;
}

// An interface on top of `device`, in the network namespace of this process.
int make_macvlan(int rtnetlink, int device, const std::string& name) {
  struct {
    rtattr head;
    char kind[8];
  } info{.head = {.rta_len = RTA_LENGTH(7), .rta_type = IFLA_INFO_KIND},
         .kind = "macvlan"};
  const auto own = static_cast<std::uint32_t>(::getpid());
  LinkRequest request;
  request.add(IFLA_IFNAME, name.c_str(), name.size() + 1);
  request.add(IFLA_LINK, &device, sizeof device);
  request.add(IFLA_NET_NS_PID, &own, sizeof own);
  request.add(IFLA_LINKINFO, &info, sizeof info);
  return request.ask(rtnetlink);
}

// A tunnel from `device` to the host, there too.  Of less than IPv6 wants, so
// that nobody but the prober sends over it.
int make_vxlan(int rtnetlink, int device, in_addr host,
               const std::string& name) {
  struct Attribute {
    rtattr head;
    std::uint32_t value;
  };
  const auto attribute = [](std::uint16_t type, std::size_t size,
                            std::uint32_t value) {
    return Attribute{
        .head = {.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size)),
                 .rta_type = type},
        .value = value};
  };
  struct {
    rtattr kind_head;
    char kind[8];
    rtattr head;
    Attribute parts[4];
  } info{.kind_head = {.rta_len = RTA_LENGTH(6), .rta_type = IFLA_INFO_KIND},
         .kind = "vxlan",
         .head = {.rta_len = RTA_LENGTH(sizeof info.parts),
                  .rta_type = IFLA_INFO_DATA},
         .parts = {
             attribute(IFLA_VXLAN_ID, 4, 1),
             attribute(IFLA_VXLAN_GROUP, 4, host.s_addr),
             attribute(IFLA_VXLAN_LINK, 4, static_cast<std::uint32_t>(device)),
             attribute(IFLA_VXLAN_PORT, 2, htons(4789))}};
  const auto own = static_cast<std::uint32_t>(::getpid());
  const std::uint32_t mtu = 1000;
  LinkRequest request;
  request.add(IFLA_IFNAME, name.c_str(), name.size() + 1);
  request.add(IFLA_MTU, &mtu, sizeof mtu);
  request.add(IFLA_NET_NS_PID, &own, sizeof own);
  request.add(IFLA_LINKINFO, &info, sizeof info);
  return request.ask(rtnetlink);
}

// To everybody behind a tunnel, of which the listed host is the other end.
int over_vxlan(const Target& to) {
  const std::string name = "over0";
  const int outer = make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  const auto device = static_cast<int>(::if_nametoindex(to.device.c_str()));
  if (::unshare(CLONE_NEWNET) < 0) return absent();
  errno = make_vxlan(outer, device, to.v4, name);
  if (errno != 0 || !set_address(name, "10.66.0.1") || !set_up(name)) {
    return absent();
  }
  in_addr everybody{};
  ::inet_pton(AF_INET, "10.255.255.255", &everybody);
  const int fd = make_socket(AF_INET, SOCK_DGRAM);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  return send_to4(fd, everybody);
}

// The namespace is of this process alone, and so is its interface.
int over_macvlan(const Target& to) {
  const std::string name = "over0";
  const int outer = make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  const auto device = static_cast<int>(::if_nametoindex(to.device.c_str()));
  if (::unshare(CLONE_NEWNET) < 0) return absent();
  errno = make_macvlan(outer, device, name);
  if (errno != 0 || !set_up(name)) return absent();
  return send_frame(to.v4, name);
}

}  // namespace

std::vector<Technique> place_techniques() {
  using enum Reaches;
  return {
      {"over_vxlan", "UDP over a vxlan whose other end is listed", kV4,
       over_vxlan},
      {"in_namespaces", "UDP from new user, mount, pid and ipc namespaces", kV4,
       in_namespaces},
      {"in_nested_cgroup", "UDP from a cgroup made below the container's", kV4,
       in_nested_cgroup},
      {"over_macvlan",
       "a frame from a new network namespace, over a macvlan of eth0", kV4,
       over_macvlan},
  };
}

}  // namespace bailiff::bypass
