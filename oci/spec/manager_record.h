// SPDX-License-Identifier: Apache-2.0
// oci/spec/manager_record.h
// podman and Docker put a container's name and image not into its config.json
// but into files of their own.  This says which file, and reads it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rules/base/result.h"

namespace bailiff::oci {

// containers.json of podman and CRI-O lists every container of the host, with
// about 1 KiB each.
inline constexpr std::size_t kMaxRecordBytes = 64 << 20;

struct ManagerRecord {
  std::string name;   // without Docker's leading '/'
  std::string image;  // as the user gave it, completed by the manager
  std::string image_id;
  std::map<std::string, std::string> labels;
  bool operator==(const ManagerRecord&) const = default;
};

enum class RecordFormat {
  kContainersStorage,  // containers.json of containers/storage
  kDocker,             // config.v2.json
};

struct RecordPlace {
  std::string path;
  RecordFormat format;
  bool operator==(const RecordPlace&) const = default;
};

// Where the record of a container with this bundle is; nullopt when the bundle
// is of no manager that keeps one:
//   GRAPH/overlay-containers/ID/userdata (podman, CRI-O)
//     -> GRAPH/overlay-containers/containers.json
//   .../io.containerd.runtime.v2.task/moby/ID (Docker)
//     -> ROOT/containers/ID/config.v2.json
// `root_path` is config.json's.  Docker's ROOT ("data-root", a folder in it
// with userns-remap) is three folders above it with every storage driver, such
// as ROOT/overlay2/LAYER/merged; /var/lib/docker when there are not so many.
std::optional<RecordPlace> record_place(const std::string& bundle,
                                        const std::string& id,
                                        const std::string& root_path);

// kNotFound when the text has no container `id`.  `name` is what errors call
// the text.
Result<ManagerRecord> parse_record(RecordFormat format, std::string_view text,
                                   const std::string& id,
                                   const std::string& name);

}  // namespace bailiff::oci
