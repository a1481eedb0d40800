// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/adopt.h
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/cli/online.h"

namespace bailiff::sidecar {

struct AdoptOptions {
  std::vector<std::string> ids;    // none: all
  std::vector<std::string> roots;  // none: default_roots()
  // Asked for their state; none: runc or crun, by whose files there are.
  std::optional<std::string> runtime;
  std::optional<std::string> config;  // none: the default one, if it is there
};

// Has the hook attach the current policy to containers that run already, each
// by itself, and prints what became of each.  The runtime is asked for their
// state.  Of all there are, those that do not run or are enforced already are
// left out; one that is named so is not adopted.  kExitFailed when one was not
// adopted; kExitUsage when an id is of none or of several; kExitNotPossible
// when the settings fail.
int adopt_containers(const Terminal& terminal, const AdoptOptions& options);

// Where engines have their runtime keep its state, of those that exist:
// containerd has a folder for each namespace.
std::vector<std::string> default_roots();

}  // namespace bailiff::sidecar
