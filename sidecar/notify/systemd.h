// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/systemd.h
// What systemd is told by a process it has started, and what it keeps for it:
// sd_notify(3), sd_listen_fds_with_names(3).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rules/base/result.h"
#include "sidecar/notify/descriptors.h"

namespace bailiff::sidecar {

// The process does what it was started for; units that come after it start.
// Ok where nobody wants to hear it.
Status tell_systemd_ready();

// How many descriptors it keeps; 0: it keeps none.
std::size_t systemd_room();
// A copy of `fd` is kept, until the unit has ended for good or the other end of
// `fd` hangs up.  Does not wait: see DescriptorStore.
Status give_systemd(const std::string& name, int fd);
// To be asked once: what earlier processes of the unit have given.
std::vector<NamedDescriptor> kept_by_systemd();

}  // namespace bailiff::sidecar
