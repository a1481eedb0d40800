// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/bundle_facts.h"

#include <sys/stat.h>

#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::oci {
namespace {

// `kind` is as in /proc/PID/ns, `type` as in config.json.
Result<bool> is_hosts(const ContainerConfig& config, const char* type,
                      const char* kind) {
  const Namespace* asked = config.find_namespace(type);
  if (asked == nullptr) return true;
  if (asked->path.empty()) return false;
  struct stat theirs {};
  struct stat ours {};
  const std::string own = std::string("/proc/self/ns/") + kind;
  if (::stat(asked->path.c_str(), &theirs) != 0) {
    return errno_error("check '" + asked->path + "'");
  }
  if (::stat(own.c_str(), &ours) != 0)
    return errno_error("check '" + own + "'");
  return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

}  // namespace

Result<Bundle> read_bundle(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    if (folder.empty()) continue;
    const std::string path = folder + "/config.json";
    const auto text = read_bounded(path, kMaxConfigBytes);
    if (!text && text.error().code == Code::kNotFound) continue;
    if (!text) return text.error();
    ASSIGN_OR_RETURN(auto config, parse_config(*text, "'" + path + "'"));
    return Bundle{folder, std::move(config)};
  }
  std::string tried;
  for (const std::string& folder : folders) {
    if (!folder.empty()) tried += " '" + folder + "'";
  }
  return Error{Code::kNotFound, "found no config.json in" +
                                    (tried.empty() ? " any folder" : tried) +
                                    ": name the bundle with --bundle"};
}

Result<std::optional<ManagerRecord>> read_manager_record(
    const std::string& bundle, const ContainerConfig& config,
    const std::string& id) {
  const auto place = record_place(bundle, id, config.root_path);
  if (!place) return std::optional<ManagerRecord>();
  const auto text = read_bounded(place->path, kMaxRecordBytes);
  if (!text) {
    if (text.error().code != Code::kNotFound) return text.error();
    if (place->format == RecordFormat::kDocker) {
      return Error{Code::kNotFound, "there is no record of Docker's at '" +
                                        place->path +
                                        "', so the image is not known"};
    }
    return std::optional<ManagerRecord>();
  }
  auto record = parse_record(place->format, *text, id, "'" + place->path + "'");
  if (record) return std::optional(*std::move(record));
  if (record.error().code != Code::kNotFound) return record.error();
  return std::optional<ManagerRecord>();
}

Result<HostNamespaces> asked_namespaces(const ContainerConfig& config) {
  HostNamespaces host;
  ASSIGN_OR_RETURN(host.pid, is_hosts(config, "pid", "pid"));
  ASSIGN_OR_RETURN(host.network, is_hosts(config, "network", "net"));
  ASSIGN_OR_RETURN(host.ipc, is_hosts(config, "ipc", "ipc"));
  return host;
}

}  // namespace bailiff::oci
