// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/processes.h
// What /proc tells of a container's processes while they are there.
//
// A process may call itself, its files and its arguments what it likes: all of
// it is bytes here.  What would be read through the container's own file
// systems is not touched, only held (see held_file.h).  A read may still wait
// for as long as the container wants (arguments in memory that it serves
// itself), so this runs where nothing waits for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/sys/cgroup.h"
#include "sidecar/evidence/held_file.h"
#include "sidecar/evidence/missing.h"
#include "sidecar/evidence/pace.h"

namespace bailiff::sidecar {

// As many processes as fit a container of the largest usual limit.
inline constexpr std::size_t kMaxCapturedProcesses = 4096;
// Of a command line and of an environment.  The kernel allows megabytes, which
// no program needs.
inline constexpr std::size_t kMaxArguments = std::size_t{64} * 1024;
// Of the mappings of one process: some 4000 of them.
inline constexpr std::size_t kMaxMaps = std::size_t{512} * 1024;
// Of a table of sockets or mounts, in bytes.
inline constexpr std::size_t kMaxTable = std::size_t{1024} * 1024;
inline constexpr std::size_t kMaxDescriptors = 1024;  // of one process
// Different programs whose files are held.
inline constexpr std::size_t kMaxPrograms = 64;
// All texts of a capture together.
inline constexpr std::size_t kMaxTextBytes = std::size_t{64} * 1024 * 1024;

struct OpenFile {
  int number = -1;
  std::string target;  // as the link says: "/etc/passwd", "socket:[42]"
};

struct ProcessState {
  pid_t pid = 0;
  std::string status;  // the files of /proc/PID, as they are
  std::string stat;
  std::string cgroup;
  std::string maps;
  // nullopt: could not be read.
  std::optional<std::string> arguments, environment;  // NUL behind each
  std::string executable, directory, root;  // links; "": could not be read
  std::map<std::string, std::uint64_t> namespaces;  // by kind: "mnt"
  std::vector<OpenFile> files;
  int program = -1;  // in CollectedProcesses::programs
};

// A file that some process runs.
struct Program {
  std::string path;         // as /proc/PID/exe says
  std::string file_system;  // "overlay", "tmpfs"; "": that of memfds
  HeldFile file;
  std::uint64_t device = 0, inode = 0;
};

struct CollectedProcesses {
  std::vector<ProcessState> processes;
  std::vector<Program> programs;
  // By the number of the namespace: its mounts, and its tables by name ("tcp").
  std::map<std::uint64_t, std::string> mounts;
  std::map<std::uint64_t, std::map<std::string, std::string>> sockets;
};

// Reads every process of the cgroup and of those below it.
CollectedProcesses read_processes(const Cgroup& cgroup, const Pace& pace,
                                  MissingList& missing);

// The mount of /proc/PID/mountinfo with this id: its file system's type.
// nullopt: it is not there, or the table was cut off.
std::optional<std::string> file_system_of(const std::string& mountinfo,
                                          std::uint64_t mount_id);

}  // namespace bailiff::sidecar
