// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/held_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

std::atomic<int> held_files{0};

// Opens anew what an O_PATH descriptor refers to, whatever its name means now.
UniqueFd reopen(int place, int flags) {
  const std::string link = "/proc/self/fd/" + std::to_string(place);
  return UniqueFd(::open(link.c_str(), flags | O_CLOEXEC));
}

}  // namespace

HeldFile::Place::Place(UniqueFd held) : fd(std::move(held)) {}

HeldFile::Place& HeldFile::Place::operator=(Place&& other) noexcept {
  if (fd) --held_files;
  fd = std::move(other.fd);
  return *this;
}

HeldFile::Place::~Place() {
  if (fd) --held_files;
}

std::optional<HeldFile> HeldFile::hold(UniqueFd fd) {
  if (!fd) return std::nullopt;
  if (++held_files > kMaxHeldFiles) {
    --held_files;
    return std::nullopt;
  }
  return HeldFile(Place(std::move(fd)));
}

Result<UniqueFd> HeldFile::open() const {
  // O_NONBLOCK: should it be no regular file after all.
  UniqueFd fd = reopen(place_.fd.get(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return errno_error("open");
  return fd;
}

Result<UniqueFd> open_place(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                RESOLVE_NO_XDEV;
  UniqueFd fd(static_cast<int>(
      ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
  if (!fd) return errno_error("open");
  return fd;
}

Result<UniqueFd> open_regular(int root, const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd place, open_place(root, path));
  struct stat file {};
  if (::fstat(place.get(), &file) != 0) return errno_error("stat");
  if (!S_ISREG(file.st_mode)) {
    return Error{Code::kUnsupported, "it is no regular file"};
  }
  UniqueFd fd = reopen(place.get(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return errno_error("open");
  return fd;
}

}  // namespace bailiff::sidecar
