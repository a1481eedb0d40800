// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/containers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "oci/policy/lowering_facts.h"
#include "oci/spec/exempt.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/files.h"
#include "oci/sys/pidfd.h"
#include "sidecar/ingest/clock.h"

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

std::string pod_path(const oci::ContainerFacts& facts) {
  return facts.namespace_name + "/" + facts.pod + "/" + facts.name;
}

Error not_found(const std::string& name) {
  return Error{Code::kNotFound, "no container '" + name + "'"};
}

Error ambiguous(const std::string& name) {
  return Error{Code::kInvalidArgument, "more than one container is called '" +
                                           name + "'; use more of its id"};
}

// Whether the process the record names is there, and not another one that was
// given its number later.
bool has_first_process(const oci::ContainerRecord& record) {
  const Result<Pidfd> process = Pidfd::open(static_cast<pid_t>(record.pid));
  if (!process || !process->alive()) return false;
  const Result<std::uint64_t> ticks = process->start_time();
  if (!ticks) return false;
  const std::uint64_t started_ns =
      *ticks *
      (kNanoseconds / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
  const ClockOffsets clocks = ClockOffsets::now();
  const std::int64_t realtime_ns = static_cast<std::int64_t>(started_ns) +
                                   clocks.realtime_ns - clocks.boottime_ns;
  return realtime_ns <= static_cast<std::int64_t>(record.time_ns);
}

void add_rules(const std::vector<KernelRule>& judged, bool datagrams,
               std::vector<ForeignRule>& rules) {
  for (const KernelRule& each : judged) {
    const auto known = std::find_if(
        rules.begin(), rules.end(),
        [&](const ForeignRule& one) { return one.rule == each.rule; });
    if (known == rules.end()) {
      rules.push_back({each.rule, each.deny, datagrams});
      continue;
    }
    known->deny = known->deny || each.deny;
    known->datagrams = known->datagrams && datagrams;
  }
}

void mark_framed(const std::vector<KernelRule>& framed,
                 std::vector<ForeignRule>& rules) {
  for (ForeignRule& each : rules) {
    for (const KernelRule& one : framed) {
      if (one.rule != each.rule || !one.deny) continue;
      (one.raw ? each.frames_but_tcp : each.frames) = true;
    }
  }
}

}  // namespace

ContainerPtr make_container(oci::ContainerRecord record,
                            GenerationPtr generation) {
  auto container = std::make_shared<Container>();
  container->facts = oci::lowering_facts(record.facts);
  container->record = std::move(record);
  if (generation) {
    Plan plan = lower(generation->policy(), container->facts);
    container->policies = std::move(plan.policies);
    container->start_rules = std::move(plan.container_event);
    container->observed = std::move(plan.observe);
    add_rules(plan.connect, false, container->foreign_out);
    add_rules(plan.send, true, container->foreign_out);
    // As of a packet, which does not show who has begun; nor does one that is
    // raw ask about any that may be an answer.
    std::vector<KernelRule> packets = plan.packet;
    std::erase_if(packets, [](const KernelRule& each) { return each.raw; });
    add_rules(packets, false, container->foreign_in);
    add_rules(plan.arrival, false, container->foreign_in);
    for (auto* rules : {&container->foreign_out, &container->foreign_in}) {
      mark_framed(plan.rules_at(HookPoint::kFrame), *rules);
    }
    for (const KernelRule& each : plan.connect) {
      if (each.deny) container->refused_connects.push_back(each.rule);
    }
    for (const KernelRule& each : packets) {
      if (each.deny) container->refused_peers.push_back(each.rule);
    }
    std::sort(container->refused_peers.begin(), container->refused_peers.end());
    // A filter it was started with stays, and nothing is refused by it.
    if (!oci::is_exempt(generation->policy().exempt, container->record.id,
                        container->record.facts)) {
      container->held = std::move(plan.held);
      for (const KernelRule& each : plan.socket) {
        container->socket_rules.push_back(each.rule);
      }
    }
    container->generation = std::move(generation);
  }
  return container;
}

bool has_processes(const oci::ContainerRecord& record) {
  constexpr std::size_t kMaxEventsBytes = 4096;
  if (record.cgroup_path.empty()) return has_first_process(record);
  struct stat found {};
  // The inode of a cgroup2 folder is the cgroup's id (kernfs, 64 bits).
  if (::stat(record.cgroup_path.c_str(), &found) != 0 ||
      found.st_ino != record.cgroup_id) {
    return false;
  }
  const Result<std::string> events =
      read_bounded(record.cgroup_path + "/cgroup.events", kMaxEventsBytes);
  if (!events || events->find("populated 0") == std::string::npos) return true;
  // Who has left is brought back.
  return has_first_process(record);
}

