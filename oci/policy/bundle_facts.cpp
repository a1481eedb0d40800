// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/bundle_facts.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::oci {
namespace {

using Labels = std::map<std::string, std::string>;

// More than an object in Kubernetes' store may have.
constexpr std::size_t kMaxLabelBytes = 2 << 20;

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

std::string annotation(const ContainerConfig& config, const char* key) {
  const auto found = config.annotations.find(key);
  return found == config.annotations.end() ? "" : found->second;
}

// An annotation may be anybody's: it must not lead out of the folder.
bool is_file_name(const std::string& name) {
  return check_container_id(name).has_value();
}

// FOLDER/ID/userdata -> FOLDER/SANDBOX/userdata.
std::optional<Labels> labels_from_sandbox(const Bundle& bundle) {
  constexpr std::string_view kUserdata = "/userdata";
  const std::string id =
      annotation(bundle.config, "io.kubernetes.cri-o.SandboxID");
  if (!is_file_name(id) || !bundle.folder.ends_with(kUserdata)) {
    return std::nullopt;
  }
  const std::string own =
      bundle.folder.substr(0, bundle.folder.size() - kUserdata.size());
  const std::string all = own.substr(0, own.rfind('/') + 1);
  const auto sandbox = read_bundle({all + id + std::string(kUserdata)});
  if (!sandbox) return std::nullopt;
  return labels_of_sandbox(sandbox->config);
}

// The kubelet's folder of the pod, which is the source of /etc/hosts in every
// container of the pod but its sandbox.
std::string pod_folder(const ContainerConfig& config, const std::string& uid) {
  const std::string end = "/pods/" + uid;
  for (const Mount& mount : config.mounts) {
    if (mount.destination != "/etc/hosts") continue;
    if (!mount.source.ends_with(end + "/etc-hosts")) continue;
    return mount.source.substr(0, mount.source.rfind('/'));
  }
  return "/var/lib/kubelet" + end;
}

// The lines NAME="VALUE" the kubelet writes; nothing in a value of a label
// needs to be escaped.
std::optional<Labels> parse_labels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find("=\"");
    if (equals == 0 || equals == std::string_view::npos ||
        line.size() < equals + 3 || line.back() != '"') {
      return std::nullopt;
    }
    labels.emplace(line.substr(0, equals),
                   line.substr(equals + 2, line.size() - equals - 3));
  }
  return labels;
}

std::optional<Labels> labels_from_volume(const ContainerConfig& config) {
  std::string uid = annotation(config, "io.kubernetes.cri.sandbox-uid");
  if (uid.empty()) uid = annotation(config, "io.kubernetes.pod.uid");
  if (!is_file_name(uid)) return std::nullopt;
  const auto text = read_bounded(pod_folder(config, uid) +
                                     "/volumes/kubernetes.io~downward-api/" +
                                     kPodVolume + "/labels",
                                 kMaxLabelBytes);
  if (!text) return std::nullopt;
  return parse_labels(*text);
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

std::optional<Labels> read_pod_labels(const Bundle& bundle) {
  if (auto labels = labels_from_sandbox(bundle)) return labels;
  return labels_from_volume(bundle.config);
}

Result<HostNamespaces> asked_namespaces(const ContainerConfig& config) {
  HostNamespaces host;
  ASSIGN_OR_RETURN(host.pid, is_hosts(config, "pid", "pid"));
  ASSIGN_OR_RETURN(host.network, is_hosts(config, "network", "net"));
  ASSIGN_OR_RETURN(host.ipc, is_hosts(config, "ipc", "ipc"));
  return host;
}

}  // namespace bailiff::oci
