// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/network_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

Result<UniqueFd> open_namespace(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("open '" + path + "'");
  return fd;
}

// Of the interface that the request names; the rest of it is overwritten.
bool leads_inside(int socket, ifreq& request) {
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  request.ifr_data = reinterpret_cast<char*>(&driver);
  if (::ioctl(socket, SIOCETHTOOL, &request) != 0 ||
      std::string_view(driver.driver) != "veth") {
    return false;
  }
  return ::ioctl(socket, SIOCGIFADDR, &request) != 0;
}

Status on_a_thread(const std::function<Status()>& work) {
  Status done = Ok{};
  try {
    std::thread([&] { done = work(); }).join();
  } catch (const std::system_error& error) {
    return errno_error("start a thread", error.code().value());
  }
  return done;
}

}  // namespace

// A thread that has ended has none, and the first one may have ended before the
// others.
Result<UniqueFd> network_namespace_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  Result<UniqueFd> first = open_namespace(folder + "/ns/net");
  if (first || first.error().sys_errno != ENOENT) return first;
  std::error_code error;
  std::filesystem::directory_iterator each(folder + "/task", error);
  for (const std::filesystem::directory_iterator end; !error && each != end;
       each.increment(error)) {
    Result<UniqueFd> found = open_namespace(each->path().string() + "/ns/net");
    if (found) return found;
  }
  return first;
}

std::optional<UniqueFd> network_namespace_in(pid_t pid, ino_t inode) {
  std::error_code error;
  std::filesystem::directory_iterator each(
      "/proc/" + std::to_string(pid) + "/task", error);
  for (const std::filesystem::directory_iterator end; !error && each != end;
       each.increment(error)) {
    Result<UniqueFd> found = open_namespace(each->path().string() + "/ns/net");
    struct stat status {};
    if (found && ::fstat(found->get(), &status) == 0 &&
        status.st_ino == inode) {
      return *std::move(found);
    }
  }
  return std::nullopt;
}

Result<NamespaceId> network_namespace_id(const UniqueFd& netns) {
  struct stat found {};
  if (::fstat(netns.get(), &found) != 0) {
    return errno_error("stat a network namespace");
  }
  return NamespaceId(found.st_dev, found.st_ino);
}

Result<bool> is_own_network_namespace(const UniqueFd& netns) {
  ASSIGN_OR_RETURN(const UniqueFd ours, open_namespace("/proc/self/ns/net"));
  ASSIGN_OR_RETURN(const NamespaceId one, network_namespace_id(netns));
  ASSIGN_OR_RETURN(const NamespaceId other, network_namespace_id(ours));
  return one == other;
}

Result<UniqueFd> make_network_namespace() {
  UniqueFd made;
  RETURN_IF_ERROR(on_a_thread([&]() -> Status {
    if (::unshare(CLONE_NEWNET) != 0) {
      return errno_error("make a network namespace");
    }
    ASSIGN_OR_RETURN(made, open_namespace("/proc/thread-self/ns/net"));
    return Ok{};
  }));
  return made;
}

Status in_network_namespace(int netns, const std::function<Status()>& work) {
  return on_a_thread([&]() -> Status {
    if (::setns(netns, CLONE_NEWNET) != 0) {
      return errno_error("enter the container's network namespace");
    }
    return work();
  });
}

Result<std::vector<Interface>> interfaces_here() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno_error("make a socket to ask about interfaces");
  const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)>
      names(::if_nameindex(), ::if_freenameindex);
  if (!names) return errno_error("list interfaces");
  std::vector<Interface> found;
  for (const struct if_nameindex* one = names.get(); one->if_index != 0;
       ++one) {
    ifreq request{};
    ::strncpy(request.ifr_name, one->if_name, IFNAMSIZ - 1);
    if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
      if (errno == ENODEV) continue;
      return errno_error("ask about interface '" + std::string(one->if_name) +
                         "'");
    }
    if ((request.ifr_flags & IFF_LOOPBACK) != 0) continue;
    if (::ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0) {
      if (errno == ENODEV) continue;
      return errno_error("ask about interface '" + std::string(one->if_name) +
                         "'");
    }
    const std::uint16_t type = request.ifr_hwaddr.sa_family;
    found.push_back({.index = one->if_index,
                     .name = one->if_name,
                     .type = type,
                     .leads_inside = leads_inside(socket.get(), request)});
  }
  return found;
}

}  // namespace bailiff::hook
