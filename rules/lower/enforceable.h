// SPDX-License-Identifier: Apache-2.0
// rules/lower/enforceable.h
#pragma once

#include "rules/policy/load.h"

namespace bailiff {

// Judges what the policies ask for against where their rules can be decided.
// A rule that no hook can serve (Enforcement::kUnsupported) is an error at a
// policy that enforces (LOAD_ERR_VALIDATE; loaded.policy is dropped): the user
// would believe in a protection that is not there.  At a policy that monitors
// it is a warning (LOAD_UNKNOWN_FILTER).  A host name in a rule that is none is
// an error at either (LOAD_ERR_VALIDATE).  Does nothing when the load had
// failed before.
void check_enforceable(Loaded& loaded);

}  // namespace bailiff
