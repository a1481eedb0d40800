// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/record_folder.h
// RUN_DIR/containers and RUN_DIR/spool, which the hook writes
// (oci/spec/container_record.h), and being told when that happens.
#pragma once

#include <string>
#include <vector>

#include "oci/spec/container_record.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

struct RecordFile {
  std::string path;
  Result<oci::ContainerRecord> record;
};

// The *.json of a folder by name, which for the spool is the order in which
// they were written; read and parsed.  One that is removed meanwhile is left
// out.  A folder that is not there is empty.
Result<std::vector<RecordFile>> read_records(const std::string& folder);

// The paths of the *.json in a folder, by name.
Result<std::vector<std::string>> list_records(const std::string& folder);
Result<oci::ContainerRecord> read_record(const std::string& path);

// Tells of files that appear in or vanish from a folder.
class FolderWatch {
 public:
  static Result<FolderWatch> open(const std::string& folder);

  // Readable (epoll) after a change.
  int fd() const { return fd_.get(); }
  // Whether anything changed since the last call.  Never blocks.
  bool drain() const;

 private:
  explicit FolderWatch(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace bailiff::sidecar
