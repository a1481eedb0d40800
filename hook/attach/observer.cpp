// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/observer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "hook/attach/maps.h"
#include "oci/sys/errno_error.h"
#include "rules/abi/observe.h"
#include "rules/abi/task.h"

namespace bailiff::hook {
namespace {

constexpr std::uint32_t kConfigKey = 0;
constexpr std::string_view kOnCall = "on_call";

struct MapPlan {
  const char* name;
  MapSpec spec;
};

// As hook/bpf/observe.bpf.c declares them.
std::array<MapPlan, 6> map_plans() {
  return {{
      {"observed",
       {.type = MapType::kHash,
        .name = "bailiff_observe",
        .key_size = sizeof(std::uint64_t),
        .value_size = sizeof(bailiff_observed),
        .max_entries = BAILIFF_MAX_OBSERVED}},
      {"config",
       {.type = MapType::kArray,
        .name = "bailiff_config",
        .key_size = sizeof(std::uint32_t),
        .value_size = sizeof(bailiff_observe_config),
        .max_entries = 1}},
      {"records",
       {.type = MapType::kRingBuffer,
        .name = "bailiff_records",
        .max_entries = BAILIFF_OBSERVE_RING_BYTES}},
      {"lost",
       {.type = MapType::kLruHash,
        .name = "bailiff_losses",
        .key_size = sizeof(std::uint64_t),
        .value_size = sizeof(std::uint64_t),
        .max_entries = BAILIFF_MAX_OBSERVED}},
      {"task-pages",
       {.type = MapType::kSparseHash,
        .name = "bailiff_pages",
        .key_size = sizeof(bailiff_task_page),
        .value_size = BAILIFF_TASK_PAGE_BYTES,
        .max_entries = BAILIFF_MAX_TASK_PAGES}},
      {"tasks",
       {.type = MapType::kSparseHash,
        .name = "bailiff_tasks",
        .key_size = sizeof(std::uint32_t),
        .value_size = sizeof(bailiff_task),
        .max_entries = BAILIFF_MAX_TASKS}},
  }};
}

std::string folder(const Pins& pins) { return pins.root() + "/observer"; }
std::string map_pin(const Pins& pins, const char* name) {
  return folder(pins) + "/" + name;
}
std::string programs(const Pins& pins) { return folder(pins) + "/programs"; }
std::string links(const Pins& pins) { return folder(pins) + "/links"; }

std::string program_pin(std::string_view name) {
  return std::string(name) + "~" + observer_version();
}

// Whether paths of cgroups begin at the root of the hierarchy: in the first
// cgroup namespace, whose number is fixed (PROC_CGROUP_INIT_INO).
bool sees_all_cgroups() {
  std::array<char, 64> name{};
  const ssize_t size =
      ::readlink("/proc/self/ns/cgroup", name.data(), name.size());
  return size > 0 &&
         std::string_view(name.data(), static_cast<std::size_t>(size)) ==
             "cgroup:[4026531835]";
}

struct Entry {
  std::uint64_t cgroup_id = 0;
  bailiff_observed wanted{};
};

Result<std::vector<Entry>> entries_of(const Map& observed, Kernel& kernel) {
  ASSIGN_OR_RETURN(const std::vector<MapEntry> raw,
                   kernel.entries(observed, sizeof(std::uint64_t),
                                  sizeof(bailiff_observed)));
  std::vector<Entry> entries;
  entries.reserve(raw.size());
  for (const MapEntry& one : raw) {
    entries.push_back({value_of<std::uint64_t>(one.key),
                       value_of<bailiff_observed>(one.value)});
  }
  return entries;
}

Status make_folder(const std::string& path, Kernel& kernel, Undo& undo) {
  ASSIGN_OR_RETURN(const bool made, kernel.make_folder(path));
  if (made) undo.add([path, &kernel] { (void)kernel.remove_folder(path); });
  return Ok{};
}

Status pin_new(int fd, const std::string& path, Kernel& kernel, Undo& undo) {
  RETURN_IF_ERROR(kernel.pin(fd, path));
  undo.add([path, &kernel] { (void)kernel.unlink(path); });
  return Ok{};
}

Status remove_pins(const std::string& path, const std::set<std::string>& kept,
                   Kernel& kernel) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, kernel.list(path));
  for (const std::string& name : names) {
    if (!kept.contains(name)) RETURN_IF_ERROR(kernel.unlink(path + "/" + name));
  }
  return Ok{};
}

