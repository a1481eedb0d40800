// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/process_table.h"

#include <sys/types.h>

#include <limits>

#include "sidecar/ingest/process_facts.h"

namespace bailiff::sidecar {
namespace {

bool same_start(std::uint64_t a, std::uint64_t b) {
  return to_clock_tick(a) == to_clock_tick(b);
}

std::shared_ptr<const RunningProgram> program_of(const ObservedEvent& event) {
  return std::make_shared<RunningProgram>(
      RunningProgram{.args = event.args,
                     .environment = event.environment,
                     .executable = event.executable,
                     .file = event.program});
}

}  // namespace

ProcessPtr ProcessTable::find(std::uint32_t pid, std::uint64_t start_ns) const {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return nullptr;
  return same_start(found->second->start_ns, start_ns) ? found->second
                                                       : nullptr;
}

ProcessPtr ProcessTable::find_or_read(std::uint32_t pid,
                                      std::uint64_t start_ns) {
  if (ProcessPtr known = find(pid, start_ns)) return known;
  ProcessPtr read = from_proc(pid, start_ns);
  return read && same_start(read->start_ns, start_ns) ? read : nullptr;
}

// The process that has the number, when it did not start later.
ProcessPtr ProcessTable::from_proc(std::uint32_t pid,
                                   std::uint64_t latest_start_ns) {
  ProcessFacts facts = read_process(static_cast<pid_t>(pid), latest_start_ns);
  if (!facts.start_ns) return nullptr;
  auto process = std::make_shared<Process>();
  process->pid = pid;
  process->vpid = read_own_pid(static_cast<pid_t>(pid)).value_or(pid);
  process->start_ns = *facts.start_ns;
  process->comm = facts.comm.value_or("");
  process->directory = std::move(facts.cwd);
  process->tty = facts.tty;
  process->login_uid = facts.login_uid;
  process->program = std::make_shared<RunningProgram>(
      RunningProgram{.args = std::move(facts.args),
                     .environment = read_environment(static_cast<pid_t>(pid)),
                     .executable = std::move(facts.exe_path),
                     .file = std::nullopt});
  if (facts.ppid.value_or(0) > 0) {
    process->ancestors =
        ancestors_through(static_cast<std::uint32_t>(*facts.ppid));
  }
  put(process);
  return process;
}

// The parent with that number, and those above it.
std::vector<Ancestor> ProcessTable::ancestors_through(std::uint32_t parent) {
  std::vector<Ancestor> ancestors;
  const auto known = processes_.find(parent);
  const ProcessPtr process =
      known != processes_.end()
          ? known->second
          : from_proc(parent, std::numeric_limits<std::uint64_t>::max());
  if (!process) return ancestors;
  ancestors.push_back({.pid = process->pid,
                       .vpid = process->vpid,
                       .start_ns = process->start_ns,
                       .comm = process->comm});
  for (const Ancestor& above : process->ancestors) {
    if (ancestors.size() == BAILIFF_MAX_ANCESTORS) break;
    ancestors.push_back(above);
  }
  return ancestors;
}

// What is known of an ancestor, its name at least.  One that is not observed
// may run another program by now: its name tells.
ProcessPtr ProcessTable::ancestor(const Ancestor& known, bool is_fresh) {
  ProcessPtr process = find_or_read(known.pid, known.start_ns);
  if (process && is_fresh && process->comm != known.comm) {
    const ProcessPtr read = from_proc(known.pid, known.start_ns);
    if (read) process = read;
  }
  if (process) return process;
  auto bare = std::make_shared<Process>();
  bare->pid = known.pid;
  bare->vpid = known.vpid;
  bare->start_ns = known.start_ns;
  bare->comm = known.comm;
  bare->program = std::make_shared<RunningProgram>();
  // So that /proc is asked once for a process that is gone.
  if (processes_.find(bare->pid) == processes_.end()) put(bare);
  return bare;
}

Lineage ProcessTable::take(const ObservedEvent& event) {
  const std::uint64_t start_ns = event.process.start_ns;
  Process now;
  const bool is_new = event.kind == ObservedEvent::Kind::kFork ||
                      event.kind == ObservedEvent::Kind::kExec;
  if (event.kind == ObservedEvent::Kind::kFork) {
    if (event.ancestors && !event.ancestors->empty()) {
      const ProcessPtr parent = ancestor(event.ancestors->front(), true);
      now.program = parent->program;
      now.directory = parent->directory;
    }
  } else if (event.kind == ObservedEvent::Kind::kExec) {
    now.program = program_of(event);
    now.directory = event.directory;
  } else if (const ProcessPtr known = find_or_read(event.tgid, start_ns)) {
    now = *known;
  }
  if (!now.program) now.program = std::make_shared<RunningProgram>();
  const std::int64_t tty = event.process.tty;
  // -1: nobody has logged in.
  const auto login_uid = static_cast<std::int32_t>(event.process.loginuid);
  const bool changed = is_new || now.pid == 0 || now.start_ns != start_ns ||
                       (event.tid == event.tgid && now.comm != event.comm) ||
                       (event.directory && now.directory != event.directory) ||
                       now.tty != tty || now.login_uid != login_uid;
  now.pid = event.tgid;
  now.vpid = event.process.vpid;
  now.start_ns = start_ns;
  now.comm = event.comm;
  now.tty = tty;
  now.login_uid = login_uid;
  if (event.directory) now.directory = event.directory;
  if (event.ancestors) {
    now.ancestors = *event.ancestors;
  } else if (event.kind == ObservedEvent::Kind::kCall &&
             (now.ancestors.empty() ||
              now.ancestors.front().pid != event.process.ppid)) {
    // Its parent has died, and another one has it now.
    now.ancestors = ancestors_through(event.process.ppid);
  }

  Lineage lineage;
  lineage.self = std::make_shared<Process>(std::move(now));
  if (event.kind == ObservedEvent::Kind::kExit) {
    end(event.tgid, start_ns);
    return lineage;
  }
  if (changed) put(lineage.self);
  lineage.above.reserve(lineage.self->ancestors.size());
  for (const Ancestor& each : lineage.self->ancestors) {
    lineage.above.push_back(ancestor(each, event.ancestors.has_value()));
  }
  if (const auto leader = processes_.find(event.process.sid);
      leader != processes_.end()) {
    lineage.session = leader->second;
  }
  return lineage;
}

void ProcessTable::seed(std::uint32_t pid) {
  if (processes_.find(pid) != processes_.end()) return;
  static_cast<void>(from_proc(pid, std::numeric_limits<std::uint64_t>::max()));
}

ProcessPtr ProcessTable::last_known(std::uint32_t pid,
                                    std::uint64_t boottime_ns) const {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second->start_ns > boottime_ns) {
    return nullptr;
  }
  return found->second;
}

