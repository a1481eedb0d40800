// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/user_names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include <limits>
#include <vector>

namespace bailiff::sidecar {

std::string user_name(std::int64_t uid) {
  constexpr std::size_t kSmallest = 1024;
  constexpr std::size_t kLargest = 64 * 1024;
  if (uid == 0) return "root";
  if (uid < 0 || uid >= std::numeric_limits<uid_t>::max()) return "<NA>";
  for (std::size_t size = kSmallest; size <= kLargest; size *= 4) {
    std::vector<char> buffer(size);
    passwd entry{};
    passwd* found = nullptr;
    const int error = ::getpwuid_r(static_cast<uid_t>(uid), &entry,
                                   buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    return found != nullptr ? found->pw_name : "<NA>";
  }
  return "<NA>";
}

std::string group_name(std::int64_t gid) {
  constexpr std::size_t kSmallest = 1024;
  constexpr std::size_t kLargest = 64 * 1024;
  if (gid == 0) return "root";
  if (gid < 0 || gid >= std::numeric_limits<gid_t>::max()) return "<NA>";
  for (std::size_t size = kSmallest; size <= kLargest; size *= 4) {
    std::vector<char> buffer(size);
    group entry{};
    group* found = nullptr;
    const int error = ::getgrgid_r(static_cast<gid_t>(gid), &entry,
                                   buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    return found != nullptr ? found->gr_name : "<NA>";
  }
  return "<NA>";
}

}  // namespace bailiff::sidecar
