// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/scratch_cgroup.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

// Whether a scratch cgroup with what follows its prefix, "PID-RANDOM", is of a
// process that is gone.
bool is_left_over(std::string_view rest) {
  pid_t pid = 0;
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), pid);
  if (error != std::errc() || pid <= 0) return false;
  if (end == rest.data() + rest.size() || *end != '-') return false;
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

void remove_left_over(const std::string& folder, std::string_view prefix) {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    if (is_left_over(std::string_view(name).substr(prefix.size()))) {
      // Somebody else may have, or it is not empty: then it stays.
      ::rmdir(entry.path().c_str());
    }
  }
}

}  // namespace

Result<ScratchCgroup> ScratchCgroup::make(const std::string& prefix) {
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  remove_left_over(mount.path, prefix);
  std::string path =
      mount.path + "/" + prefix + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return errno_error("make cgroup '" + path + "'");
  }
  auto cgroup = Cgroup::open(mount, path.substr(mount.path.size()));
  if (!cgroup) {
    ::rmdir(path.c_str());
    return cgroup.error();
  }
  return ScratchCgroup(*std::move(cgroup), std::move(path));
}

ScratchCgroup::~ScratchCgroup() {
  if (!path_.empty()) ::rmdir(path_.c_str());
}

}  // namespace bailiff::hook
