// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/bring_back.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

#include "oci/sys/cgroup.h"
#include "oci/sys/pidfd.h"
#include "sidecar/service/log.h"

namespace bailiff::sidecar {
namespace {

bool lies_in(const std::string& where, const std::string& cgroup) {
  return where == cgroup || where.starts_with(cgroup + "/");
}

// Of each of its threads: in a threaded cgroup they may be in several, and the
// first one, when it has ended before the others, is where it was then.
bool all_lie_in(pid_t pid, const std::string& cgroup) {
  std::error_code error;
  std::filesystem::directory_iterator each(
      "/proc/" + std::to_string(pid) + "/task", error);
  bool any = false;
  for (const std::filesystem::directory_iterator end; !error && each != end;
       each.increment(error)) {
    const std::string name = each->path().filename().string();
    pid_t tid = 0;
    std::from_chars(name.data(), name.data() + name.size(), tid);
    const auto where = unified_path(tid);
    if (!where && (where.error().sys_errno == ENOENT ||
                   where.error().sys_errno == ESRCH)) {
      continue;  // it has ended
    }
    if (!where || !lies_in(*where, cgroup)) return false;
    any = true;
  }
  return any && !error;
}

}  // namespace

Result<BroughtBack> bring_back(std::uint64_t cgroup_id, pid_t pid,
                               std::uint64_t seen_ns) {
  const auto opened = Pidfd::open(pid);
  if (!opened && opened.error().code == Code::kNotFound) {
    return BroughtBack::kEnded;
  }
  if (!opened) return opened.error();
  const Pidfd& process = *opened;
  const auto started = process.start_time();
  if (!started) return BroughtBack::kEnded;
  static const auto kTicks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  if (*started * (kNanoseconds / kTicks) > seen_ns) return BroughtBack::kEnded;
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  const auto cgroup = Cgroup::open_by_id(mount, cgroup_id);
  Status moved = cgroup ? Status(Ok{}) : Status(cgroup.error());
  if (cgroup) {
    // Another record of it was first.
    if (all_lie_in(pid, cgroup->relative_path())) {
      return BroughtBack::kReturned;
    }
    moved = cgroup->admit(process);
  }
  if (!process.alive()) return BroughtBack::kEnded;
  if (moved) return BroughtBack::kReturned;
  log_repeated("left",
               "move a process back into its cgroup: " + moved.error().message);
  RETURN_IF_ERROR(process.send_signal(SIGKILL));
  return BroughtBack::kKilled;
}

}  // namespace bailiff::sidecar
