// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/checkpoint.h
// A CRIU checkpoint of a frozen container, made by the runtime that runs it:
// only that knows which of its mounts and namespaces are not its own.
//
// The container is not to run meanwhile.  criu begins with the frozen cgroup
// (Linux 5.2, criu 3.14): it stops each thread by ptrace, thaws the cgroup, has
// code of its own read each process's memory inside of it, freezes the cgroup
// again, and lets go of the threads; so no instruction of the container's is
// executed.  To end it halfway, freeze the cgroup first: a thread that loses
// its tracer is then stopped before it comes back to its program, which may
// have criu's code in it for good.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "oci/spec/container_record.h"
#include "oci/sys/pidfd.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "sidecar/evidence/processes.h"

namespace bailiff::sidecar {

// What the runtime prints, beside criu's own log.
inline constexpr char kRuntimeLog[] = "runtime.log";
inline constexpr char kCriuLog[] = "dump.log";

// The command that makes a checkpoint into `folder` and leaves the container
// there.  kUnsupported when nobody told which runtime runs it, kPermission when
// others than root may change that.
Result<std::vector<std::string>> checkpoint_command(
    const oci::ContainerRecord& record, const std::string& folder);

// What memory of theirs is in no file, in bytes, by the status of each: about
// what a checkpoint needs.  What processes share counts for each.  Pure.
std::uint64_t memory_of(const std::vector<ProcessState>& processes);

// The number of a process and when it started, in ticks since boot: a name that
// is not given again.
struct StartedProcess {
  pid_t pid = 0;
  std::uint64_t ticks = 0;
};

// A program with all that it starts, in a session of its own.
class CheckpointRun {
 public:
  // A process that waits to become the program, so that somebody can write down
  // first that it is there; it ends with this service while it waits.  What it
  // prints is in `folder`.
  static Result<CheckpointRun> prepare(const std::vector<std::string>& command,
                                       const std::string& folder);
  // As end() and reap(), if that was not.
  ~CheckpointRun();
  CheckpointRun(CheckpointRun&& other) noexcept;
  CheckpointRun& operator=(CheckpointRun&&) = delete;

  const StartedProcess& process() const { return started_; }
  void go();
  // Kills it and what it started.  Any thread; never blocks.  Not behind
  // reap(), which gives its number back.
  void end() const;
  // Blocks until it has ended; false when the deadline came first.
  bool wait_ended(Deadline deadline) const;
  // Blocks until it, and nearly always what it started, is gone: its exit
  // status, 128 + the number of the signal it died of.  Once.
  int reap();

 private:
  CheckpointRun(StartedProcess started, Pidfd process, UniqueFd gate)
      : started_(started),
        process_(std::move(process)),
        gate_(std::move(gate)) {}

  StartedProcess started_;
  Pidfd process_;
  UniqueFd gate_;
};

// Ends one that a service which died has left.  What is another process by now
// is left alone.
void end_checkpoint(const StartedProcess& process);

// The files of a folder of images; those that are none are passed over.
std::vector<std::string> checkpoint_files(const std::string& folder);
// What they hold together.
std::uint64_t checkpoint_bytes(const std::string& folder);

// Why it failed, as the runtime and criu say it: of each the last line that
// tells of an error, which nothing is read out of.
std::string checkpoint_failure(const std::string& runtime, int exit,
                               const std::string& folder);

}  // namespace bailiff::sidecar
