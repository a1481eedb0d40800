// SPDX-License-Identifier: Apache-2.0
// oci/sys/process.h
// What a short privileged process does to itself before it believes anything.
#pragma once

#include <sys/types.h>

#include <string>

#include "rules/base/result.h"

namespace bailiff {

// Makes the calling process independent of what started it: closes every
// descriptor above 2 (runtimes have leaked some: CVE-2024-21626), opens
// /dev/null for a missing 0, 1 or 2, gives every signal its default action and
// unblocks it, sets umask 077, and makes "/" the working folder so that no
// relative path can lead into a container.  For programs with one thread,
// first thing in main().
Status isolate_process();

// Every signal back to its default action and unblocked: what a program that is
// executed next expects.
void reset_signals();

// Lets this process, and those it starts, have `descriptors` open at once, or
// as many as its hard limit allows; never fewer than before.
Status raise_descriptor_limit(int descriptors);

// Makes room for `descriptors` in this process's descriptor table, or as many
// as its limit allows.  A table that threads share grows only after an RCU
// grace period (expand_files() of the kernel), so whichever thread opens the
// one descriptor too many waits for several milliseconds; it never shrinks. For
// a process with threads to come, before it starts the first.
Status reserve_descriptors(int descriptors);

// Puts the calling thread before all ordinary ones, as far as it may: whoever
// it is there to stop may keep every processor busy.  Threads it starts are
// ordinary again.
void prefer_this_thread();

// True when the process is root over the whole host: user id 0 in the initial
// user namespace.  Root of a rootless container's user namespace is not.
bool is_host_root();

// Whether the process `pid` is in the caller's own namespace `kind`, which is a
// file name below /proc/PID/ns: "net", "pid", "ipc".
Result<bool> shares_namespace(pid_t pid, const std::string& kind);
// Whether both are in the same.
Result<bool> same_namespace(pid_t one, pid_t other, const std::string& kind);

// Gives the calling thread a table of descriptors of its own, with `fd` alone;
// -1: with none.  What owns others must not end on that thread.
Status keep_only_descriptor(int fd);

}  // namespace bailiff
