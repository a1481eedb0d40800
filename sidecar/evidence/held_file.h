// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/held_file.h
// Files of a container that stay readable when it is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// Descriptors that all captures together hold: a kill needs some as well, and
// a service has 1024 unless its limit was raised.
inline constexpr int kMaxHeldFiles = 384;

// A file that was opened as a place only (O_PATH): nothing was asked of the
// file system, which the container may serve itself (FUSE), and nothing waits
// as for a FIFO's other end.  Its content survives its name and its mount.
class HeldFile {
 public:
  // Nothing when kMaxHeldFiles are held, or `fd` is none.
  static std::optional<HeldFile> hold(UniqueFd fd);
  HeldFile(HeldFile&& other) noexcept = default;
  HeldFile& operator=(HeldFile&& other) noexcept = default;

  // Borrows.
  int fd() const { return place_.fd.get(); }
  // To read; only of what was found to be a regular file and not on FUSE.
  Result<UniqueFd> open() const;

 private:
  // Counts itself.
  struct Place {
    explicit Place(UniqueFd held);
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept;
    ~Place();
    UniqueFd fd;
  };
  explicit HeldFile(Place place) : place_(std::move(place)) {}

  Place place_;
};

// A regular file by `path` below the folder `root`, to be read, whatever its
// names are links to: no link is followed, nothing outside `root` is reached,
// and no FIFO is waited for.  kUnsupported for what is no regular file.
Result<UniqueFd> open_regular(int root, const std::string& path);

// The same as a place only, of any kind.
Result<UniqueFd> open_place(int root, const std::string& path);

}  // namespace bailiff::sidecar
