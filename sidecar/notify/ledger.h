// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/ledger.h
// The calls that were received and not answered yet, in memory that outlives
// the process.
//
// The kernel tells of a held call once.  A process that dies between receiving
// and answering would leave its caller waiting for ever, although the listener
// is kept: nobody would know the call's number.  So the kernel writes what it
// tells into a slot here, and whoever takes the listener over finds it.
#pragma once

#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// Calls held at once.  The next ones wait in the kernel until one is answered.
inline constexpr std::size_t kLedgerSlots = 1024;
// Room for what newer kernels may tell in struct seccomp_notif.
inline constexpr std::size_t kMaxNotificationBytes = 248;

struct LedgerSlot {
  std::uint64_t listener = 0;  // its number; 0: the slot is free
  union {
    seccomp_notif notification;
    unsigned char bytes[kMaxNotificationBytes];
  };
};
static_assert(sizeof(LedgerSlot) == 256);

// One thread.
class Ledger {
 public:
  static Result<Ledger> make();
  // One that was kept.  Of another layout, or not one at all: an error.
  static Result<Ledger> open(UniqueFd fd);

  Ledger(Ledger&& other) noexcept;
  Ledger& operator=(Ledger&&) = delete;
  ~Ledger();

  // Borrowed: for keeping.
  int fd() const { return fd_.get(); }

  // A slot of zeros but for the listener's number; nullptr: none is free.
  LedgerSlot* take(std::uint64_t listener);
  void free(LedgerSlot* slot);
  // Those in use.
  std::vector<LedgerSlot*> taken();

 private:
  Ledger(UniqueFd fd, LedgerSlot* slots);

  UniqueFd fd_;
  LedgerSlot* slots_;  // [kLedgerSlots] behind the one that says what it is
  std::size_t next_ = 0;
};

}  // namespace bailiff::sidecar
