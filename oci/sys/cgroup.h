// SPDX-License-Identifier: Apache-2.0
// oci/sys/cgroup.h
// The cgroup of a container in the unified (version 2) hierarchy: where it is,
// whether it is really the container's own, and what can be done to all of its
// processes at once.
//
// On a hybrid host (version 1 controllers beside a cgroup2 mount) all of this
// works in the cgroup2 tree, which needs no controller for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/sys/pidfd.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff {

// Where the whole unified hierarchy (as far as our cgroup namespace shows it)
// is mounted.
struct CgroupMount {
  std::string path;     // absolute, no trailing '/'
  bool hybrid = false;  // version 1 hierarchies are mounted as well

  // Reads /proc/self/mountinfo.  Mounts that another one hides are passed
  // over.  kUnsupported, with the remedy, on a host with version 1 only.
  static Result<CgroupMount> find();
};

// One cgroup, held by a descriptor: a path may be removed and made again for
// somebody else, an open directory stays the one it is.
class Cgroup {
 public:
  // The cgroup `pid` is in now.
  static Result<Cgroup> of_process(const CgroupMount& mount, pid_t pid);
  static Result<Cgroup> of_process(pid_t pid);

  // `relative` is as in /proc/PID/cgroup: "/default/c1".
  static Result<Cgroup> open(const CgroupMount& mount,
                             const std::string& relative);

  // The cgroup with this id(), kNotFound when it is gone.
  static Result<Cgroup> open_by_id(const CgroupMount& mount, std::uint64_t id);

  // Borrowed: what BPF_LINK_CREATE and BPF_PROG_ATTACH take as target_fd.
  int fd() const { return fd_.get(); }
  // What bpf_get_current_cgroup_id() returns; not reused while the host runs.
  std::uint64_t id() const { return id_; }
  // Absolute.
  const std::string& path() const { return path_; }
  // Below the mount, with a leading '/': "/default/c1"; the root is "/".
  const std::string& relative_path() const { return relative_; }

  // Processes in this cgroup and in all below it.  A process outside our pid
  // namespace is 0.  A process that forks meanwhile may be missed.
  Result<std::vector<pid_t>> processes() const;

  // Of this cgroup and all below it.  One that is made meanwhile may be missed.
  std::set<std::uint64_t> ids() const;

  // Moves the process here, with all its threads.  Into a cgroup of its own
  // below when there may be none here, because controllers are given to those
  // below.
  Status admit(const Pidfd& process) const;

  // Kills every process here and below: at once by cgroup.kill (Linux 5.14),
  // else by kill_by_sweep().  Works on a frozen cgroup.  Does not wait: see
  // wait_empty().  Never call it on a cgroup that verify_container_cgroup()
  // did not pass.
  Status kill() const;
  // The same for kernels without cgroup.kill: freezes, so that nothing forks
  // away, signals every process by pidfd, thaws.
  Status kill_by_sweep() const;

  // Whether any process, zombies aside, is here or below.  A cgroup that was
  // removed is empty.
  Result<bool> populated() const;
  // Blocks until populated() is false; false when the deadline came first.
  Result<bool> wait_empty(Deadline deadline) const;

  // Stops every process here and below.  Returns before all have stopped; see
  // wait_frozen().  If that fails, thaw(): a cgroup left half frozen stays so.
  Status freeze() const;
  Status thaw() const;
  // "frozen 1" in cgroup.events: every process has stopped.
  Result<bool> frozen() const;
  // Blocks until frozen(); false when the deadline came first.
  Result<bool> wait_frozen(Deadline deadline) const;

 private:
  Cgroup(UniqueFd fd, std::uint64_t id, std::string path, std::string relative)
      : fd_(std::move(fd)),
        id_(id),
        path_(std::move(path)),
        relative_(std::move(relative)) {}

  static Result<Cgroup> from_fd(UniqueFd fd, std::string path,
                                std::string relative);
  Result<UniqueFd> open_file(const char* name, int flags) const;
  Status write_file(const char* name, std::string_view value) const;
  Result<bool> wait_event(std::string_view key, bool value,
                          Deadline deadline) const;

  UniqueFd fd_;
  std::uint64_t id_;
  std::string path_;
  std::string relative_;
};

// The path in the unified hierarchy of the process: "/default/c1".
Result<std::string> unified_path(pid_t pid);

// A part of the hierarchy that a process can reach, and that is neither its
// container's own cgroup nor below that.  Who may write there moves processes
// out of the container's cgroup.  So does who may only read: clone3() with
// CLONE_INTO_CGROUP asks the file's mode and the file system, and not whether
// the mount is read-only.
struct WayOut {
  std::string point;      // where it is mounted, as the container sees it
  std::string cgroup;     // what is mounted there, as in /proc/PID/cgroup
  bool writable = false;  // the mount
  // Cgroup namespaces are borders of what may be written (`nsdelegate`).
  bool bordered = false;
  bool operator==(const WayOut&) const = default;
};

// Those in the text of a mountinfo file, hidden mounts left out as far as it
// shows them.  Only what is mounted at or below `root`, which is where the
// container's root will be, "/" for one that runs; `own` is its cgroup as in
// /proc/PID/cgroup.  Pure.
std::vector<WayOut> ways_out(std::string_view mountinfo,
                             const std::string& root, const std::string& own);
// Those that the process has.
Result<std::vector<WayOut>> find_ways_out(pid_t pid, const std::string& root,
                                          const std::string& own);

// Refuses a cgroup that is not the container's alone, so that nothing is ever
// attached to, frozen or killed beyond one container:
//   - it is not the root;
//   - it is neither the caller's own cgroup `own` (as unified_path gives it)
//     nor one above it, as it is with `podman --cgroups=disabled` and when a
//     runtime failed to join the unified hierarchy, which runc 1.1 ignores;
//   - `pid` is in it, and every other process in it or below it descends from
//     `pid`.
// To be called while the container is created, before its first instruction.
Status verify_container_cgroup(const Cgroup& cgroup, pid_t pid,
                               const std::string& own);

// The same for a container that runs, in which `exec` may have put processes
// that do not descend from `pid`: those must be in its pid namespace or in one
// below.  A container without a pid namespace of its own has none of those.
Status verify_running_cgroup(const Cgroup& cgroup, pid_t pid,
                             const std::string& own);

}  // namespace bailiff
