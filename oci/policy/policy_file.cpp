// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/policy_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "rules/abi/limits.h"

namespace bailiff::oci {
namespace {

FileVersion version_in(const struct stat& status) {
  return {status.st_ino, status.st_ctim};
}

}  // namespace

Result<FileVersion> version_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return errno_error("stat '" + path + "'");
  }
  return version_in(status);
}

Result<PolicyFile> PolicyFile::open(const std::string& path) {
  if (Status trusted = check_trusted(path); !trusted) {
    if (trusted.error().code == Code::kNotFound) {
      trusted.error().message =
          "there is no compiled policy '" + path +
          "': start bailiffd, or write one with 'bailiff compile'";
    }
    return trusted.error();
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return errno_error("open '" + path + "'");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return errno_error("stat '" + path + "'");
  }
  PolicyFile file(std::move(fd), path, version_in(status));
  RETURN_IF_ERROR(file.read_head());
  return file;
}

Result<const CompiledPolicy*> PolicyFile::whole() {
  if (!whole_) {
    ASSIGN_OR_RETURN(const std::string bytes,
                     read_bounded(fd_.get(), path_, BAILIFF_MAX_POLICY_BYTES));
    ASSIGN_OR_RETURN(whole_, named(decode(bytes)));
  }
  return &*whole_;
}

Status PolicyFile::read_head() {
  ASSIGN_OR_RETURN(const std::string prefix,
                   read_start(fd_.get(), path_, kPolicyPrefixBytes));
  ASSIGN_OR_RETURN(const std::size_t length, named(policy_head_bytes(prefix)));
  ASSIGN_OR_RETURN(const std::string bytes,
                   read_start(fd_.get(), path_, length));
  ASSIGN_OR_RETURN(head_, named(decode_head(bytes)));
  digest_ = policy_digest(bytes);
  conditions_ = conditions_digest(bytes);
  return Ok{};
}

template <typename T>
Result<T> PolicyFile::named(Result<T> result) const {
  if (!result) {
    result.error().message = "'" + path_ + "': " + result.error().message;
  }
  return result;
}

}  // namespace bailiff::oci
