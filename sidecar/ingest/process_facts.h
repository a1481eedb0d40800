// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/process_facts.h
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bailiff::sidecar {

// Bytes of a command line that are read, as in Falco.
inline constexpr std::size_t kMaxCommandLine = 4096;

// What /proc tells of a process.  A part that cannot be read is absent: the
// process may be gone, and may be lying about its arguments.
struct ProcessFacts {
  std::optional<std::string> comm;
  // CLOCK_BOOTTIME, to the clock tick; absent: there is no such process.
  std::optional<std::uint64_t> start_ns;
  std::optional<std::vector<std::string>> args;  // argv, the first included
  std::optional<std::string> exe_path;
  std::optional<std::string> cwd;
  std::optional<std::int64_t> login_uid;  // -1: there was no login
  std::optional<std::int64_t> ppid;       // 0: outside our pid namespace
  std::optional<std::int64_t> tty;        // its device number; 0: none
  std::optional<std::string> parent_comm;
};

// Reads at most 16 KiB in a fixed number of system calls, and never blocks on
// the process: it stands between an event and the response to it.
//
// All parts are about one process, and about the one that had `tgid` at
// `boottime_ns` (CLOCK_BOOTTIME): of a process that started later nothing is
// told.
ProcessFacts read_process(pid_t tgid, std::uint64_t boottime_ns);

// The names of the process and of those above it, the nearest first, at most
// BAILIFF_MAX_ANCESTORS.
std::vector<std::string> read_names_from(std::int64_t pid);

// Its environment, of which as much is read as of a command line, and its id in
// its own pid namespace.
std::optional<std::vector<std::string>> read_environment(pid_t tgid);
std::optional<std::uint32_t> read_own_pid(pid_t tgid);

// The start of a process as /proc tells it: to the clock tick.
std::uint64_t to_clock_tick(std::uint64_t boottime_ns);

}  // namespace bailiff::sidecar
