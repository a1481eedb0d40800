// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/ledger.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

// "BAILIFF" and the version of the layout.
constexpr std::uint64_t kLayout = 0x4241494c49464601;
constexpr std::size_t kBytes = (kLedgerSlots + 1) * sizeof(LedgerSlot);

Result<LedgerSlot*> map(int fd) {
  void* memory =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return errno_error("map the ledger of held calls");
  return static_cast<LedgerSlot*>(memory);
}

}  // namespace

Ledger::Ledger(UniqueFd fd, LedgerSlot* slots)
    : fd_(std::move(fd)), slots_(slots) {}

Ledger::Ledger(Ledger&& other) noexcept
    : fd_(std::move(other.fd_)),
      slots_(std::exchange(other.slots_, nullptr)),
      next_(other.next_) {}

Ledger::~Ledger() {
  if (slots_ != nullptr) ::munmap(slots_, kBytes);
}

Result<Ledger> Ledger::make() {
  UniqueFd fd(::memfd_create("bailiff-held-calls", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.get(), kBytes) != 0) {
    return errno_error("make the ledger of held calls");
  }
  ASSIGN_OR_RETURN(LedgerSlot * slots, map(fd.get()));
  slots[0].listener = kLayout;
  return Ledger(std::move(fd), slots);
}

Result<Ledger> Ledger::open(UniqueFd fd) {
  struct stat file {};
  if (::fstat(fd.get(), &file) != 0) return errno_error("check the ledger");
  if (file.st_size != static_cast<off_t>(kBytes)) {
    return invalid_argument("the ledger of held calls is of another version");
  }
  ASSIGN_OR_RETURN(LedgerSlot * slots, map(fd.get()));
  Ledger ledger(std::move(fd), slots);
  if (slots[0].listener != kLayout) {
    return invalid_argument("the ledger of held calls is of another version");
  }
  return ledger;
}

LedgerSlot* Ledger::take(std::uint64_t listener) {
  for (std::size_t i = 0; i < kLedgerSlots; ++i) {
    LedgerSlot& slot = slots_[1 + (next_ + i) % kLedgerSlots];
    if (slot.listener != 0) continue;
    next_ = (next_ + i + 1) % kLedgerSlots;
    slot.listener = listener;
    return &slot;
  }
  return nullptr;
}

void Ledger::free(LedgerSlot* slot) {
  // The number last: a slot that is free holds zeros, as the kernel asks for.
  ::memset(slot->bytes, 0, sizeof slot->bytes);
  slot->listener = 0;
}

std::vector<LedgerSlot*> Ledger::taken() {
  std::vector<LedgerSlot*> taken;
  for (std::size_t i = 1; i <= kLedgerSlots; ++i) {
    if (slots_[i].listener != 0) taken.push_back(&slots_[i]);
  }
  return taken;
}

}  // namespace bailiff::sidecar