bool ProcessTable::renames(std::uint64_t inode, const std::string& name) {
  // Whoever makes sockets without end is told of changes it did not make.
  if (socket_names_.size() >= kMaxSocketNames) socket_names_.clear();
  std::string& known = socket_names_[inode];
  if (known == name) return false;
  known = name;
  return true;
}

void ProcessTable::put(ProcessPtr process) {
  const Key key{process->pid, to_clock_tick(process->start_ns)};
  ProcessPtr& place = processes_[process->pid];
  if (!place || !same_start(place->start_ns, process->start_ns)) {
    order_.push_back(key);
  }
  place = std::move(process);
  bound();
}

void ProcessTable::end(std::uint32_t pid, std::uint64_t start_ns) {
  if (!find(pid, start_ns)) return;
  ended_.emplace_back(pid, start_ns);
  if (ended_.size() <= kMaxEnded) return;
  const auto [old, old_start] = ended_.front();
  ended_.pop_front();
  if (find(old, old_start)) processes_.erase(old);
}

void ProcessTable::bound() {
  // Keys of processes that are forgotten may still stand in the order.
  while (processes_.size() > max_processes_ ||
         order_.size() > 2 * max_processes_) {
    const auto [pid, start_ns] = order_.front();
    order_.pop_front();
    if (find(pid, start_ns)) processes_.erase(pid);
  }
}

void fill_in(ProcessFacts& facts, const Process& known) {
  if (!facts.comm) facts.comm = known.comm;
  if (!facts.start_ns) facts.start_ns = known.start_ns;
  // Of a process that nobody has waited for yet /proc has no arguments.
  if (known.program && (!facts.args || facts.args->empty())) {
    facts.args = known.program->args;
  }
  if (known.program && !facts.exe_path) {
    facts.exe_path = known.program->executable;
  }
  if (!facts.cwd) facts.cwd = known.directory;
  if (!facts.tty) facts.tty = known.tty;
  if (!facts.login_uid) facts.login_uid = known.login_uid;
  if (known.ancestors.empty()) return;
  const Ancestor& parent = known.ancestors.front();
  if (!facts.ppid) facts.ppid = parent.pid;
  if (!facts.parent_comm) facts.parent_comm = parent.comm;
}

}  // namespace bailiff::sidecar
