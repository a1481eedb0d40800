// SPDX-License-Identifier: Apache-2.0
// sidecar/service/bring_back.h
// What is done about a process that has left its container's cgroup.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "rules/base/result.h"

namespace bailiff::sidecar {

enum class BroughtBack : std::uint8_t {
  kReturned,  // it is in the container's cgroup, or below
  kKilled,    // it could not be moved there
  kEnded,     // it had ended before
};

// Moves the process back into the container's cgroup, where it is judged; one
// that cannot be moved is killed, since nothing it does would be refused.
// `seen_ns` is when it had the pid, CLOCK_BOOTTIME.  A move waits for the lock
// of all cgroups, tens of milliseconds on a busy host.
Result<BroughtBack> bring_back(std::uint64_t cgroup_id, pid_t pid,
                               std::uint64_t seen_ns);

}  // namespace bailiff::sidecar
