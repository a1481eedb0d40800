// SPDX-License-Identifier: Apache-2.0
// oci/policy/policy_file.h
#pragma once

#include <sys/types.h>
#include <time.h>

#include <optional>
#include <string>

#include "oci/sys/unique_fd.h"
#include "rules/base/digest.h"
#include "rules/base/result.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::oci {

// Which file a path leads to, and its state.
struct FileVersion {
  ino_t inode = 0;
  timespec changed = {};
  bool operator==(const FileVersion& other) const {
    return inode == other.inode && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
  }
};
Result<FileVersion> version_of(const std::string& path);

// The compiled policy, of which lists that the kernel looks things up in are
// read only when they are asked for: they may be far longer than all the rest.
class PolicyFile {
 public:
  // Refuses a file that others may change.  kNotFound: there is none, and what
  // to do about it.
  static Result<PolicyFile> open(const std::string& path);

  // As decode_head() gives it.
  const CompiledPolicy& head() const { return head_; }
  const Digest& digest() const { return digest_; }
  const Digest& conditions() const { return conditions_; }
  const FileVersion& version() const { return version_; }

  // Borrowed from this.
  Result<const CompiledPolicy*> whole();

 private:
  PolicyFile(UniqueFd fd, std::string path, const FileVersion& version)
      : fd_(std::move(fd)), path_(std::move(path)), version_(version) {}

  Status read_head();
  template <typename T>
  Result<T> named(Result<T> result) const;

  UniqueFd fd_;
  std::string path_;
  FileVersion version_;
  CompiledPolicy head_;
  Digest digest_;
  Digest conditions_;
  std::optional<CompiledPolicy> whole_;
};

}  // namespace bailiff::oci
