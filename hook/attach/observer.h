// SPDX-License-Identifier: Apache-2.0
// hook/attach/observer.h
// The observer (hook/bpf/observe.bpf.c): one for the host, which tells of the
// processes and system calls of the containers entered into its map.
//
// Pins, below BPF_DIR/observer:
//   observed, config, records, lost   its maps; they stay, with what nobody has
//                                     read yet
//   task-pages, tasks                 maps of rules/abi/task.h; so do they
//   programs/NAME~VERSION             they stay too: to load them takes a fifth
//                                     of a second.  Until another version does
//   links/NAME                        while a container is observed; on_call
//                                     only while one needs a call
// All below is done under the lock of BPF_DIR; see attach.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hook/attach/pins.h"
#include "hook/attach/undo.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/observe.h"
#include "rules/base/digest.h"
#include "rules/emit/task_table.h"
#include "rules/lower/lower.h"

namespace bailiff::hook {

// Makes the folder and those of the maps that are missing; what was made is
// removed by `undo`.
Status ensure_observer_maps(const Pins& pins, Kernel& kernel, Undo& undo);

// Loads the programs and pins them, unless they are.  Made ready before the
// first container, they do not delay it.
Status ensure_observer_programs(const Pins& pins, Kernel& kernel, Undo& undo);

// Whether this kernel takes the observer; nothing is attached or left.
Status try_observer(Kernel& kernel);

// Where the ring of records is pinned.  Pure.
std::string observer_ring(const Pins& pins);

// Begins to observe `cgroup`, whose processes get the bits of `table`, or to
// observe it for other rules.  Its maps are there; its programs are loaded and
// attached when they are not.  `undo` puts back what was, whatever fails.
// Returns the entry there was when it had another table, to be forgotten when
// the change stays.  Bits that processes have of another table are not taken
// for those of this one: until they execute something, nothing is known of
// them.
Result<std::optional<bailiff_observed>> observe(
    const Pins& pins, const std::string& container_id, const Cgroup& cgroup,
    std::uint64_t policy_id, const Observation& wanted,
    const emit::TaskTable& table, Kernel& kernel, Undo& undo);

// Removes the table of an entry that was replaced.
Status forget_table(const Pins& pins, std::uint64_t cgroup_id,
                    const bailiff_observed& before, Kernel& kernel);

// Ends what was begun for the id.  One that is not observed is success.
Status stop_observing(const Pins& pins, const std::string& container_id,
                      Kernel& kernel);

enum class Observed { kNot, kLive, kGone };  // kGone: its cgroup is
Result<Observed> is_observed(const Pins& pins, const std::string& container_id,
                             Kernel& kernel);

// Ends it for every container whose cgroup is gone.
Status stop_observing_gone(const Pins& pins, Kernel& kernel);

// Records that found no room, by cgroup id of the container.
struct LostRecords {
  std::uint64_t cgroup_id = 0;
  std::uint64_t count = 0;
};
// Those since the last time this was called, by whomever.
Result<std::vector<LostRecords>> take_lost(const Pins& pins, Kernel& kernel);

// The level of a cgroup below the root of the hierarchy; 0 when this process
// sees only a part of it.  Pure.
std::uint32_t level_of(std::string_view relative_path, bool sees_all);

// What the programs have to look at for these entries together.  Pure.
bailiff_observe_config config_for(
    const std::vector<bailiff_observed>& containers);

}  // namespace bailiff::hook
