// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/judged.h"

#include <cstring>
#include <span>
#include <vector>

#include "hook/attach/maps.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/foreign.h"
#include "rules/base/digest.h"

namespace bailiff::hook {
namespace {

std::string pin_of(const Pins& pins) {
  return pins.map(emit::MapKind::kJudged);
}

// `ends(cgroup_id, name)` says of which entries.  How many are left.
template <typename Ends>
Result<std::size_t> remove_entries(const Pins& pins, Kernel& kernel,
                                   Ends ends) {
  const Result<Map> map = kernel.open_map(pin_of(pins));
  if (!map) {
    if (not_found(map.error())) return std::size_t{0};
    return map.error();
  }
  ASSIGN_OR_RETURN(
      const std::vector<MapEntry> entries,
      kernel.entries(*map, sizeof(std::uint64_t), sizeof(bailiff_judged)));
  std::size_t left = entries.size();
  for (const MapEntry& entry : entries) {
    const auto cgroup_id = value_of<std::uint64_t>(entry.key);
    if (ends(cgroup_id, value_of<bailiff_judged>(entry.value).name)) {
      RETURN_IF_ERROR(erase_if_there(*map, entry.key, kernel));
      --left;
    }
  }
  return left;
}

// The service pins them, and may not be there to end them.
Status unpin_foreign_links(const Pins& pins, Kernel& kernel) {
  const auto names = kernel.list(pins.foreign_links());
  if (!names) {
    return not_found(names.error()) ? Status(Ok{}) : Status(names.error());
  }
  for (const std::string& name : *names) {
    Status gone = kernel.unlink(pins.foreign_links() + "/" + name);
    if (!gone && !not_found(gone.error())) return gone;
  }
  return Ok{};
}

template <typename Ends>
Status leave(const Pins& pins, Kernel& kernel, Ends ends) {
  ASSIGN_OR_RETURN(const std::size_t left, remove_entries(pins, kernel, ends));
  return left == 0 ? unpin_foreign_links(pins, kernel) : Status(Ok{});
}

// nullopt when the cgroup is not entered.
Result<std::optional<bailiff_judged>> look_up(const Map& map,
                                              std::uint64_t cgroup_id,
                                              Kernel& kernel) {
  bailiff_judged judged{};
  const Status found = kernel.look_up(
      map, bytes_of(cgroup_id), std::as_writable_bytes(std::span(&judged, 1)));
  if (found) return std::optional(judged);
  if (not_found(found.error())) return std::optional<bailiff_judged>();
  return found.error();
}

}  // namespace

Result<Map> create_judged_map(Kernel& kernel) {
  return create_map(emit::MapKind::kJudged, kernel);
}

Result<Map> judged_map(const Pins& pins, Kernel& kernel, Undo& undo) {
  const std::string pin = pin_of(pins);
  Result<Map> map = kernel.open_map(pin);
  if (map || !not_found(map.error())) return map;
  ASSIGN_OR_RETURN(Map made, create_judged_map(kernel));
  RETURN_IF_ERROR(kernel.pin(made.fd(), pin));
  undo.add([pin, &kernel] { (void)kernel.unlink(pin); });
  return made;
}

Result<Map> open_judged_map(const Pins& pins, Kernel& kernel) {
  return kernel.open_map(pin_of(pins));
}

Status enter_judged(const Pins& pins, const std::string& container_id,
                    std::uint64_t cgroup_id,
                    std::optional<std::uint64_t> frames, Kernel& kernel,
                    Undo& undo) {
  ASSIGN_OR_RETURN(const Map map, judged_map(pins, kernel, undo));
  const std::uint64_t name = digest_of(container_id).short_id();
  ASSIGN_OR_RETURN(const auto before, look_up(map, cgroup_id, kernel));
  // What its id had before was removed when it was entered.
  const bool known = before && before->name == name;
  bailiff_judged judged =
      known ? *before : bailiff_judged{.name = name, .frames = {}};
  if (frames) {
    judged.frames[0] = known ? before->frames[1] : *frames;
    judged.frames[1] = *frames;
  }
  if (known && std::memcmp(&judged, &*before, sizeof judged) == 0) return Ok{};
  if (!known) {
    const auto left = remove_entries(
        pins, kernel, [&](std::uint64_t cgroup, std::uint64_t of) {
          return of == name && cgroup != cgroup_id;
        });
    if (!left) return left.error();
  }
  Status entered = kernel.update(map, bytes_of(cgroup_id), bytes_of(judged));
  if (!entered) {
    entered.error().message += ": containers that are judged";
    return entered;
  }
  undo.add([=, &kernel] {
    if (!known) {
      (void)leave_judged(pins, container_id, kernel);
    } else if (const auto opened = kernel.open_map(pin_of(pins)); opened) {
      (void)kernel.update(*opened, bytes_of(cgroup_id), bytes_of(*before));
    }
  });
  return Ok{};
}

Status settle_judged(const Pins& pins, std::uint64_t cgroup_id,
                     std::uint64_t frames, Kernel& kernel) {
  const Result<Map> map = kernel.open_map(pin_of(pins));
  if (!map) {
    return not_found(map.error()) ? Status(Ok{}) : Status(map.error());
  }
  ASSIGN_OR_RETURN(auto judged, look_up(*map, cgroup_id, kernel));
  if (!judged) return Ok{};
  if (judged->frames[0] == frames && judged->frames[1] == frames) return Ok{};
  judged->frames[0] = judged->frames[1] = frames;
  return kernel.update(*map, bytes_of(cgroup_id), bytes_of(*judged));
}

Status leave_judged(const Pins& pins, const std::string& container_id,
                    Kernel& kernel) {
  const std::uint64_t name = digest_of(container_id).short_id();
  return leave(pins, kernel,
               [&](std::uint64_t, std::uint64_t of) { return of == name; });
}

Status leave_judged_gone(const Pins& pins, Kernel& kernel) {
  const Result<CgroupMount> mount = CgroupMount::find();
  // Without a hierarchy there is no telling, and no container.
  if (!mount) return Ok{};
  return leave(pins, kernel, [&](std::uint64_t cgroup_id, std::uint64_t) {
    const auto cgroup = Cgroup::open_by_id(*mount, cgroup_id);
    return !cgroup && not_found(cgroup.error());
  });
}

}  // namespace bailiff::hook
