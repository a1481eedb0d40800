// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/bundle.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"

namespace bailiff::oci {
namespace {

constexpr mode_t kPermissions = 07777;

}  // namespace

Result<Injection> inject_into_file(const std::string& config_path,
                                   const HookPlan& plan,
                                   const SeccompRequest& seccomp) {
  const std::string name = "'" + config_path + "'";
  // Not blocking: opening a FIFO put there would wait for its writer.
  const UniqueFd fd(::open(config_path.c_str(),
                           O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return errno_error("open " + name);
  struct stat file = {};
  if (::fstat(fd.get(), &file) != 0) return errno_error("check " + name);
  if (!S_ISREG(file.st_mode)) {
    return invalid_argument(name + " is not a regular file");
  }
  ASSIGN_OR_RETURN(const std::string before,
                   read_bounded(fd.get(), config_path, kMaxConfigBytes));
  ASSIGN_OR_RETURN(ConfigDocument document,
                   ConfigDocument::parse(before, name));
  ASSIGN_OR_RETURN(const std::string unchanged, document.text());
  ASSIGN_OR_RETURN(Injection injection, inject(document, plan));
  RETURN_IF_ERROR(inject_seccomp(document, seccomp));
  ASSIGN_OR_RETURN(const std::string after, document.text());
  injection.changed = after != unchanged;
  if (!injection.changed) return injection;
  RETURN_IF_ERROR(write_atomically(
      config_path, after, file.st_mode & kPermissions, Durability::kProcess,
      FileOwner{file.st_uid, file.st_gid}));
  return injection;
}

}  // namespace bailiff::oci
