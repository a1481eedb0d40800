// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/upper_layer.h
// What a container changed of its image: the upper layer of its overlay
// (overlayfs.rst of the kernel's documentation), read where the host has it.
//
// The layer is found by the root file system that config.json names and the
// mount table of this process, never by what the container's own mount table
// says: a container that may mount could name any folder of the host there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "sidecar/evidence/held_file.h"
#include "sidecar/evidence/missing.h"
#include "sidecar/evidence/pace.h"

namespace bailiff::sidecar {

// Entries that are listed.
inline constexpr std::size_t kMaxUpperEntries = 16384;
// Longest path: a container can nest folders without end.
inline constexpr std::size_t kMaxUpperPath = 1024;
// Files of one capture that are held before the response, so that their content
// survives an engine that removes the layer with the container.
inline constexpr int kMaxUpperHeld = 128;

struct UpperEntry {
  std::string path;  // below the container's root, without leading '/'
  enum class Kind {
    kFile,
    kFolder,
    kLink,
    kDeleted,  // a whiteout: the image's file is hidden
    kOther,    // a device, a FIFO, a socket
  };
  Kind kind = Kind::kFile;
  std::uint32_t mode = 0;  // with the type
  std::uint32_t uid = 0, gid = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // seconds since 1970
  std::string target;         // of a link
  bool opaque = false;        // a folder that hides all of the image's
  std::optional<HeldFile> file;
};

class UpperLayer {
 public:
  // `root` is the container's root file system as the host has it: absolute.
  // kUnsupported when it is no overlay with an upper layer that can be found.
  static Result<UpperLayer> find(const std::string& root);
  // The folder itself, for tests.
  static UpperLayer of(UniqueFd folder) {
    return UpperLayer(std::move(folder));
  }

  // Lists the layer, and holds files while `pace` is not due.
  void list(const Pace& pace, MissingList& missing);
  const std::vector<UpperEntry>& entries() const { return entries_; }

  // A file of the container's, by its absolute path, to be read.
  Result<UniqueFd> open(const std::string& path) const;
  // Of an entry that is a file.
  Result<UniqueFd> open(const UpperEntry& entry) const;

 private:
  explicit UpperLayer(UniqueFd folder) : folder_(std::move(folder)) {}
  bool list_folder(const std::string& path, std::vector<std::string>& below,
                   const Pace& pace, MissingList& missing);
  void add(int folder, const std::string& name, const std::string& path,
           std::vector<std::string>& below, const Pace& pace,
           MissingList& missing);

  UniqueFd folder_;
  std::vector<UpperEntry> entries_;
  int held_ = 0;
};

// The upper layer that the line of this mount's device names among its options
// (of /proc/self/mountinfo).  For UpperLayer, and to be tested.
std::optional<std::string> upper_folder_of(const std::string& mountinfo,
                                           std::uint64_t device);

}  // namespace bailiff::sidecar
