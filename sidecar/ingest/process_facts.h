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
  std::optional<std::vector<std::string>> args;  // argv, the first included
  std::optional<std::string> exe_path;
  std::optional<std::string> cwd;
  std::optional<std::int64_t> login_uid;  // -1: there was no login
  std::optional<std::int64_t> ppid;       // 0: outside our pid namespace
  std::optional<std::string> parent_comm;
};

// Reads at most 16 KiB in a fixed number of system calls, and never blocks on
// the process: it stands between an event and the response to it.
//
// All parts are about one process, and about the one that had `tgid` at
// `boottime_ns` (CLOCK_BOOTTIME): of a process that started later nothing is
// told.
ProcessFacts read_process(pid_t tgid, std::uint64_t boottime_ns);

}  // namespace bailiff::sidecar
