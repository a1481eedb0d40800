// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/seccomp_listener.h
// The kernel's side of held calls: seccomp_unotify(2).
#pragma once

#include <linux/seccomp.h>

#include <cstdint>

#include "rules/base/result.h"
#include "sidecar/notify/ledger.h"

namespace bailiff::sidecar {

// Whether the descriptor is a listener at all.
bool is_seccomp_listener(int fd);

// Whether this kernel's notification has room in a slot of the ledger.
Status check_notification_size();

// Receives the next held call into the slot.  False: there is none any more, as
// its caller died or was interrupted, and the slot holds zeros.  For a
// descriptor that is readable, and that nobody else receives from: otherwise it
// blocks.
Result<bool> receive(int fd, LedgerSlot& slot);

// Whether the caller still waits, in the same call: while it does, its number
// is its own, and what was read of it by its number before was of it.
bool is_held(int fd, std::uint64_t id);

// Lets the call go on, or fail with `error` if that is not 0.  A caller
// that does not wait any more is success.
Status answer(int fd, std::uint64_t id, int error);

}  // namespace bailiff::sidecar
