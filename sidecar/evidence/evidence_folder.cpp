// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/evidence_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

constexpr char kPartial[] = "partial-";
constexpr char kArchive[] = "capture.tar.zst";
constexpr char kManifest[] = "manifest.json";
constexpr char kSummary[] = "summary.json";
// Behind the name of what is partial.
constexpr char kImages[] = "-images";

// A manifest has a line for each of some ten thousand members.
constexpr std::size_t kMaxManifest = std::size_t{64} * 1024 * 1024;
constexpr std::size_t kMaxSummary = std::size_t{64} * 1024;
// The database is on the same disk, and events matter more than evidence.
constexpr std::uint64_t kLeaveFree = 256ULL << 20;

bool is_id(std::string_view name) {
  return name.size() == 24 && name.find_first_not_of("0123456789abcdefTZ-") ==
                                  std::string_view::npos;
}

Status sync(int fd, const std::string& what) {
  if (::fsync(fd) != 0) return errno_error("sync '" + what + "'");
  return Ok{};
}

Status write_file(int folder, const char* name, std::string_view bytes) {
  const UniqueFd fd(
      ::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return errno_error(std::string("make '") + name + "'");
  RETURN_IF_ERROR(write_all(fd.get(), name, bytes));
  return sync(fd.get(), name);
}

Result<std::vector<std::string>> names_in(int folder, const std::string& path) {
  UniqueFd fd(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const opened = fd ? ::fdopendir(fd.get()) : nullptr;
  if (opened == nullptr) return errno_error("list '" + path + "'");
  static_cast<void>(fd.release());
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(opened))
    names.emplace_back(entry->d_name);
  ::closedir(opened);
  std::sort(names.begin(), names.end());
  return names;
}

// A folder of ours: files only.
void remove_folder(int parent, const std::string& name) {
  const UniqueFd folder(::openat(
      parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (folder) {
    const auto files = names_in(folder.get(), name);
    if (files) {
      for (const std::string& file : *files) {
        ::unlinkat(folder.get(), file.c_str(), 0);
      }
    }
  }
  ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

}  // namespace

Result<std::unique_ptr<EvidenceFolder>> EvidenceFolder::open(
    const std::string& state_dir, const Retention& retention) {
  const std::string path = state_dir + "/evidence";
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_error("make folder '" + path + "'");
  }
  RETURN_IF_ERROR(check_trusted(path));
  UniqueFd folder(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder) return errno_error("open '" + path + "'");
  // Made by an administrator, it may be open to more.
  if (::fchmod(folder.get(), 0700) != 0) {
    return errno_error("chmod '" + path + "'");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   names_in(folder.get(), path));
  for (const std::string& name : names) {
    if (name.starts_with(kPartial)) remove_folder(folder.get(), name);
  }
  return std::unique_ptr<EvidenceFolder>(
      new EvidenceFolder(path, std::move(folder), retention));
}

std::string EvidenceFolder::new_id(std::uint64_t realtime_ns) {
  const auto seconds = static_cast<time_t>(realtime_ns / 1'000'000'000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::uint32_t bits = 0;
  // Short requests are never cut (getrandom(2)).
  while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
  }
  std::array<char, 64> text{};
  // A time past the year 9999 would not be an id; there is none.
  ::snprintf(text.data(), text.size(), "%04d%02d%02dT%02d%02d%02d-%08x",
             (utc.tm_year + 1900) % 10000, utc.tm_mon + 1, utc.tm_mday,
             utc.tm_hour, utc.tm_min, utc.tm_sec, bits);
  return text.data();
}

Result<UniqueFd> EvidenceFolder::begin(const std::string& id) {
  const std::string name = kPartial + id;
  if (::mkdirat(folder_.get(), name.c_str(), 0700) != 0) {
    return errno_error("make folder '" + path_ + "/" + name + "'");
  }
  const std::string file = name + "/" + kArchive;
  UniqueFd fd(::openat(folder_.get(), file.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) {
    Error error = errno_error("make '" + path_ + "/" + file + "'");
    abandon(id);
    return error;
  }
  return fd;
}

Status EvidenceFolder::commit(const std::string& id, int archive,
                              std::string_view manifest,
                              std::string_view summary) {
  const std::string name = kPartial + id;
  RETURN_IF_ERROR(sync(archive, kArchive));
  const UniqueFd folder(::openat(folder_.get(), name.c_str(),
                                 O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno_error("open '" + path_ + "/" + name + "'");
  RETURN_IF_ERROR(write_file(folder.get(), kManifest, manifest));
  RETURN_IF_ERROR(write_file(folder.get(), kSummary, summary));
  RETURN_IF_ERROR(sync(folder.get(), name));
  if (::renameat(folder_.get(), name.c_str(), folder_.get(), id.c_str()) != 0) {
    return errno_error("rename '" + path_ + "/" + name + "'");
  }
  return sync(folder_.get(), path_);
}

void EvidenceFolder::abandon(const std::string& id) {
  remove_folder(folder_.get(), kPartial + id);
}

Result<std::string> EvidenceFolder::begin_checkpoint(const std::string& id) {
  const std::string name = kPartial + id + kImages;
  if (::mkdirat(folder_.get(), name.c_str(), 0700) != 0) {
    return errno_error("make folder '" + path_ + "/" + name + "'");
  }
  return path_ + "/" + name;
}

void EvidenceFolder::end_checkpoint(const std::string& id) {
  remove_folder(folder_.get(), kPartial + id + kImages);
}

std::uint64_t EvidenceFolder::room() const {
  struct statvfs disk {};
  if (::fstatvfs(folder_.get(), &disk) != 0) return 0;
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  return free > kLeaveFree ? free - kLeaveFree : 0;
}

Result<std::vector<std::string>> EvidenceFolder::ids() const {
  ASSIGN_OR_RETURN(std::vector<std::string> names,
                   names_in(folder_.get(), path_));
  names.erase(
      std::remove_if(names.begin(), names.end(),
                     [](const std::string& name) { return !is_id(name); }),
      names.end());
  return names;
}

Result<std::string> EvidenceFolder::read(const std::string& id,
                                         const char* file,
                                         std::size_t most) const {
  // Also keeps '/' and '..' out: ids come from whoever calls the API.
  if (!is_id(id)) return Error{Code::kNotFound, "no evidence '" + id + "'"};
  const std::string name = id + "/" + file;
  const UniqueFd fd(
      ::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    if (errno == ENOENT) {
      return Error{Code::kNotFound, "no evidence '" + id + "'"};
    }
    return errno_error("open '" + path_ + "/" + name + "'");
  }
  return read_bounded(fd.get(), name, most);
}

Result<std::vector<std::string>> EvidenceFolder::summaries() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> known, ids());
  std::vector<std::string> summaries;
  for (const std::string& id : known) {
    Result<std::string> text = summary(id);
    // Removed meanwhile.
    if (!text && text.error().code == Code::kNotFound) continue;
    if (!text) return std::move(text).error();
    summaries.push_back(*std::move(text));
  }
  return summaries;
}

Result<std::string> EvidenceFolder::summary(const std::string& id) const {
  return read(id, kSummary, kMaxSummary);
}

Result<std::string> EvidenceFolder::manifest(const std::string& id) const {
  return read(id, kManifest, kMaxManifest);
}

Result<UniqueFd> EvidenceFolder::archive(const std::string& id) const {
  if (!is_id(id)) return Error{Code::kNotFound, "no evidence '" + id + "'"};
  const std::string name = id + "/" + kArchive;
  UniqueFd fd(
      ::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) {
    return Error{Code::kNotFound, "no evidence '" + id + "'"};
  }
  if (!fd) return errno_error("open '" + path_ + "/" + name + "'");
  return fd;
}

Result<int> EvidenceFolder::retain(
    std::chrono::system_clock::time_point now,
    std::chrono::steady_clock::time_point steady) {
  const std::lock_guard lock(retain_mutex_);
  ASSIGN_OR_RETURN(const std::vector<std::string> known, ids());
  struct Kept {
    std::string id;
    std::uint64_t bytes;
    std::chrono::nanoseconds written;  // as dated
    std::chrono::nanoseconds age;
    std::chrono::nanoseconds seen;  // for so long
  };
  std::vector<Kept> kept;
  std::map<std::string, Seen> seen_now;
  std::uint64_t total = 0;
  for (const std::string& id : known) {
    struct stat file {};
    const std::string name = id + "/" + kArchive;
    if (::fstatat(folder_.get(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) !=
        0) {
      continue;
    }
    const std::chrono::nanoseconds written =
        std::chrono::seconds(file.st_mtim.tv_sec) +
        std::chrono::nanoseconds(file.st_mtim.tv_nsec);
    // What was written when the clock was ahead is as old as its first sight.
    const std::chrono::nanoseconds wall = std::max<std::chrono::nanoseconds>(
        now.time_since_epoch() - written, std::chrono::nanoseconds(0));
    const auto before = seen_.find(id);
    const Seen first =
        before == seen_.end() ? Seen{wall, steady} : before->second;
    seen_now.emplace(id, first);
    const std::chrono::nanoseconds since = steady - first.at;
    kept.push_back({id, static_cast<std::uint64_t>(file.st_size), written,
                    std::min(first.age + since, wall), since});
    total += kept.back().bytes;
  }
  seen_ = std::move(seen_now);
  // Not by their ids, which are the same up to the second.  First what is dated
  // later than now: whatever is dated right was written after it.
  const auto order = [&now](const Kept& each) {
    return std::pair(each.written <= now.time_since_epoch(), each.written);
  };
  std::stable_sort(kept.begin(), kept.end(), [&](const Kept& a, const Kept& b) {
    return order(a) < order(b);
  });
  const auto settles =
      std::min<std::chrono::nanoseconds>(kSettles, retention_.keep_for);
  int removed = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const bool old =
        kept[i].age > retention_.keep_for && kept[i].seen >= settles;
    const bool newest = i + 1 == kept.size();
    const bool too_many = total > retention_.keep_bytes;
    if (!old && (!too_many || newest)) continue;
    // A name that is none of evidence: half of it removed, it is partial.
    const std::string partial = kPartial + kept[i].id;
    if (::renameat(folder_.get(), kept[i].id.c_str(), folder_.get(),
                   partial.c_str()) != 0) {
      return errno_error("remove '" + path_ + "/" + kept[i].id + "'");
    }
    remove_folder(folder_.get(), partial);
    total -= kept[i].bytes;
    ++removed;
  }
  return removed;
}

}  // namespace bailiff::sidecar
