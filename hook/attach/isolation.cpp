// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/isolation.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/maps.h"
#include "hook/attach/pins.h"
#include "hook/attach/refused_connections.h"
#include "hook/attach/undo.h"
#include "hook/kernel/network_namespace.h"
#include "oci/sys/errno_error.h"
#include "rules/abi/isolate.h"

namespace bailiff::hook {
namespace {

constexpr std::string_view kPrefix = "isolate-";

bailiff_peer peer_of(const IpNetwork& network) {
  constexpr std::size_t kMapped = 12;  // ::ffff:a.b.c.d
  bailiff_peer peer{};
  peer.bits = network.prefix;
  auto* bytes = reinterpret_cast<std::uint8_t*>(peer.address);
  if (network.base.family == 6) {
    std::copy_n(network.base.bytes.begin(), sizeof(peer.address), bytes);
    return peer;
  }
  peer.bits += 8 * kMapped;
  bytes[kMapped - 2] = bytes[kMapped - 1] = 0xff;
  std::copy_n(network.base.bytes.begin(), 4, bytes + kMapped);
  return peer;
}

Status ensure_folder(const std::string& path, Kernel& kernel, Undo& undo) {
  ASSIGN_OR_RETURN(const bool made, kernel.make_folder(path));
  if (made) undo.add([path, &kernel] { (void)kernel.remove_folder(path); });
  return Ok{};
}

// The names of the isolation's links in the folder.
Result<std::vector<std::string>> links_in(const std::string& folder,
                                          Kernel& kernel) {
  auto names = kernel.list(folder);
  if (!names) {
    if (not_found(names.error())) return std::vector<std::string>();
    return names.error();
  }
  std::erase_if(*names,
                [](const std::string& name) { return !isolates(name); });
  return names;
}

// Whether these are all of an isolation's links, and each is on the cgroup.
Result<bool> are_all_on(const Cgroup& cgroup, const std::string& folder,
                        const std::vector<std::string>& names, Kernel& kernel) {
  if (names.size() != std::size(kIsolationHooks)) return false;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const Link link, kernel.open_link(folder + "/" + name));
    ASSIGN_OR_RETURN(const LinkState state, kernel.state(link));
    if (state.cgroup != cgroup.id()) return false;
  }
  return true;
}

Status remove(const std::string& folder, const std::vector<std::string>& names,
              Kernel& kernel) {
  for (const std::string& name : names) {
    const std::string pin = folder + "/" + name;
    ASSIGN_OR_RETURN(const Link link, kernel.open_link(pin));
    RETURN_IF_ERROR(kernel.detach(link));
    RETURN_IF_ERROR(kernel.unlink(pin));
  }
  return Ok{};
}

Result<Map> allowed_map(std::span<const IpNetwork> allowed, Kernel& kernel) {
  if (allowed.size() > kMaxAllowedPeers) {
    return Error{
        Code::kExhausted,
        "more than " + std::to_string(kMaxAllowedPeers) + " peers are allowed"};
  }
  ASSIGN_OR_RETURN(Map map,
                   kernel.create_map({.type = MapType::kLongestPrefix,
                                      .name = "bailiff_allowed",
                                      .key_size = sizeof(bailiff_peer),
                                      .value_size = sizeof(std::uint32_t),
                                      .max_entries = kMaxAllowedPeers},
                                     nullptr));
  const std::uint32_t yes = 1;
  for (const IpNetwork& network : allowed) {
    const bailiff_peer peer = peer_of(network);
    RETURN_IF_ERROR(kernel.update(map, bytes_of(peer), bytes_of(yes)));
  }
  return map;
}

Status cut(const Cgroup& cgroup, std::span<const IpNetwork> allowed,
           Kernel& kernel) {
  ASSIGN_OR_RETURN(const std::vector<pid_t> processes, cgroup.processes());
  const std::set<std::uint64_t> ids = cgroup.ids();
  // Those of a container are in one network namespace but for what a
  // privileged one makes.
  std::set<NamespaceId> seen;
  Status first = Ok{};
  for (const pid_t pid : processes) {
    const auto netns = network_namespace_of(pid);
    if (!netns) continue;  // it has ended
    ASSIGN_OR_RETURN(const NamespaceId id, network_namespace_id(*netns));
    if (seen.size() == kMaxNamespaces || !seen.insert(id).second) continue;
    const Status done = kernel.cut_connections(netns->get(), ids, allowed);
    if (first && !done) first = done;
  }
  return first;
}

}  // namespace

bool isolates(std::string_view link) { return link.starts_with(kPrefix); }

Status isolate(const std::string& bpf_dir, const std::string& container_id,
               const Cgroup& cgroup, std::span<const IpNetwork> allowed,
               Kernel& kernel) {
  const Pins pins(bpf_dir);
  ASSIGN_OR_RETURN(const std::string folder, pins.container(container_id));
  RETURN_IF_ERROR(kernel.check_bpffs(pins.root()));
  // In this order, so that what follows is undone while these are held.
  std::vector<Link> links;
  links.reserve(std::size(kIsolationHooks));
  UniqueFd lock;
  Undo undo;
  RETURN_IF_ERROR(ensure_folder(pins.root(), kernel, undo));
  ASSIGN_OR_RETURN(
      lock,
      kernel.lock(pins.root(), std::chrono::steady_clock::now() + kLockWait));
  RETURN_IF_ERROR(ensure_folder(pins.links(), kernel, undo));
  RETURN_IF_ERROR(ensure_folder(folder, kernel, undo));
  ASSIGN_OR_RETURN(const std::vector<std::string> before,
                   links_in(folder, kernel));
  ASSIGN_OR_RETURN(const bool isolated,
                   are_all_on(cgroup, folder, before, kernel));
  if (isolated) {
    undo.keep();
    return Ok{};
  }
  // Half made, by a process that was killed, or of a container that is gone.
  RETURN_IF_ERROR(remove(folder, before, kernel));

  ASSIGN_OR_RETURN(const Map map, allowed_map(allowed, kernel));
  ASSIGN_OR_RETURN(const std::vector<IsolationProgram> programs,
                   kernel.load_isolation(map));
  for (const IsolationProgram& program : programs) {
    ASSIGN_OR_RETURN(Link link, kernel.attach_isolation(program, cgroup.fd()));
    links.push_back(std::move(link));
    const Link& attached = links.back();
    undo.add([&] { (void)kernel.detach(attached); });
    const std::string pin = folder + "/" + std::string(kPrefix) +
                            std::string(to_string(program.hook));
    RETURN_IF_ERROR(kernel.pin(attached.fd(), pin));
    undo.add([pin, &kernel] { (void)kernel.unlink(pin); });
  }
  undo.keep();
  // It takes as long as the container has sockets; others may attach meanwhile.
  lock = UniqueFd();
  // What could not be ended is dead all the same.
  static_cast<void>(cut(cgroup, allowed, kernel));
  return Ok{};
}

Status release(const std::string& bpf_dir, const std::string& container_id,
               Kernel& kernel) {
  const Pins pins(bpf_dir);
  ASSIGN_OR_RETURN(const std::string folder, pins.container(container_id));
  auto lock =
      kernel.lock(pins.root(), std::chrono::steady_clock::now() + kLockWait);
  if (!lock) {
    if (not_found(lock.error())) return Ok{};
    return lock.error();
  }
  ASSIGN_OR_RETURN(const auto names, links_in(folder, kernel));
  RETURN_IF_ERROR(remove(folder, names, kernel));
  // Of a container without other programs; others keep it.
  (void)kernel.remove_folder(folder);
  return Ok{};
}

}  // namespace bailiff::hook
