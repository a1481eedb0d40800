// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/doctor.h
#pragma once

#include <string>
#include <vector>

#include "hook/attach/probes.h"
#include "sidecar/cli/online.h"

namespace bailiff::sidecar {

// One line for each probe, with the remedy where there is one; as JSON an array
// of {"name","state","detail","remedy"}.  kExitFailed when something Bailiff
// cannot enforce without is missing.
int show_probes(const Terminal& terminal,
                const std::vector<hook::Probe>& probes);

// Whether evidence may hold a checkpoint: 'criu check', or `criu` in its place.
// "checkpoints", ok or degraded.
hook::Probe probe_checkpoints(const std::string& criu = "criu");

}  // namespace bailiff::sidecar
