// SPDX-License-Identifier: Apache-2.0
// oci/sys/pidfd.h
// A process held by a descriptor: its number may be reused, this may not.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff {

using Deadline = std::chrono::steady_clock::time_point;

// Needs Linux 5.3.  Not a child's owner: it neither reaps nor kills when it
// goes out of scope.
class Pidfd {
 public:
  // `pid` is a thread group leader in the caller's pid namespace.  A process
  // that is gone is kNotFound; open first, read /proc after, then ask alive():
  // what was read is then about this process and no other.
  static Result<Pidfd> open(pid_t pid);

  // A process that has ended is kNotFound.
  Status send_signal(int signal) const;

  // False once the process has ended, reaped or not.
  bool alive() const;

  // Blocks; true when the process ended before the deadline.
  Result<bool> wait_exit(Deadline deadline) const;

  // Clock ticks since boot at which the process started (field 22 of
  // /proc/PID/stat): with the pid, a name that is not reused.
  Result<std::uint64_t> start_time() const;

  // The parent's pid, 0 when it lives outside the caller's pid namespace.
  Result<pid_t> parent() const;

  pid_t pid() const { return pid_; }
  int fd() const { return fd_.get(); }

 private:
  Pidfd(UniqueFd fd, pid_t pid) : fd_(std::move(fd)), pid_(pid) {}

  Result<std::uint64_t> stat_field(int index) const;

  UniqueFd fd_;
  pid_t pid_;
};

}  // namespace bailiff
