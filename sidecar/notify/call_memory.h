// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/call_memory.h
// What the arguments of a held call point to.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "rules/base/result.h"

namespace bailiff::sidecar {

// Any of these may block for as long as the caller likes: it can have its
// memory filled in by itself (userfaultfd, FUSE).  kInvalidArgument: there is
// no such memory, as the kernel will find too.  kNotFound: the caller is gone.

// Up to the first NUL, which is at most `limit` bytes on.
Result<std::string> read_text(pid_t tid, std::uint64_t address,
                              std::size_t limit);
// Exactly that many.
Status read_bytes(pid_t tid, std::uint64_t address, void* bytes,
                  std::size_t size);

}  // namespace bailiff::sidecar