// Removes links that are not needed; those that are missing are attached.
Status update_links(const Pins& pins, const std::set<std::string>& wanted,
                    Kernel& kernel) {
  RETURN_IF_ERROR(remove_pins(links(pins), wanted, kernel));
  ASSIGN_OR_RETURN(const auto pinned, kernel.list(links(pins)));
  for (const std::string& name : wanted) {
    if (std::find(pinned.begin(), pinned.end(), name) != pinned.end()) continue;
    ASSIGN_OR_RETURN(
        const Program program,
        kernel.open_program(programs(pins) + "/" + program_pin(name)));
    ASSIGN_OR_RETURN(const Link link, kernel.attach_tracing(program));
    RETURN_IF_ERROR(kernel.pin(link.fd(), links(pins) + "/" + name));
  }
  return Ok{};
}

// Makes what is attached follow from the entries of the map.
Status refresh(const Pins& pins, const Map& observed, Kernel& kernel) {
  ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                   entries_of(observed, kernel));
  std::vector<bailiff_observed> containers;
  containers.reserve(entries.size());
  for (const Entry& entry : entries) containers.push_back(entry.wanted);
  const bailiff_observe_config config = config_for(containers);
  ASSIGN_OR_RETURN(const Map map, kernel.open_map(map_pin(pins, "config")));
  RETURN_IF_ERROR(kernel.update(map, bytes_of(kConfigKey), bytes_of(config)));
  std::set<std::string> wanted;
  if (!entries.empty()) {
    wanted.insert(std::begin(kObserverPrograms), std::end(kObserverPrograms));
    if (config.calls == 0) wanted.erase(std::string(kOnCall));
  }
  return update_links(pins, wanted, kernel);
}

Status write_pages(const Pins& pins, std::uint64_t cgroup_id,
                   const emit::TaskTable& table, Kernel& kernel) {
  if (table.pages.empty()) return Ok{};
  ASSIGN_OR_RETURN(const Map map, kernel.open_map(map_pin(pins, "task-pages")));
  bailiff_task_page key{.cgroup_id = cgroup_id,
                        .table = static_cast<std::uint32_t>(table.id)};
  for (const std::string& page : table.pages) {
    RETURN_IF_ERROR(
        kernel.update(map, bytes_of(key), std::as_bytes(std::span(page))));
    ++key.page;
  }
  return Ok{};
}

// Of an attach that was ended on its way, some may not be there.
Status erase_pages(const Pins& pins, std::uint64_t cgroup_id,
                   const bailiff_observed& entry, Kernel& kernel) {
  if (entry.table == 0) return Ok{};
  const auto pages = [](std::uint32_t count, std::uint32_t each) {
    return (count + each - 1) / each;
  };
  const std::uint32_t count = pages(entry.tests, BAILIFF_TASK_PAGE_TESTS) +
                              pages(entry.code, BAILIFF_TASK_PAGE_CODE);
  ASSIGN_OR_RETURN(const Map map, kernel.open_map(map_pin(pins, "task-pages")));
  bailiff_task_page key{.cgroup_id = cgroup_id,
                        .table = static_cast<std::uint32_t>(entry.table)};
  for (; key.page < count; ++key.page) {
    RETURN_IF_ERROR(erase_if_there(map, bytes_of(key), kernel));
  }
  return Ok{};
}

// Removes the entries that `ends` says, and what is attached for them.
template <typename Ends>
Status remove_entries(const Pins& pins, Kernel& kernel, Ends ends) {
  Result<Map> observed = kernel.open_map(map_pin(pins, "observed"));
  if (!observed) {
    if (not_found(observed.error())) return Ok{};
    return std::move(observed).error();
  }
  ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                   entries_of(*observed, kernel));
  bool removed = false;
  for (const Entry& entry : entries) {
    ASSIGN_OR_RETURN(const bool end, ends(entry));
    if (!end) continue;
    RETURN_IF_ERROR(erase_pages(pins, entry.cgroup_id, entry.wanted, kernel));
    RETURN_IF_ERROR(kernel.erase(*observed, bytes_of(entry.cgroup_id)));
    removed = true;
  }
  return removed ? refresh(pins, *observed, kernel) : Status(Ok{});
}

std::uint64_t short_name(const std::string& container_id) {
  return digest_of(container_id).short_id();
}

// Without a hierarchy there is no telling, and no container to end.
bool is_gone(const Result<CgroupMount>& mount, const Entry& entry) {
  if (!mount) return false;
  const Result<Cgroup> cgroup = Cgroup::open_by_id(*mount, entry.cgroup_id);
  return !cgroup && not_found(cgroup.error());
}

}  // namespace

std::uint32_t level_of(std::string_view relative_path, bool sees_all) {
  if (!sees_all || relative_path.size() < 2) return 0;
  return static_cast<std::uint32_t>(
      std::count(relative_path.begin(), relative_path.end(), '/'));
}

