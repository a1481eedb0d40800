// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/judged.h"

#include <vector>

#include "hook/attach/maps.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/foreign.h"
#include "rules/base/digest.h"

namespace bailiff::hook {
namespace {

// As hook/bpf/foreign.bpf.c declares it; the value is short_id() of the
// container's id.
const MapSpec kSpec{.type = MapType::kHash,
                    .name = "bailiff_judged",
                    .key_size = sizeof(std::uint64_t),
                    .value_size = sizeof(std::uint64_t),
                    .max_entries = BAILIFF_MAX_JUDGED};

std::string pin_of(const Pins& pins) { return pins.root() + "/judged"; }

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
      kernel.entries(*map, sizeof(std::uint64_t), sizeof(std::uint64_t)));
  std::size_t left = entries.size();
  for (const MapEntry& entry : entries) {
    const auto cgroup_id = value_of<std::uint64_t>(entry.key);
    if (ends(cgroup_id, value_of<std::uint64_t>(entry.value))) {
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
    const Status gone = kernel.unlink(pins.foreign_links() + "/" + name);
    if (!gone && !not_found(gone.error())) return gone;
  }
  return Ok{};
}

template <typename Ends>
Status leave(const Pins& pins, Kernel& kernel, Ends ends) {
  ASSIGN_OR_RETURN(const std::size_t left, remove_entries(pins, kernel, ends));
  return left == 0 ? unpin_foreign_links(pins, kernel) : Status(Ok{});
}

}  // namespace

Result<Map> create_judged_map(Kernel& kernel) {
  return kernel.create_map(kSpec, nullptr);
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
                    std::uint64_t cgroup_id, Kernel& kernel, Undo& undo) {
  ASSIGN_OR_RETURN(const Map map, judged_map(pins, kernel, undo));
  const std::uint64_t name = digest_of(container_id).short_id();
  std::uint64_t before = 0;
  const Status known = kernel.look_up(
      map, bytes_of(cgroup_id), std::as_writable_bytes(std::span(&before, 1)));
  // What its id had before was removed when it was entered.
  if (known && before == name) return Ok{};
  if (!known && !not_found(known.error())) return known;
  const auto left =
      remove_entries(pins, kernel, [&](std::uint64_t cgroup, std::uint64_t of) {
        return of == name && cgroup != cgroup_id;
      });
  if (!left) return left.error();
  Status entered = kernel.update(map, bytes_of(cgroup_id), bytes_of(name));
  if (!entered) {
    entered.error().message += ": containers that are judged";
    return entered;
  }
  undo.add([pins, container_id, &kernel] {
    (void)leave_judged(pins, container_id, kernel);
  });
  return Ok{};
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
