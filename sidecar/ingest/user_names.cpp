// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/user_names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include <chrono>
#include <limits>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace bailiff::sidecar {

namespace {

constexpr std::size_t kSmallestEntry = 1024;
constexpr std::size_t kLargestEntry = std::size_t{64} * 1024;
// Names are asked for with every event, and the database is files that are
// opened, or the network: an answer holds for this long.
constexpr std::chrono::seconds kFresh{10};
// Past it all are asked for anew: ids that a container makes up are endless.
constexpr std::size_t kMaxNames = 4096;

// Any thread.
class Names {
 public:
  template <typename Ask>
  std::string of(std::int64_t id, Ask ask) {
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(mutex_);
      const auto found = known_.find(id);
      if (found != known_.end() && now < found->second.until) {
        return found->second.name;
      }
    }
    std::string name = ask();
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMaxNames) known_.clear();
    known_[id] = {name, now + kFresh};
    return name;
  }

 private:
  struct Name {
    std::string name;
    std::chrono::steady_clock::time_point until;
  };
  std::mutex mutex_;
  std::unordered_map<std::int64_t, Name> known_;
};

std::string ask_for_user(uid_t uid) {
  for (std::size_t size = kSmallestEntry; size <= kLargestEntry; size *= 4) {
    std::vector<char> buffer(size);
    passwd entry{};
    passwd* found = nullptr;
    const int error =
        ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    return found != nullptr ? found->pw_name : "<NA>";
  }
  return "<NA>";
}

std::string ask_for_group(gid_t gid) {
  for (std::size_t size = kSmallestEntry; size <= kLargestEntry; size *= 4) {
    std::vector<char> buffer(size);
    group entry{};
    group* found = nullptr;
    const int error =
        ::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    return found != nullptr ? found->gr_name : "<NA>";
  }
  return "<NA>";
}

}  // namespace

std::string user_name(std::int64_t uid) {
  static Names names;
  if (uid == 0) return "root";
  if (uid < 0 || uid >= std::numeric_limits<uid_t>::max()) return "<NA>";
  return names.of(uid, [uid] { return ask_for_user(static_cast<uid_t>(uid)); });
}

std::string group_name(std::int64_t gid) {
  static Names names;
  if (gid == 0) return "root";
  if (gid < 0 || gid >= std::numeric_limits<gid_t>::max()) return "<NA>";
  return names.of(gid,
                  [gid] { return ask_for_group(static_cast<gid_t>(gid)); });
}

}  // namespace bailiff::sidecar