bool Containers::add(ContainerPtr container) {
  const std::lock_guard lock(mutex_);
  const oci::ContainerRecord& record = container->record;
  if (is_known(record)) return false;
  if (record.cgroup_id != 0) by_cgroup_[record.cgroup_id] = container;
  const auto running = running_.find(record.id);
  if (running != running_.end()) {
    const ContainerPtr before = running->second;
    if (before->record.time_ns >= record.time_ns) {
      // An earlier life of the id, told of late: its events may wait.
      bury(std::move(container));
      return true;
    }
    bury(before);
  }
  running_[record.id] = std::move(container);
  return true;
}

bool Containers::is_known(const oci::ContainerRecord& record) const {
  if (record.cgroup_id != 0) {
    return by_cgroup_.find(record.cgroup_id) != by_cgroup_.end();
  }
  const auto same = [&](const ContainerPtr& known) {
    return known->record.id == record.id &&
           known->record.time_ns == record.time_ns;
  };
  const auto running = running_.find(record.id);
  return (running != running_.end() && same(running->second)) ||
         std::any_of(gone_.begin(), gone_.end(), same);
}

void Containers::update(ContainerPtr container) {
  const std::lock_guard lock(mutex_);
  const oci::ContainerRecord& record = container->record;
  const auto running = running_.find(record.id);
  if (running == running_.end() ||
      running->second->record.cgroup_id != record.cgroup_id ||
      running->second->record.time_ns != record.time_ns) {
    return;
  }
  if (record.cgroup_id != 0) by_cgroup_[record.cgroup_id] = container;
  running->second = std::move(container);
}

ContainerPtr Containers::stop(const std::string& id, std::uint64_t time_ns) {
  const std::lock_guard lock(mutex_);
  const auto running = running_.find(id);
  if (running == running_.end()) return nullptr;
  if (running->second->record.time_ns > time_ns) return nullptr;
  ContainerPtr container = running->second;
  running_.erase(running);
  bury(container);
  return container;
}

void Containers::bury(ContainerPtr container) {
  gone_.push_front(std::move(container));
  if (gone_.size() <= kRememberedContainers) return;
  by_cgroup_.erase(gone_.back()->record.cgroup_id);
  gone_.pop_back();
}

std::optional<KnownContainer> Containers::by_cgroup_or_above(
    std::uint64_t cgroup_id) const {
  if (auto known = by_cgroup(cgroup_id)) return known;
  const auto mount = CgroupMount::find();
  if (!mount) return std::nullopt;
  const auto cgroup = Cgroup::open_by_id(*mount, cgroup_id);
  if (!cgroup) return std::nullopt;
  std::string path = cgroup->relative_path();
  for (;;) {
    path.resize(std::min(path.rfind('/'), path.size()));
    if (path.empty()) return std::nullopt;
    const auto above = Cgroup::open(*mount, path);
    if (!above) return std::nullopt;
    if (auto known = by_cgroup(above->id())) return known;
  }
}

std::optional<KnownContainer> Containers::by_cgroup(
    std::uint64_t cgroup_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_cgroup_.find(cgroup_id);
  if (found == by_cgroup_.end()) return std::nullopt;
  const auto running = running_.find(found->second->record.id);
  const bool runs =
      running != running_.end() && running->second == found->second;
  return KnownContainer{found->second, !runs};
}

Result<KnownContainer> Containers::by_name(const std::string& name) const {
  if (name.empty()) return not_found(name);
  const std::lock_guard lock(mutex_);
  const auto exact = running_.find(name);
  if (exact != running_.end()) return KnownContainer{exact->second, false};
  const auto called = [&](const oci::ContainerRecord& record) {
    return record.id == name || starts_with(record.id, name) ||
           record.facts.name == name || pod_path(record.facts) == name;
  };
  ContainerPtr found;
  for (const auto& [id, container] : running_) {
    if (!called(container->record)) continue;
    if (found) return ambiguous(name);
    found = container;
  }
  if (found) return KnownContainer{std::move(found), false};
  // One id may be there several times, having been used again: the latest.
  for (const ContainerPtr& container : gone_) {
    if (!called(container->record)) continue;
    if (found && found->record.id != container->record.id) {
      return ambiguous(name);
    }
    if (!found) found = container;
  }
  if (found) return KnownContainer{std::move(found), true};
  return not_found(name);
}

Result<KnownContainer> Containers::by_id_prefix(
    const std::string& prefix) const {
  if (prefix.empty()) return not_found(prefix);
  const std::lock_guard lock(mutex_);
  ContainerPtr found;
  for (auto entry = running_.lower_bound(prefix);
       entry != running_.end() && starts_with(entry->first, prefix); ++entry) {
    if (found) return ambiguous(prefix);
    found = entry->second;
  }
  if (!found) return not_found(prefix);
  return KnownContainer{std::move(found), false};
}

std::vector<KnownContainer> Containers::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<KnownContainer> all;
  for (const auto& entry : running_) all.push_back({entry.second, false});
  for (const ContainerPtr& container : gone_) all.push_back({container, true});
  return all;
}

}  // namespace bailiff::sidecar
