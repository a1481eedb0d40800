// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/call_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

// The smallest there is: what is in one is there as a whole.
constexpr std::uint64_t kPage = 4096;

Result<std::size_t> read_some(pid_t tid, std::uint64_t address, void* bytes,
                              std::size_t size) {
  const iovec here{bytes, size};
  // An address of the other process, which is only ever a number here.
  const iovec there{reinterpret_cast<void*>(address), size};  // NOLINT
  const ssize_t got = ::process_vm_readv(tid, &here, 1, &there, 1, 0);
  if (got > 0) return static_cast<std::size_t>(got);
  if (errno == EFAULT || got == 0) {
    return invalid_argument("the caller's argument points to nothing");
  }
  if (errno == ESRCH) {
    return Error{Code::kNotFound, "the caller is gone"};
  }
  return errno_error("read the caller's memory");
}

}  // namespace

Result<std::string> read_text(pid_t tid, std::uint64_t address,
                              std::size_t limit) {
  std::string text;
  std::array<char, kPage> page{};
  while (text.size() < limit) {
    // Never over the end of a page: behind it there may be nothing.
    const std::size_t size =
        std::min<std::uint64_t>(kPage - address % kPage, limit - text.size());
    ASSIGN_OR_RETURN(const std::size_t got,
                     read_some(tid, address, page.data(), size));
    const auto end = std::find(page.begin(), page.begin() + got, '\0');
    text.append(page.begin(), end);
    if (end != page.begin() + got) return text;
    address += got;
  }
  return text;
}

Status read_bytes(pid_t tid, std::uint64_t address, void* bytes,
                  std::size_t size) {
  auto* to = static_cast<char*>(bytes);
  while (size > 0) {
    ASSIGN_OR_RETURN(const std::size_t got, read_some(tid, address, to, size));
    to += got;
    address += got;
    size -= got;
  }
  return Ok{};
}

}  // namespace bailiff::sidecar