bailiff_observe_config config_for(
    const std::vector<bailiff_observed>& containers) {
  bailiff_observe_config config{};
  std::set<std::uint32_t> levels;
  bool any = false;
  for (const bailiff_observed& each : containers) {
    config.calls |= each.calls;
    levels.insert(each.level);
    any = any || each.level == 0;
  }
  if (any) {
    for (std::uint32_t i = 1; i <= BAILIFF_MAX_CGROUP_LEVEL; ++i) {
      levels.insert(i);
    }
    levels.erase(0);
  }
  for (const std::uint32_t level : levels) {
    if (config.count < BAILIFF_MAX_CGROUP_LEVEL) {
      config.levels[config.count++] = level;
    }
  }
  return config;
}

Status try_observer(Kernel& kernel) {
  std::vector<Map> maps;
  for (const MapPlan& plan : map_plans()) {
    ASSIGN_OR_RETURN(Map map, kernel.create_map(plan.spec, nullptr));
    maps.push_back(std::move(map));
  }
  // In the order of map_plans().
  const auto loaded = kernel.load_observer(
      {maps[0], maps[1], maps[2], maps[3], maps[4], maps[5]});
  return loaded ? Status(Ok{}) : Status(loaded.error());
}

std::string observer_ring(const Pins& pins) { return map_pin(pins, "records"); }

Status ensure_observer_maps(const Pins& pins, Kernel& kernel, Undo& undo) {
  RETURN_IF_ERROR(make_folder(folder(pins), kernel, undo));
  RETURN_IF_ERROR(make_folder(programs(pins), kernel, undo));
  RETURN_IF_ERROR(make_folder(links(pins), kernel, undo));
  for (const MapPlan& plan : map_plans()) {
    const std::string pin = map_pin(pins, plan.name);
    const Result<Map> map = kernel.open_map(pin);
    if (map) continue;
    if (!not_found(map.error())) return map.error();
    ASSIGN_OR_RETURN(const Map made, kernel.create_map(plan.spec, nullptr));
    RETURN_IF_ERROR(pin_new(made.fd(), pin, kernel, undo));
  }
  return Ok{};
}

Status ensure_observer_programs(const Pins& pins, Kernel& kernel, Undo& undo) {
  std::vector<std::string> wanted;
  for (const std::string_view name : kObserverPrograms) {
    wanted.push_back(program_pin(name));
  }
  std::sort(wanted.begin(), wanted.end());
  ASSIGN_OR_RETURN(const auto pinned, kernel.list(programs(pins)));
  if (pinned == wanted) return Ok{};
  ASSIGN_OR_RETURN(const Map observed,
                   kernel.open_map(map_pin(pins, "observed")));
  ASSIGN_OR_RETURN(const Map config, kernel.open_map(map_pin(pins, "config")));
  ASSIGN_OR_RETURN(const Map records,
                   kernel.open_map(map_pin(pins, "records")));
  ASSIGN_OR_RETURN(const Map lost, kernel.open_map(map_pin(pins, "lost")));
  ASSIGN_OR_RETURN(const Map pages,
                   kernel.open_map(map_pin(pins, "task-pages")));
  ASSIGN_OR_RETURN(const Map tasks, kernel.open_map(map_pin(pins, "tasks")));
  ASSIGN_OR_RETURN(
      const std::vector<ObserverProgram> loaded,
      kernel.load_observer({observed, config, records, lost, pages, tasks}));
  // Those of another version, which links keep as long as they are needed, and
  // what a process has left that was killed here.
  RETURN_IF_ERROR(remove_pins(programs(pins), {}, kernel));
  for (const ObserverProgram& each : loaded) {
    RETURN_IF_ERROR(pin_new(each.program.fd(),
                            programs(pins) + "/" + program_pin(each.name),
                            kernel, undo));
  }
  return Ok{};
}

