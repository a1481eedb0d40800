// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/container_cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {
namespace {

// Whether `id` is the cgroup `own` (below the mount), one above it, or the
// root.  By ids, as a path can be written in many ways.
bool holds_us(const CgroupMount& mount, std::string own, std::uint64_t id) {
  for (;;) {
    const std::string path = own == "/" ? mount.path : mount.path + own;
    struct stat above {};
    // A cgroup that cannot be asked is refused: failing closed costs a
    // response, failing open might cost this service.
    if (::stat(path.c_str(), &above) != 0 || above.st_ino == id) return true;
    if (own == "/") return false;
    const std::size_t slash = own.rfind('/');
    own = slash == 0 || slash == std::string::npos ? "/" : own.substr(0, slash);
  }
}

bool is_at_or_below(std::string_view path, std::string_view above) {
  return path.starts_with(above) &&
         (path.size() == above.size() || path[above.size()] == '/');
}

}  // namespace

Error container_is_gone(const oci::ContainerRecord& record) {
  return Error{Code::kNotFound,
               "container '" + record.id + "' has no process any more"};
}

Result<Cgroup> open_container_cgroup(const CgroupMount& mount,
                                     const oci::ContainerRecord& record) {
  const std::string& path = record.cgroup_path;
  if (path.empty()) {
    return Error{Code::kPermission, "the container is not known"};
  }
  // What a user may claim of his container counts for nothing here.
  if (record.facts.sandbox && record.facts.pod_identity_trusted) {
    return Error{Code::kPermission,
                 "container '" + record.id + "' is the sandbox of a pod"};
  }
  if (path.compare(0, mount.path.size(), mount.path) != 0 ||
      path.size() <= mount.path.size() || path[mount.path.size()] != '/') {
    return Error{Code::kPermission,
                 "cgroup '" + path + "' is not below '" + mount.path + "'"};
  }
  const std::string relative = path.substr(mount.path.size());
  ASSIGN_OR_RETURN(Cgroup cgroup, Cgroup::open(mount, relative));
  if (cgroup.id() != record.cgroup_id) return container_is_gone(record);
  // Asked each time: whoever supervises us may have moved us since.
  ASSIGN_OR_RETURN(const std::string own, unified_path(::getpid()));
  if (holds_us(mount, own, cgroup.id())) {
    return Error{Code::kPermission, "cgroup '" + path + "' holds this service"};
  }
  const std::string pod = pod_cgroup(own);
  if (!pod.empty() && is_at_or_below(relative, pod)) {
    return Error{Code::kPermission,
                 "cgroup '" + path + "' is of this service's pod"};
  }
  return cgroup;
}

}  // namespace bailiff::sidecar
