// SPDX-License-Identifier: Apache-2.0
// hook/attach/kept_facts.h
// What programs have to be told of the kernel, found once in a boot: finding it
// takes as long as all else that is done for a container that starts.
#pragma once

#include "hook/attach/pins.h"
#include "hook/attach/undo.h"
#include "hook/kernel/kernel.h"
#include "hook/kernel/kernel_facts.h"

namespace bailiff::hook {

// Pinned at BPF_DIR/facts-FORMAT, an array of one; found and put there when it
// is not. Under the lock of BPF_DIR; see attach.h.
Result<KernelFacts> kept_facts(const Pins& pins, Kernel& kernel, Undo& undo);

}  // namespace bailiff::hook
