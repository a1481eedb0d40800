// SPDX-License-Identifier: Apache-2.0
// hook/attach/self_test.h
#pragma once

#include <string>

#include "hook/kernel/kernel.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// Shows that this host enforces, by trying: in a throw-away cgroup, a child
// connects (UDP, over loopback, so that no packet leaves) to a listed address,
// which must be refused with EPERM, and to an unlisted one, which must pass;
// the first must also have produced an event record.  Compiles, lowers, emits
// and attaches a small policy of its own the same way as for a container.
// Uses its own ring buffer and lists, pinned nowhere.  Leaves nothing.
//
// The value is one sentence on what was shown; the error says what failed.
// Takes a few milliseconds and forks.
Result<std::string> self_test(Kernel& kernel);

}  // namespace bailiff::hook
