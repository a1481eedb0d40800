// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "hook/attach/judged.h"
#include "hook/attach/maps.h"
#include "hook/attach/observer.h"
#include "hook/attach/scratch_cgroup.h"
#include "hook/attach/self_test.h"
#include "hook/kernel/foreign.h"
#include "hook/kernel/kernel_facts.h"
#include "hook/kernel/network_namespace.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/child.h"
#include "oci/sys/files.h"
#include "oci/sys/pidfd.h"
#include "oci/sys/process.h"

namespace bailiff::hook {
namespace {

constexpr std::chrono::seconds kVersionLimit{5};
constexpr std::size_t kVersionBytes = 200;
constexpr const char* kBtf = "/sys/kernel/btf/vmlinux";
// Fixed, not $PATH: what is run here is run as root.
constexpr const char* kProgramFolders[] = {"/usr/local/sbin", "/usr/local/bin",
                                           "/usr/sbin", "/usr/bin"};
constexpr const char* kRuntimes[] = {"runc", "crun", "podman", "containerd",
                                     "docker"};

Probe ok(std::string name, std::string detail) {
  return {std::move(name), ProbeState::kOk, std::move(detail), ""};
}
Probe degraded(std::string name, std::string detail, std::string remedy) {
  return {std::move(name), ProbeState::kDegraded, std::move(detail),
          std::move(remedy)};
}
Probe missing(std::string name, std::string detail, std::string remedy) {
  return {std::move(name), ProbeState::kMissing, std::move(detail),
          std::move(remedy)};
}

Probe privileges() {
  if (is_host_root()) return ok("privileges", "root of the host");
  return missing("privileges", "not root of the host's user namespace",
                 "run as root, not in a user namespace");
}

Probe kernel_release() {
  utsname names{};
  ::uname(&names);
  return ok("kernel", std::string(names.sysname) + " " + names.release + " " +
                          names.machine);
}

Probe btf() {
  if (::access(kBtf, R_OK) == 0) return ok("BTF", kBtf);
  return degraded("BTF", std::string(kBtf) + ": " + std::strerror(errno),
                  "use a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

Probe cgroup_mode() {
  const auto mount = CgroupMount::find();
  if (!mount) {
    return missing("cgroup mode", mount.error().message,
                   "boot with systemd.unified_cgroup_hierarchy=1, or mount "
                   "cgroup2 at /sys/fs/cgroup/unified");
  }
  if (!mount->hybrid) return ok("cgroup mode", "v2 at " + mount->path);
  const auto controllers =
      read_bounded(mount->path + "/cgroup.controllers", std::size_t{4} << 10);
  if (controllers &&
      controllers->find_first_not_of(" \n") != std::string::npos) {
    return degraded("cgroup mode",
                    "hybrid, v2 at " + mount->path + " with controllers",
                    "crun refuses to start containers here: use runc, or "
                    "mount those controllers as v1, or boot with v2 alone");
  }
  return ok("cgroup mode", "hybrid, v2 at " + mount->path);
}

Probe scratch_cgroup(const Result<ScratchCgroup>& scratch) {
  if (scratch) return ok("cgroup2 mount", "cgroups can be made");
  return missing("cgroup2 mount", scratch.error().message,
                 "mount cgroup2 writable for bailiffd");
}

Probe bpffs(const std::string& bpf_dir, Kernel& kernel) {
  if (auto found = kernel.check_bpffs(bpf_dir); !found) {
    const std::string& message = found.error().message;
    const std::size_t remedy = message.find("mount -t");
    return missing("bpffs", message.substr(0, message.find(": mount")),
                   remedy == std::string::npos ? "make its folder"
                                               : message.substr(remedy));
  }
  return ok("bpffs", bpf_dir);
}

// Loaded and attached for real.
Probe network_programs(const Result<ScratchCgroup>& scratch, Kernel& kernel) {
  const char* name = "cgroup network programs";
  const char* remedy =
      "use a kernel from 5.9 on, built with CONFIG_CGROUP_BPF=y";
  if (!scratch) return missing(name, "not tried without a cgroup", remedy);
  for (const emit::Flavour flavour :
       {emit::Flavour::kConnect4, emit::Flavour::kConnect6,
        emit::Flavour::kSendmsg4, emit::Flavour::kSendmsg6,
        emit::Flavour::kEgress}) {
    const auto loaded = kernel.load(emit::emit_allow_all(flavour), {});
    if (!loaded) return missing(name, loaded.error().message, remedy);
    const auto link = kernel.attach(*loaded, scratch->cgroup().fd(), flavour);
    if (!link) return missing(name, link.error().message, remedy);
  }
  return ok(name, "load and attach");
}

// On the loopback of a network namespace of its own.
Probe frame_programs(const Result<ScratchCgroup>& scratch, Kernel& kernel) {
  const char* name = "frame programs";
  const char* remedy =
      "use a kernel from 6.6 on, built with CONFIG_NET_XGRESS=y; until then "
      "frames over AF_PACKET and AF_XDP sockets are not judged: take NET_RAW "
      "from containers";
  if (!scratch) return degraded(name, "not tried without a cgroup", remedy);
  const auto netns = make_network_namespace();
  if (!netns) return degraded(name, netns.error().message, remedy);
  const Interface loopback{.index = 1, .name = "lo", .type = 0};
  const auto loaded =
      kernel.load(emit::emit_allow_all(emit::Flavour::kFrame), {});
  if (!loaded) return degraded(name, loaded.error().message, remedy);
  const auto link = kernel.attach_frames(*loaded, netns->get(), loopback);
  if (!link) return degraded(name, link.error().message, remedy);
  const auto guard = kernel.load(emit::emit_frame_guard(), {});
  if (!guard) return degraded(name, guard.error().message, remedy);
  const auto guarded =
      kernel.attach(*guard, scratch->cgroup().fd(), emit::Flavour::kSetsockopt);
  if (!guarded) return degraded(name, guarded.error().message, remedy);
  return ok(name, "load and attach");
}

Probe map_kind(const char* name, emit::MapKind kind, Kernel& kernel) {
  const auto map = create_map(kind, kernel);
  if (map) return ok(name, "can be made");
  return missing(name, map.error().message, "use a kernel from 5.9 on");
}

Probe cgroup_kill(const Result<ScratchCgroup>& scratch) {
  const char* remedy =
      "use a kernel from 5.14 on; until then containers are frozen and their "
      "processes killed one by one";
  if (!scratch) return degraded("cgroup.kill", "not tried", remedy);
  const UniqueFd file(
      ::openat(scratch->cgroup().fd(), "cgroup.kill", O_WRONLY | O_CLOEXEC));
  // There is nobody in the scratch cgroup to die of it.
  if (file && ::write(file.get(), "1", 1) == 1) {
    return ok("cgroup.kill", "works");
  }
  return degraded("cgroup.kill", std::strerror(errno), remedy);
}

Probe pidfd() {
  const auto self = Pidfd::open(::getpid());
  if (self) return ok("pidfd", "works");
  return missing("pidfd", self.error().message, "use a kernel from 5.3 on");
}

// Asks for a listener in a child: a filter cannot be taken off again.
Probe seccomp_listener() {
  const char* name = "seccomp listener";
  sock_filter allow{
      .code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW};
  const sock_fprog filter{.len = 1, .filter = &allow};
  const pid_t pid = ::fork();
  if (pid < 0) return degraded(name, std::strerror(errno), "try again");
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    ::_exit(fd >= 0 ? 0 : errno);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ok(name, "works");
  const int err = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  return degraded(name, std::strerror(err),
                  "use a kernel from 5.7 on; rules that need a process held "
                  "are decided after the fact until then");
}

// The first line a program prints for --version; "" when it does not run.
std::string version_of(const std::string& program) {
  const auto ran = run_child({program, "--version"}, "",
                             std::chrono::steady_clock::now() + kVersionLimit);
  if (!ran) return "";
  return ran->out.substr(0, std::min(ran->out.find('\n'), kVersionBytes));
}

Probe runtimes() {
  std::string found;
  for (const char* runtime : kRuntimes) {
    for (const char* folder : kProgramFolders) {
      const std::string path = std::string(folder) + "/" + runtime;
      if (::access(path.c_str(), X_OK) != 0) continue;
      const std::string version = version_of(path);
      if (!found.empty()) found += ", ";
      found += version.empty() ? path + " (does not run)"
                               : version + " (" + path + ")";
      break;
    }
  }
  if (!found.empty()) return ok("runtimes", found);
  return degraded("runtimes", "none of runc, crun, podman, containerd, docker",
                  "install a container runtime");
}

// Loads the observer over maps of its own, and attaches nothing.
Probe observer(Kernel& kernel) {
  const Status loaded = try_observer(kernel);
  if (loaded) return ok("observer", "loads");
  return degraded("observer", loaded.error().message,
                  "use a kernel from 6.1 on with CONFIG_DEBUG_INFO_BTF; until "
                  "then containers with rules on programs and system calls "
                  "do not start");
}

// Loads the search over a map of its own, and lets it go again.
Probe foreign_sockets(const Probe& frames, Kernel& kernel) {
  constexpr const char* kName = "foreign sockets";
  const auto sockets = [&]() -> Result<ForeignSockets> {
    ASSIGN_OR_RETURN(const Map judged, create_judged_map(kernel));
    ASSIGN_OR_RETURN(const Map senders,
                     create_map(emit::MapKind::kSenders, kernel));
    return ForeignSockets::load(judged, senders, "",
                                [](const bailiff_foreign&) {});
  }();
  if (!sockets) {
    return degraded(kName, sockets.error().message,
                    "use a kernel from 6.1 on with CONFIG_DEBUG_INFO_BTF; "
                    "until then sockets that are handed to a container are "
                    "not found");
  }
  if (!sockets->sees_all_uses()) {
    return degraded(kName, "are found when they connect, or are held",
                    "use a kernel from 6.3 on; until then one that is used and "
                    "closed at once may be missed");
  }
  if (frames.state != ProbeState::kOk || !kernel_facts().knows_sender()) {
    return degraded(kName, "are found",
                    "use a kernel from 6.6 on with CONFIG_DEBUG_INFO_BTF, and "
                    "without lockdown=confidentiality; until then what is sent "
                    "first over one that is handed to a container leaves "
                    "before it is cut");
  }
  return ok(kName, "are found, and judged with the frames");
}

Probe enforcement(Kernel& kernel) {
  const auto shown = self_test(kernel);
  if (shown) return ok("self-test", *shown);
  return missing("self-test", shown.error().message,
                 "put right what is missing above");
}

}  // namespace

std::string_view to_string(ProbeState state) {
  switch (state) {
    case ProbeState::kOk:
      return "ok";
    case ProbeState::kDegraded:
      return "degraded";
    case ProbeState::kMissing:
      return "missing";
  }
  return "";
}

std::vector<Probe> probe_host(const std::string& bpf_dir, Kernel& kernel) {
  std::vector<Probe> probes = {privileges(), kernel_release(), btf(),
                               cgroup_mode()};
  Probe frames;
  {
    const auto scratch = ScratchCgroup::make("bailiff-probe-");
    probes.push_back(scratch_cgroup(scratch));
    probes.push_back(bpffs(bpf_dir, kernel));
    probes.push_back(network_programs(scratch, kernel));
    frames = frame_programs(scratch, kernel);
    probes.push_back(frames);
    probes.push_back(cgroup_kill(scratch));
  }
  probes.push_back(map_kind("ring buffer", emit::MapKind::kEvents, kernel));
  probes.push_back(
      map_kind("cgroup storage", emit::MapKind::kContainers, kernel));
  probes.push_back(pidfd());
  probes.push_back(seccomp_listener());
  probes.push_back(observer(kernel));
  probes.push_back(foreign_sockets(frames, kernel));
  probes.push_back(runtimes());
  probes.push_back(enforcement(kernel));
  return probes;
}

}  // namespace bailiff::hook
