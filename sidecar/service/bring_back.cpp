// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/bring_back.h"

#include <signal.h>
#include <unistd.h>

#include <string>

#include "oci/sys/cgroup.h"
#include "oci/sys/pidfd.h"
#include "sidecar/service/log.h"

namespace bailiff::sidecar {
namespace {

bool lies_in(const std::string& where, const std::string& cgroup) {
  return where == cgroup || where.starts_with(cgroup + "/");
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
    const auto where = unified_path(pid);
    // Another record of it was first.
    if (where && lies_in(*where, cgroup->relative_path())) {
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
