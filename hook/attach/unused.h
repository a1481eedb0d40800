// SPDX-License-Identifier: Apache-2.0
// hook/attach/unused.h
// What nobody uses any more.  Done under the lock of BPF_DIR (attach.h).
#pragma once

#include "hook/attach/pins.h"
#include "hook/kernel/kernel.h"

namespace bailiff::hook {

// Removes each program no link uses, and each list no remaining program uses.
//
// users/DIGEST names a container that used the program when it was last looked
// for.  The kernel is asked whether it still does; only for a program whose
// container is gone all containers are looked through, and another is named.
// So the time this takes depends on how many programs there are, and not on how
// many containers, but for the first time after such a container has left.
Status remove_unused(const Pins& pins, Kernel& kernel);

}  // namespace bailiff::hook
