// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/evidence_folder.h
// Where captures are kept:
//
//   STATE_DIR/evidence/ID/capture.tar.zst   everything
//                        /manifest.json     what is in it (the same is its last
//                                           member)
//                        /summary.json      what a list shows
//   STATE_DIR/evidence/partial-ID/          one that is being written
//                     /partial-ID-images/   its checkpoint, before it is copied
//
// Folders 0700, files 0600.  A capture is there once its folder was renamed,
// with all of it on disk; what a crash leaves is partial, and removed at the
// next start.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

struct Retention {
  std::chrono::milliseconds keep_for{std::chrono::hours(30 * 24)};
  std::uint64_t keep_bytes = 4ULL << 30;  // of all captures together
};

// How long the service has to have seen a capture before it is too old; no
// longer than it is kept.
inline constexpr std::chrono::hours kSettles{6};

// Any thread; writing one capture: one.
class EvidenceFolder {
 public:
  // Makes the folder, and removes what is partial.  `state_dir` is trusted.
  static Result<std::unique_ptr<EvidenceFolder>> open(
      const std::string& state_dir, const Retention& retention);

  // A new capture's name: its time, and what tells it from others.
  static std::string new_id(std::uint64_t realtime_ns);

  // Begins a capture: an empty file for its archive.
  Result<UniqueFd> begin(const std::string& id);
  // Makes it one that is there.  `archive` is what begin() gave.
  Status commit(const std::string& id, int archive, std::string_view manifest,
                std::string_view summary);
  // Removes one that is not to be committed.
  void abandon(const std::string& id);

  // An empty folder for the images of a capture's checkpoint.
  Result<std::string> begin_checkpoint(const std::string& id);
  // Removes it, if there is one.
  void end_checkpoint(const std::string& id);

  // What is left of the disk after what others need of it.
  std::uint64_t room() const;

  // The summaries, oldest first.
  Result<std::vector<std::string>> summaries() const;
  // Of one.  kNotFound.
  Result<std::string> summary(const std::string& id) const;
  Result<std::string> manifest(const std::string& id) const;
  Result<UniqueFd> archive(const std::string& id) const;

  // Removes captures that are too old, and the oldest of the others while all
  // are too large, but for the newest.  How many it removed.  No clock that is
  // set makes one older: its age is what the wall clock says, or said at first
  // sight and `steady` since, whichever is less; and nothing is too old until
  // it has been seen for kSettles, as a clock may be wrong at boot.
  Result<int> retain(std::chrono::system_clock::time_point now,
                     std::chrono::steady_clock::time_point steady);

 private:
  EvidenceFolder(std::string path, UniqueFd folder, Retention retention)
      : path_(std::move(path)),
        folder_(std::move(folder)),
        retention_(retention) {}

  Result<std::vector<std::string>> ids() const;
  Result<std::string> read(const std::string& id, const char* file,
                           std::size_t most) const;

  const std::string path_;
  const UniqueFd folder_;
  const Retention retention_;
  struct Seen {
    std::chrono::nanoseconds age{};
    std::chrono::steady_clock::time_point at;
  };
  std::mutex retain_mutex_;
  std::map<std::string, Seen> seen_;  // by id, as of the last retain()
};

}  // namespace bailiff::sidecar
