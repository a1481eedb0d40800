// SPDX-License-Identifier: Apache-2.0
// hook/attach/told_names.h
// What the programs have learnt from the answers a container was given
// (rules/abi/dns.h), for whoever judges an address outside of them.
#pragma once

#include <cstdint>
#include <vector>

#include "hook/attach/pins.h"
#include "hook/kernel/kernel.h"
#include "rules/base/result.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// The first hash of each listed name that the container's answers gave the
// address, and that has not expired.  None of a container whose programs learn
// no names, or that is gone.  Waits for nobody.
Result<std::vector<std::uint64_t>> told_names(const Pins& pins,
                                              std::uint64_t cgroup_id,
                                              const IpAddress& address,
                                              Kernel& kernel);

}  // namespace bailiff::hook
