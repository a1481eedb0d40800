// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "oci/sys/errno_error.h"

namespace bailiff {
namespace {

// What is asked for first of a file that does not tell its size: most of those
// below /proc and in cgroups are shorter.
constexpr std::size_t kFirstRead = 4096;
// As the kernel's own limit (MAXSYMLINKS): more are taken for a loop.
constexpr int kMaxLinks = 40;

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

struct SplitPath {
  std::string folder;
  std::string name;
};

SplitPath split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// Removes a temporary file unless it was renamed to its place.
class TemporaryFile {
 public:
  [[nodiscard]] TemporaryFile(int folder, std::string name)
      : folder_(folder), name_(std::move(name)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) ::unlinkat(folder_, name_.c_str(), 0);
  }

  const char* name() const { return name_.c_str(); }
  void keep() { name_.clear(); }

 private:
  int folder_;
  std::string name_;
};

std::string random_suffix() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof(bits), 0) != sizeof(bits)) bits = ::getpid();
  char text[17];
  ::snprintf(text, sizeof(text), "%016llx",
             static_cast<unsigned long long>(bits));
  return text;
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

Status check_owner_and_mode(const std::string& path, const struct stat& entry,
                            bool last) {
  if (entry.st_uid != 0) {
    return Error{Code::kPermission,
                 quoted(path) + " belongs to user " +
                     std::to_string(entry.st_uid) +
                     ", not to root: chown it or use another path"};
  }
  if (S_ISLNK(entry.st_mode)) return Ok{};  // its mode means nothing
  const bool writable = (entry.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool sticky = S_ISDIR(entry.st_mode) && (entry.st_mode & S_ISVTX) != 0;
  if (writable && !(sticky && !last)) {
    return Error{
        Code::kPermission,
        quoted(path) + " is writable by others than root: chmod go-w it"};
  }
  return Ok{};
}

Result<UniqueFd> open_lock_file(const std::string& path) {
  UniqueFd fd(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return errno_error("open lock file " + quoted(path));
  return fd;
}

}  // namespace

Result<std::string> read_bounded(int fd, std::string_view name,
                                 std::size_t max_bytes) {
  std::size_t room = kFirstRead;
  struct stat file = {};
  if (::fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0) {
    // One byte more, in which its end shows.
    room = static_cast<std::size_t>(file.st_size) + 1;
  }
  std::string bytes;
  std::size_t length = 0;
  for (;;) {
    if (length == bytes.size()) {
      // One byte more than allowed is asked for: that is how "too long" shows.
      bytes.resize(std::min(max_bytes + 1, std::max(room, 2 * length)));
    }
    const ssize_t got =
        ::read(fd, bytes.data() + length, bytes.size() - length);
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno_error("read " + quoted(name));
    }
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
    if (length > max_bytes) {
      return Error{Code::kExhausted, quoted(name) + " is longer than " +
                                         std::to_string(max_bytes) + " bytes"};
    }
  }
  bytes.resize(length);
  return bytes;
}

Result<std::string> read_bounded(const std::string& path,
                                 std::size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return errno_error("open " + quoted(path));
  return read_bounded(fd.get(), path, max_bytes);
}

Result<std::string> read_start(int fd, std::string_view name,
                               std::size_t max_bytes) {
  std::string bytes(max_bytes, '\0');
  std::size_t length = 0;
  while (length < max_bytes) {
    const ssize_t got = ::pread(fd, bytes.data() + length, max_bytes - length,
                                static_cast<off_t>(length));
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno_error("read " + quoted(name));
    }
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  bytes.resize(length);
  return bytes;
}

Status write_all(int fd, std::string_view name, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return errno_error("write " + quoted(name));
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return Ok{};
}

Status write_atomically(const std::string& path, std::string_view bytes,
                        mode_t mode, Durability durability,
                        std::optional<FileOwner> owner) {
  const SplitPath target = split(path);
  if (target.name.empty())
    return invalid_argument(quoted(path) + " names no file");
  UniqueFd folder(
      ::open(target.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno_error("open folder " + quoted(target.folder));

  // NAME_MAX leaves no room for a prefix and a suffix on a long name.
  const std::string temporary_name =
      "." + target.name.substr(0, 200) + "." + random_suffix();
  // 0600 until the owner is right: nobody reads it half made.
  UniqueFd file(::openat(folder.get(), temporary_name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return errno_error("create a file beside " + quoted(path));
  TemporaryFile temporary(folder.get(), temporary_name);

  RETURN_IF_ERROR(write_all(file.get(), path, bytes));
  if (owner && ::fchown(file.get(), owner->uid, owner->gid) != 0) {
    return errno_error("change the owner of " + quoted(path));
  }
  if (::fchmod(file.get(), mode) != 0) {
    return errno_error("change the mode of " + quoted(path));
  }
  const bool sync = durability == Durability::kPowerLoss;
  if (sync && ::fsync(file.get()) != 0) {
    return errno_error("sync " + quoted(path));
  }
  if (::renameat(folder.get(), temporary.name(), folder.get(),
                 target.name.c_str()) != 0) {
    return errno_error("rename to " + quoted(path));
  }
  temporary.keep();
  if (sync && ::fsync(folder.get()) != 0) {
    return errno_error("sync folder " + quoted(target.folder));
  }
  return Ok{};
}

Status check_trusted(const std::string& path, const std::string& root) {
  if (path.empty() || path.front() != '/') {
    return invalid_argument(quoted(path) + " is not an absolute path");
  }
  const std::vector<std::string> top = components(root);
  std::vector<std::string> pending = components(path);
  if (top.size() > pending.size() ||
      !std::equal(top.begin(), top.end(), pending.begin())) {
    return invalid_argument(quoted(path) + " is not below " + quoted(root));
  }
  // Walks from the root of the file system; a link puts its target in front of
  // what is still to be walked, as the kernel does.
  std::reverse(pending.begin(), pending.end());
  std::vector<std::string> walked;
  int links = 0;
  bool left_root = false;  // through a link: from there on all is checked
  for (;;) {
    std::string here = "/";
    for (std::size_t i = 0; i < walked.size(); ++i) {
      here += (i == 0 ? "" : "/") + walked[i];
    }
    struct stat entry = {};
    if (::lstat(here.c_str(), &entry) != 0) {
      return errno_error("check " + quoted(here));
    }
    if (left_root || walked.size() >= top.size()) {
      RETURN_IF_ERROR(check_owner_and_mode(here, entry, pending.empty()));
    }
    if (S_ISLNK(entry.st_mode)) {
      if (++links > kMaxLinks)
        return errno_error("check " + quoted(here), ELOOP);
      char target[PATH_MAX];
      const ssize_t length = ::readlink(here.c_str(), target, sizeof(target));
      if (length < 0) return errno_error("read link " + quoted(here));
      const std::string_view text(target, static_cast<std::size_t>(length));
      walked.pop_back();
      if (text.starts_with('/')) {
        walked.clear();
        left_root = true;
      }
      std::vector<std::string> parts = components(text);
      pending.insert(pending.end(), parts.rbegin(), parts.rend());
    }
    if (pending.empty()) return Ok{};
    if (pending.back() == "..") {
      if (!walked.empty()) walked.pop_back();
      left_root = true;
    } else {
      walked.push_back(pending.back());
    }
    pending.pop_back();
  }
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, open_lock_file(path));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return errno_error("lock " + quoted(path));
  }
  return FileLock(std::move(fd));
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, open_lock_file(path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    return errno_error("lock " + quoted(path));
  }
  return std::optional<FileLock>(FileLock(std::move(fd)));
}

int poll_timeout(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(
      left.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace bailiff
