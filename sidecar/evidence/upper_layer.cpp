// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/upper_layer.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

constexpr std::size_t kMaxMountinfo = std::size_t{16} * 1024 * 1024;

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

// "\040" is a blank, and so on.
std::string decode_octal(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      decoded += static_cast<char>((text[i + 1] - '0') * 64 +
                                   (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

UpperEntry::Kind kind_of(const struct stat& file) {
  if (S_ISREG(file.st_mode)) return UpperEntry::Kind::kFile;
  if (S_ISDIR(file.st_mode)) return UpperEntry::Kind::kFolder;
  if (S_ISLNK(file.st_mode)) return UpperEntry::Kind::kLink;
  // overlayfs.rst, "whiteouts and opaque directories".
  if (S_ISCHR(file.st_mode) && file.st_rdev == makedev(0, 0)) {
    return UpperEntry::Kind::kDeleted;
  }
  return UpperEntry::Kind::kOther;
}

}  // namespace

std::optional<std::string> upper_folder_of(const std::string& mountinfo,
                                           std::uint64_t device) {
  // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS
  const std::string number =
      std::to_string(major(device)) + ":" + std::to_string(minor(device));
  constexpr std::string_view kOption = "upperdir=";
  std::string_view rest = mountinfo;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t dash = line.find(" - overlay ");
    if (dash == std::string_view::npos) continue;
    std::string_view words = line;
    for (int skip = 0; skip < 2; ++skip) {
      words.remove_prefix(std::min(words.find(' ') + 1, words.size()));
    }
    if (words.substr(0, words.find(' ')) != number) continue;
    std::string_view options = line.substr(line.rfind(' ') + 1);
    while (!options.empty()) {
      const std::string_view option = options.substr(0, options.find(','));
      options.remove_prefix(std::min(option.size() + 1, options.size()));
      if (!option.starts_with(kOption)) continue;
      std::string path = decode_octal(option.substr(kOption.size()));
      // Relative to a folder that only whoever mounted it knows.
      if (!path.starts_with('/')) return std::nullopt;
      return path;
    }
  }
  return std::nullopt;
}

Result<UpperLayer> UpperLayer::find(const std::string& root) {
  const UniqueFd merged(
      ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!merged) return errno_error("open '" + root + "'");
  struct statfs system {};
  struct stat folder {};
  if (::fstatfs(merged.get(), &system) != 0 ||
      ::fstat(merged.get(), &folder) != 0) {
    return errno_error("stat '" + root + "'");
  }
  if (system.f_type != OVERLAYFS_SUPER_MAGIC) {
    return Error{Code::kUnsupported,
                 "the root file system '" + root + "' is no overlay"};
  }
  ASSIGN_OR_RETURN(const std::string mountinfo,
                   read_bounded("/proc/self/mountinfo", kMaxMountinfo));
  const std::optional<std::string> path =
      upper_folder_of(mountinfo, folder.st_dev);
  if (!path) {
    return Error{Code::kUnsupported,
                 "the overlay '" + root + "' names no upper layer"};
  }
  UniqueFd upper(
      ::open(path->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!upper) return errno_error("open '" + *path + "'");
  return UpperLayer(std::move(upper));
}

void UpperLayer::list(const Pace& pace, MissingList& missing) {
  entries_.clear();
  // Folders still to be read; by path, as open ones would be too many.
  std::vector<std::string> below = {""};
  while (!below.empty()) {
    const std::string path = std::move(below.back());
    below.pop_back();
    if (!list_folder(path, below, pace, missing)) return;
  }
}

bool UpperLayer::list_folder(const std::string& path,
                             std::vector<std::string>& below, const Pace& pace,
                             MissingList& missing) {
  const std::string member = "upper/" + path;
  Result<UniqueFd> place = open_place(folder_.get(), path.empty() ? "." : path);
  UniqueFd fd;
  if (place) {
    fd = UniqueFd(
        ::openat(place->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  if (!fd) {
    missing.add(member,
                place ? errno_error("open").message : place.error().message);
    return true;
  }
  const Folder folder(::fdopendir(fd.get()), &::closedir);
  if (!folder) return true;
  const int at = fd.release();
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entries_.size() >= kMaxUpperEntries || pace.is_over()) {
      missing.add(
          "upper",
          pace.is_over()
              ? "the rest was not read in time"
              : "more than " + std::to_string(kMaxUpperEntries) + " entries");
      return false;
    }
    const std::string whole = path.empty() ? name : path + "/" + name;
    if (whole.size() > kMaxUpperPath) {
      missing.add(member, "it has paths longer than " +
                              std::to_string(kMaxUpperPath) + " bytes");
      continue;
    }
    add(at, name, whole, below, pace, missing);
  }
  return true;
}

void UpperLayer::add(int folder, const std::string& name,
                     const std::string& path, std::vector<std::string>& below,
                     const Pace& pace, MissingList& missing) {
  UniqueFd place(
      ::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat file {};
  if (!place || ::fstat(place.get(), &file) != 0) {
    missing.add("upper/" + path, errno_error("open").message);
    return;
  }
  UpperEntry entry;
  entry.path = path;
  entry.kind = kind_of(file);
  entry.mode = file.st_mode;
  entry.uid = file.st_uid;
  entry.gid = file.st_gid;
  entry.modified = file.st_mtim.tv_sec;
  switch (entry.kind) {
    case UpperEntry::Kind::kFile:
      entry.bytes = static_cast<std::uint64_t>(file.st_size);
      if (held_ < kMaxUpperHeld && !pace.is_due()) {
        entry.file = HeldFile::hold(std::move(place));
        if (entry.file) ++held_;
      }
      break;
    case UpperEntry::Kind::kFolder: {
      const std::string link = "/proc/self/fd/" + std::to_string(place.get());
      char value = 0;
      entry.opaque =
          ::getxattr(link.c_str(), "trusted.overlay.opaque", &value, 1) == 1 &&
          value == 'y';
      below.push_back(path);
      break;
    }
    case UpperEntry::Kind::kLink: {
      std::array<char, PATH_MAX> target{};
      const ssize_t size =
          ::readlinkat(place.get(), "", target.data(), target.size());
      if (size > 0) {
        entry.target.assign(target.data(), static_cast<std::size_t>(size));
      }
      break;
    }
    case UpperEntry::Kind::kDeleted:
    case UpperEntry::Kind::kOther:
      break;
  }
  entries_.push_back(std::move(entry));
}

Result<UniqueFd> UpperLayer::open(const std::string& path) const {
  const std::size_t begin = path.find_first_not_of('/');
  if (begin == std::string::npos) {
    return Error{Code::kInvalidArgument, "no path"};
  }
  return open_regular(folder_.get(), path.substr(begin));
}

Result<UniqueFd> UpperLayer::open(const UpperEntry& entry) const {
  if (entry.file) return entry.file->open();
  return open_regular(folder_.get(), entry.path);
}

}  // namespace bailiff::sidecar
