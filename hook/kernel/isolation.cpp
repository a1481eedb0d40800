// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "hook/bpf/isolate.skel.h"
#include "hook/kernel/connections.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

struct Destroy {
  void operator()(::isolate* object) const { ::isolate__destroy(object); }
};

Error isolation_error(const std::string& what, int err) {
  Error error = errno_error(what, err);
  if (err == EINVAL || err == ENOTSUP || err == ENOSYS) {
    error.code = Code::kUnsupported;
  }
  return error;
}

bpf_attach_type attach_type(IsolationHook hook) {
  switch (hook) {
    case IsolationHook::kEgress:
      return BPF_CGROUP_INET_EGRESS;
    case IsolationHook::kIngress:
      return BPF_CGROUP_INET_INGRESS;
    case IsolationHook::kConnect4:
      return BPF_CGROUP_INET4_CONNECT;
    case IsolationHook::kConnect6:
      return BPF_CGROUP_INET6_CONNECT;
    case IsolationHook::kSendmsg4:
      return BPF_CGROUP_UDP4_SENDMSG;
    case IsolationHook::kSendmsg6:
      return BPF_CGROUP_UDP6_SENDMSG;
  }
  return __MAX_BPF_ATTACH_TYPE;
}

}  // namespace

std::string_view to_string(IsolationHook hook) {
  switch (hook) {
    case IsolationHook::kEgress:
      return "egress";
    case IsolationHook::kIngress:
      return "ingress";
    case IsolationHook::kConnect4:
      return "connect4";
    case IsolationHook::kConnect6:
      return "connect6";
    case IsolationHook::kSendmsg4:
      return "sendmsg4";
    case IsolationHook::kSendmsg6:
      return "sendmsg6";
  }
  return "";
}

Result<std::vector<IsolationProgram>> LinuxKernel::load_isolation(
    const Map& allowed) {
  const std::unique_ptr<::isolate, Destroy> object(::isolate__open());
  if (!object) return isolation_error("open the isolation", errno);
  if (const int err = ::bpf_map__reuse_fd(object->maps.allowed, allowed.fd());
      err != 0) {
    return isolation_error("give the isolation its map", -err);
  }
  if (const int err = ::isolate__load(object.get()); err != 0) {
    return isolation_error("load the isolation", -err);
  }
  std::vector<IsolationProgram> programs;
  for (const IsolationHook hook : kIsolationHooks) {
    const std::string name = "isolate_" + std::string(to_string(hook));
    const ::bpf_program* program =
        ::bpf_object__find_program_by_name(object->obj, name.c_str());
    if (program == nullptr)
      return isolation_error("find '" + name + "'", ENOENT);
    UniqueFd fd(::fcntl(::bpf_program__fd(program), F_DUPFD_CLOEXEC, 0));
    if (!fd) return errno_error("keep program '" + name + "'");
    programs.push_back({hook, Program(std::move(fd))});
  }
  return programs;
}

Result<Link> LinuxKernel::attach_isolation(const IsolationProgram& program,
                                           int cgroup) {
  UniqueFd fd(::bpf_link_create(program.program.fd(), cgroup,
                                attach_type(program.hook), nullptr));
  if (fd) return Link(std::move(fd));
  return isolation_error("attach the isolation to '" +
                             std::string(to_string(program.hook)) +
                             "' of the cgroup (needs Linux 5.7)",
                         errno);
}

Status LinuxKernel::cut_connections(int netns,
                                    const std::set<std::uint64_t>& cgroups,
                                    std::span<const IpNetwork> spared) {
  ASSIGN_OR_RETURN(Connections connections, Connections::open(netns));
  const auto chosen = [&](const Connection& one) {
    return cgroups.contains(one.cgroup) &&
           std::none_of(
               spared.begin(), spared.end(),
               [&](const IpNetwork& each) { return each.contains(one.peer); });
  };
  for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    ASSIGN_OR_RETURN(const std::vector<Connection> found,
                     connections.find(protocol, chosen));
    for (const Connection& each : found) {
      RETURN_IF_ERROR(connections.end(each));
    }
  }
  return Ok{};
}

}  // namespace bailiff::hook
