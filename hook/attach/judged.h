// SPDX-License-Identifier: Apache-2.0
// hook/attach/judged.h
// Which containers have programs that judge the network, by their cgroups: for
// those is looked whether they have sockets that the programs do not see
// (hook/kernel/foreign.h), and in a network that several share, the programs
// for frames find there whose frames are their own's.
//
// Pinned at BPF_DIR/judged; an entry from createRuntime to poststop.  With the
// last one end the links that see how such sockets are used, whoever has pinned
// them.  All below is done under the lock of BPF_DIR; see attach.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hook/attach/pins.h"
#include "hook/attach/undo.h"
#include "hook/kernel/kernel.h"

namespace bailiff::hook {

// A map of that kind, pinned nowhere.
Result<Map> create_judged_map(Kernel& kernel);

// The map, made when it is not there.
Result<Map> judged_map(const Pins& pins, Kernel& kernel, Undo& undo);

// kNotFound when there is none.
Result<Map> open_judged_map(const Pins& pins, Kernel& kernel);

// Enters the container's cgroup; an earlier one of the same id is removed.
// `frames` is emit::frames_id() of its programs for frames, 0: it has none;
// nullopt: what it has is not known, and stays.  Where it had another, that
// holds besides until settle_judged().
Status enter_judged(const Pins& pins, const std::string& container_id,
                    std::uint64_t cgroup_id,
                    std::optional<std::uint64_t> frames, Kernel& kernel,
                    Undo& undo);

// Its programs for frames have been replaced.  One that is not entered is
// success.
Status settle_judged(const Pins& pins, std::uint64_t cgroup_id,
                     std::uint64_t frames, Kernel& kernel);

// One that is not entered is success.
Status leave_judged(const Pins& pins, const std::string& container_id,
                    Kernel& kernel);

// Removes every container whose cgroup is gone.
Status leave_judged_gone(const Pins& pins, Kernel& kernel);

}  // namespace bailiff::hook
