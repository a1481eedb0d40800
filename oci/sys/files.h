// SPDX-License-Identifier: Apache-2.0
// oci/sys/files.h
// Files as a privileged program must treat them: bounded when read, whole or
// not at all when written, and refused when somebody else may change them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff {

// The whole content of a file, at most `max_bytes`; a longer file is
// kExhausted.  Works on /proc and on pipes; blocks as the file does.
Result<std::string> read_bounded(const std::string& path,
                                 std::size_t max_bytes);
// The same from a borrowed descriptor up to end of file.  `name` is what the
// error calls it.
Result<std::string> read_bounded(int fd, std::string_view name,
                                 std::size_t max_bytes);

// The first `max_bytes` of a borrowed descriptor's file, fewer when it is
// shorter; where it is read from next stays as it was.
Result<std::string> read_start(int fd, std::string_view name,
                               std::size_t max_bytes);

// Writes all of `bytes` to a borrowed descriptor.
Status write_all(int fd, std::string_view name, std::string_view bytes);

struct FileOwner {
  uid_t uid;
  gid_t gid;
};

enum class Durability {
  kPowerLoss,  // file and folder are synced: on disk when the call returns
  kProcess,    // readers see the old or the new file; a host crash may lose it
};

// Replaces `path` by a file with exactly this content, mode and owner (absent:
// the caller).  A reader sees the old or the new content, never a mixture; on
// failure the old file is untouched and nothing is left beside it.  A symbolic
// link at `path` is replaced, not followed.
Status write_atomically(const std::string& path, std::string_view bytes,
                        mode_t mode,
                        Durability durability = Durability::kPowerLoss,
                        std::optional<FileOwner> owner = std::nullopt);

// Refuses, naming the culprit, a `path` that somebody other than root could
// change: itself, every folder above it up to and including `root`, and every
// symbolic link and target on the way must belong to root and not be writable
// by group or others.  A folder above it may be writable by others when it has
// the sticky bit (/tmp): nobody else can then replace what root owns in it.
// `path` is absolute and lies below `root`.  What is true now stays true: only
// root can change it.
Status check_trusted(const std::string& path, const std::string& root = "/");

// An exclusive flock(2) on a file, made when absent (0600), released when this
// goes out of scope or the process ends.  The file is left where it is:
// removing it would let two owners lock two files of one name.
class FileLock {
 public:
  // Blocks until the lock is free.
  [[nodiscard]] static Result<FileLock> acquire(const std::string& path);
  // nullopt when somebody else holds it.
  [[nodiscard]] static Result<std::optional<FileLock>> try_acquire(
      const std::string& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

// Milliseconds from now until `deadline` for poll(2), rounded up, at least 0.
int poll_timeout(std::chrono::steady_clock::time_point deadline);

}  // namespace bailiff
