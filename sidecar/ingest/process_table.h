// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/process_table.h
// The processes of observed containers, and those above them: what a later
// event of a process, or of its children, has to know of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sidecar/ingest/observed_record.h"
#include "sidecar/ingest/process_facts.h"

namespace bailiff::sidecar {

// Processes that are known at once.  Past it the one that was first seen the
// longest ago is forgotten, and read from /proc when it is needed again.
inline constexpr std::size_t kMaxProcesses = 65536;
// Of those, processes that have ended: their children may be asked for them.
inline constexpr std::size_t kMaxEnded = 8192;
// Sockets whose last name is known, to tell whether an event changed it.
inline constexpr std::size_t kMaxSocketNames = 16384;

// What a process runs.  Never changes; shared by all that were forked from it.
struct RunningProgram {
  std::optional<std::vector<std::string>> args;  // argv, the first included
  std::optional<std::vector<std::string>> environment;
  std::optional<std::string> executable;
  // Of a process that ran before it was observed it is not known.
  std::optional<bailiff_program> file;
};

// Never changes: what happens to a process makes a new one.
struct Process {
  std::uint32_t pid = 0;
  std::uint32_t vpid = 0;
  std::uint64_t start_ns = 0;  // CLOCK_BOOTTIME; from /proc: to the tick
  std::string comm;
  std::optional<std::string> directory;
  std::shared_ptr<const RunningProgram> program;
  std::vector<Ancestor> ancestors;  // the parent first
  // As in ProcessFacts.  Of a process that no event told of they are not known.
  std::optional<std::int64_t> tty;
  std::optional<std::int64_t> login_uid;
};
// Shared by the table and by events on their way.
using ProcessPtr = std::shared_ptr<const Process>;

// A process at one event, and all above it, the parent first.
struct Lineage {
  ProcessPtr self;
  std::vector<ProcessPtr> above;
  ProcessPtr session;  // the leader of its session; nullptr: not known
};

// One thread.
class ProcessTable {
 public:
  explicit ProcessTable(std::size_t max_processes = kMaxProcesses)
      : max_processes_(max_processes) {}

  // Takes over what the event says, and tells of its process as it is then.
  // Of a process the table does not have /proc is read, as long as the one that
  // is there is the event's.
  Lineage take(const ObservedEvent& event);

  // Takes over a process that runs, from /proc.
  void seed(std::uint32_t pid);

  // The process with that number that had started by `boottime_ns`
  // (CLOCK_BOOTTIME), as the last event of it told; also one that has ended.
  // nullptr: no event told of it, or it is forgotten.
  ProcessPtr last_known(std::uint32_t pid, std::uint64_t boottime_ns) const;

  // Whether `name` is another one than the last of the socket.
  bool renames(std::uint64_t inode, const std::string& name);

  std::size_t size() const { return processes_.size(); }

 private:
  ProcessPtr find(std::uint32_t pid, std::uint64_t start_ns) const;
  ProcessPtr find_or_read(std::uint32_t pid, std::uint64_t start_ns);
  ProcessPtr from_proc(std::uint32_t pid, std::uint64_t latest_start_ns);
  ProcessPtr ancestor(const Ancestor& known, bool is_fresh);
  std::vector<Ancestor> ancestors_through(std::uint32_t parent);
  void put(ProcessPtr process);
  void end(std::uint32_t pid, std::uint64_t start_ns);
  void bound();

  using Key =
      std::pair<std::uint32_t, std::uint64_t>;  // pid, start to the tick

  const std::size_t max_processes_;
  std::unordered_map<std::uint32_t, ProcessPtr> processes_;  // by pid
  std::deque<Key> order_;
  std::deque<Key> ended_;
  std::unordered_map<std::uint64_t, std::string> socket_names_;
};

// Gives `facts` of a process what /proc no longer had of it.
void fill_in(ProcessFacts& facts, const Process& known);

}  // namespace bailiff::sidecar
