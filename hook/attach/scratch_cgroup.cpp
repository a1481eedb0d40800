// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/scratch_cgroup.h"

#include <stdlib.h>
#include <unistd.h>

#include "oci/sys/errno_error.h"

namespace bailiff::hook {

Result<ScratchCgroup> ScratchCgroup::make(const std::string& prefix) {
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  std::string path = mount.path + "/" + prefix + "XXXXXX";
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
