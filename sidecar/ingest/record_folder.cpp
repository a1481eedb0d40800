// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/record_folder.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

// What parse_container_record() takes.
constexpr std::size_t kMaxRecordBytes = 4 << 20;

}  // namespace

Result<std::vector<std::string>> list_records(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    // A name that begins with a dot is a file that is still being written.
    const std::string name = entry->path().filename().string();
    if (name.front() == '.' || entry->path().extension() != ".json") continue;
    paths.push_back(entry->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return errno_error("read folder '" + folder + "'", error.value());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<oci::ContainerRecord> read_record(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_bounded(path, kMaxRecordBytes));
  return oci::parse_container_record(text);
}

Result<std::vector<RecordFile>> read_records(const std::string& folder) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, list_records(folder));
  std::vector<RecordFile> files;
  for (std::string& path : paths) {
    Result<oci::ContainerRecord> record = read_record(path);
    if (!record && record.error().code == Code::kNotFound) continue;
    files.push_back({std::move(path), std::move(record)});
  }
  return files;
}

Result<FolderWatch> FolderWatch::open(const std::string& folder) {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return errno_error("inotify");
  // Files are complete when they get their name, by rename or by link.
  if (::inotify_add_watch(fd.get(), folder.c_str(),
                          IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR) <
      0) {
    return errno_error("watch folder '" + folder + "'");
  }
  return FolderWatch(std::move(fd));
}

bool FolderWatch::drain() const {
  // Which files changed is not asked: the folder is read again, so that an
  // overflow of the queue loses nothing.
  alignas(inotify_event) std::array<char, 4096> events{};
  bool changed = false;
  while (::read(fd_.get(), events.data(), events.size()) > 0) changed = true;
  return changed;
}

}  // namespace bailiff::sidecar
