// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "oci/sys/cgroup.h"
#include "oci/sys/errno_error.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {
namespace {

class DyingCgroup final : public Dying {
 public:
  // `path` is the cgroup's and `events` its cgroup.events.
  DyingCgroup(std::string path, UniqueFd events)
      : path_(std::move(path)), events_(std::move(events)) {}

  int fd() const override { return events_.get(); }

  Result<bool> empty() override {
    // Two short lines.  Reading through the polled descriptor also arms its
    // next POLLPRI: kernfs compares the count of changes it showed here.
    std::array<char, 128> text{};
    const ssize_t size = ::pread(events_.get(), text.data(), text.size(), 0);
    if (size < 0) {
      if (errno == ENODEV) return true;  // the cgroup was removed
      return errno_error("read '" + path_ + "/cgroup.events'");
    }
    return std::string_view(text.data(), static_cast<std::size_t>(size))
               .find("populated 0") != std::string_view::npos;
  }

 private:
  const std::string path_;
  const UniqueFd events_;
};

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

class CgroupResponder final : public Responder {
 public:
  explicit CgroupResponder(CgroupMount mount) : mount_(std::move(mount)) {}

  Result<std::unique_ptr<Dying>> kill(
      const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    UniqueFd events(
        ::openat(cgroup.fd(), "cgroup.events", O_RDONLY | O_CLOEXEC));
    if (!events) {
      if (errno == ENOENT || errno == ENODEV) return gone(record);
      return errno_error("open '" + cgroup.path() + "/cgroup.events'");
    }
    auto dying =
        std::make_unique<DyingCgroup>(cgroup.path(), std::move(events));
    ASSIGN_OR_RETURN(const bool empty, dying->empty());
    if (empty) return gone(record);
    if (Status killed = cgroup.kill(); !killed) {
      if (killed.error().sys_errno == ENODEV) return gone(record);
      return std::move(killed).error();
    }
    return std::unique_ptr<Dying>(std::move(dying));
  }

 private:
  static Error gone(const oci::ContainerRecord& record) {
    return Error{Code::kNotFound,
                 "container '" + record.id + "' has no process any more"};
  }

  Result<Cgroup> open(const oci::ContainerRecord& record) const {
    const std::string& path = record.cgroup_path;
    if (path.empty()) {
      return Error{Code::kPermission, "the container is not known"};
    }
    if (path.compare(0, mount_.path.size(), mount_.path) != 0 ||
        path.size() <= mount_.path.size() || path[mount_.path.size()] != '/') {
      return Error{Code::kPermission,
                   "cgroup '" + path + "' is not below '" + mount_.path + "'"};
    }
    const std::string relative = path.substr(mount_.path.size());
    ASSIGN_OR_RETURN(Cgroup cgroup, Cgroup::open(mount_, relative));
    if (cgroup.id() != record.cgroup_id) return gone(record);
    // Asked each time: whoever supervises us may have moved us since.
    ASSIGN_OR_RETURN(const std::string own, unified_path(::getpid()));
    if (holds_us(mount_, own, cgroup.id())) {
      return Error{Code::kPermission,
                   "cgroup '" + path + "' holds this service"};
    }
    return cgroup;
  }

  const CgroupMount mount_;
};

}  // namespace

Result<std::unique_ptr<Responder>> make_cgroup_responder() {
  ASSIGN_OR_RETURN(CgroupMount mount, CgroupMount::find());
  return std::unique_ptr<Responder>(
      std::make_unique<CgroupResponder>(std::move(mount)));
}

}  // namespace bailiff::sidecar