Result<std::optional<bailiff_observed>> observe(
    const Pins& pins, const std::string& container_id, const Cgroup& cgroup,
    std::uint64_t policy_id, const Observation& wanted,
    const emit::TaskTable& table, Kernel& kernel, Undo& undo) {
  const std::uint32_t level =
      level_of(cgroup.relative_path(), sees_all_cgroups());
  if (level > BAILIFF_MAX_CGROUP_LEVEL) {
    return Error{Code::kUnsupported,
                 "the container's cgroup '" + cgroup.path() +
                     "' is more than " +
                     std::to_string(BAILIFF_MAX_CGROUP_LEVEL) + " levels deep"};
  }
  const std::uint64_t name = short_name(container_id);
  // What an earlier container of the same id has left.
  RETURN_IF_ERROR(
      remove_entries(pins, kernel, [&](const Entry& entry) -> Result<bool> {
        return entry.wanted.name == name && entry.cgroup_id != cgroup.id();
      }));
  RETURN_IF_ERROR(ensure_observer_programs(pins, kernel, undo));
  ASSIGN_OR_RETURN(const Map observed,
                   kernel.open_map(map_pin(pins, "observed")));
  const bailiff_observed entry{
      .policy_id = policy_id,
      .name = name,
      .calls = wanted.calls,
      .level = level,
      .flags = (wanted.environment ? BAILIFF_OBSERVE_ENVIRONMENT : 0U) |
               (wanted.directory ? BAILIFF_OBSERVE_DIRECTORY : 0U) |
               (wanted.rules.empty() ? BAILIFF_OBSERVE_SILENTLY : 0U),
      .table = table.id,
      .tests = table.tests,
      .name_tests = table.name_tests,
      .code = table.code,
      .subjects = table.subjects};
  bailiff_observed before{};
  const Status known =
      kernel.look_up(observed, bytes_of(cgroup.id()),
                     std::as_writable_bytes(std::span(&before, 1)));
  if (!known && !not_found(known.error())) return known.error();
  const bool was_observed = known.has_value();
  const bool other_table = before.table != 0 && before.table != table.id;
  undo.add([pins, container_id, before, entry, was_observed, other_table,
            id = cgroup.id(), &kernel] {
    if (!was_observed) {
      (void)stop_observing(pins, container_id, kernel);
      return;
    }
    const auto map = kernel.open_map(map_pin(pins, "observed"));
    if (!map) return;
    (void)kernel.update(*map, bytes_of(id), bytes_of(before));
    (void)refresh(pins, *map, kernel);
    if (other_table || before.table == 0) {
      (void)erase_pages(pins, id, entry, kernel);
    }
  });
  if (was_observed) {
    // The table first: programs are executed.
    RETURN_IF_ERROR(write_pages(pins, cgroup.id(), table, kernel));
    RETURN_IF_ERROR(
        kernel.update(observed, bytes_of(cgroup.id()), bytes_of(entry)));
  } else {
    // The entry first: it says how many pages there are to remove.
    RETURN_IF_ERROR(
        kernel.update(observed, bytes_of(cgroup.id()), bytes_of(entry)));
    RETURN_IF_ERROR(write_pages(pins, cgroup.id(), table, kernel));
  }
  RETURN_IF_ERROR(refresh(pins, observed, kernel));
  return other_table ? std::optional(before) : std::nullopt;
}

Status forget_table(const Pins& pins, std::uint64_t cgroup_id,
                    const bailiff_observed& before, Kernel& kernel) {
  return erase_pages(pins, cgroup_id, before, kernel);
}

Status stop_observing(const Pins& pins, const std::string& container_id,
                      Kernel& kernel) {
  const std::uint64_t name = short_name(container_id);
  return remove_entries(pins, kernel, [&](const Entry& entry) -> Result<bool> {
    return entry.wanted.name == name;
  });
}

Result<Observed> is_observed(const Pins& pins, const std::string& container_id,
                             Kernel& kernel) {
  const Result<Map> observed = kernel.open_map(map_pin(pins, "observed"));
  if (!observed) {
    if (not_found(observed.error())) return Observed::kNot;
    return observed.error();
  }
  ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                   entries_of(*observed, kernel));
  const std::uint64_t name = short_name(container_id);
  const auto entry =
      std::find_if(entries.begin(), entries.end(),
                   [&](const Entry& one) { return one.wanted.name == name; });
  if (entry == entries.end()) return Observed::kNot;
  return is_gone(CgroupMount::find(), *entry) ? Observed::kGone
                                              : Observed::kLive;
}

Status stop_observing_gone(const Pins& pins, Kernel& kernel) {
  const Result<CgroupMount> mount = CgroupMount::find();
  return remove_entries(pins, kernel, [&](const Entry& entry) -> Result<bool> {
    return is_gone(mount, entry);
  });
}

Result<std::vector<LostRecords>> take_lost(const Pins& pins, Kernel& kernel) {
  ASSIGN_OR_RETURN(const Map lost, kernel.open_map(map_pin(pins, "lost")));
  ASSIGN_OR_RETURN(
      const std::vector<MapEntry> entries,
      kernel.entries(lost, sizeof(std::uint64_t), sizeof(std::uint64_t)));
  std::vector<LostRecords> taken;
  for (const MapEntry& entry : entries) {
    const auto cgroup_id = value_of<std::uint64_t>(entry.key);
    // Counted between reading and removing: a handful of a flood.
    // The kernel may have ended the entry meanwhile: it has been read.
    RETURN_IF_ERROR(erase_if_there(lost, entry.key, kernel));
    taken.push_back({cgroup_id, value_of<std::uint64_t>(entry.value)});
  }
  return taken;
}

}  // namespace bailiff::hook
