// SPDX-License-Identifier: Apache-2.0
// oci/sys/unique_fd.h
#pragma once

#include <unistd.h>

#include <utility>

namespace bailiff {

// Owns one file descriptor and closes it.  -1 means "none", never 0: a
// zero-initialised owner would close standard input.
class UniqueFd {
 public:
  UniqueFd() = default;
  [[nodiscard]] explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    UniqueFd dying(std::exchange(fd_, other.release()));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);  // EINTR must not be retried on Linux
  }

  // Borrows: valid while *this owns it.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // The caller becomes the owner.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace bailiff
