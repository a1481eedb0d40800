// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/facts.h"

#include <iterator>
#include <string_view>
#include <utility>

#include "oci/spec/image.h"
#include "oci/spec/json.h"

namespace bailiff::oci {
namespace {

using StringMap = std::map<std::string, std::string>;

// Falco shows so many characters of an id.
constexpr std::size_t kShortIdLength = 12;
constexpr std::size_t kMaxAnnotationJson = 4 << 20;
// Of a container its own, of a sandbox the pod's.
constexpr const char* kCriOLabels = "io.kubernetes.cri-o.Labels";
// Labels the kubelet puts on every container; not the user's.
constexpr std::string_view kKubeletLabels = "io.kubernetes.";

// The first of `keys` that is there and not empty; "" when none is.
std::string first_of(const StringMap& annotations,
                     std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = annotations.find(key);
    if (found != annotations.end() && !found->second.empty()) {
      return found->second;
    }
  }
  return "";
}

bool has(const StringMap& annotations, const char* key) {
  return annotations.find(key) != annotations.end();
}

// An annotation whose value is a JSON object of strings.  One that is not is as
// good as none: anybody may have written it, and a label is no reason to
// refuse a container.
StringMap embedded_map(const StringMap& annotations, const char* key) {
  const auto found = annotations.find(key);
  if (found == annotations.end()) return {};
  Json wrapped = Json::object();
  Result<Json> json = parse_json(found->second, key, kMaxAnnotationJson);
  if (!json) return {};
  wrapped["map"] = *std::move(json);
  const Result<FieldReader> reader = FieldReader::open(wrapped, key);
  if (!reader) return {};
  Result<StringMap> map = reader->string_map("map");
  return map ? *std::move(map) : StringMap();
}

std::string engine(const StringMap& annotations, const std::string& bundle) {
  // The bundle's path is the manager's own; annotations may be anybody's.
  if (bundle.find("/io.containerd.runtime.v2.task/moby/") !=
      std::string::npos) {
    return "docker";
  }
  if (bundle.find("/io.containerd.runtime.v2.task/") != std::string::npos ||
      has(annotations, "io.kubernetes.cri.container-type") ||
      has(annotations, "nerdctl/namespace")) {
    return "containerd";
  }
  const std::string manager = first_of(annotations, {"io.container.manager"});
  if (manager == "libpod") return "podman";
  if (manager == "cri-o" ||
      has(annotations, "io.kubernetes.cri-o.ContainerType")) {
    return "cri-o";
  }
  return "";
}

// containerd runs the kubelet's containers, and none that users start by other
// clients, in the namespace "k8s.io".  CRI-O's bundles look like podman's; the
// kubelet's cgroup above them tells them apart, and to make one takes the
// rights of the kubelet.
bool set_by_kubelet(const std::string& type, const std::string& bundle,
                    const std::string& cgroups_path) {
  if (type == "containerd") {
    return bundle.find("/io.containerd.runtime.v2.task/k8s.io/") !=
           std::string::npos;
  }
  return type == "cri-o" && bundle.ends_with("/userdata") &&
         cgroups_path.find("kubepods") != std::string::npos &&
         cgroups_path.find("crio") != std::string::npos;
}

std::string propagation_of(const Mount& mount) {
  for (const char* kind : {"private", "rprivate", "shared", "rshared", "slave",
                           "rslave", "unbindable", "runbindable"}) {
    if (mount.has_option(kind)) return kind;
  }
  return "";
}

void put(ContainerFacts& facts, const char* field, std::string value) {
  if (!value.empty()) facts.values[field] = std::move(value);
}

// Falco's form: "key:value, key", without those that are the kubelet's.
void put_labels(ContainerFacts& facts, const char* field,
                const StringMap& labels) {
  std::string all;
  for (const auto& [key, value] : labels) {
    if (key.starts_with(kKubeletLabels)) continue;
    if (!all.empty()) all += ", ";
    all += key;
    if (!value.empty()) all += ':' + value;
  }
  put(facts, field, std::move(all));
}

// The user's among the labels of a sandbox.
StringMap of_user(StringMap labels) {
  for (auto each = labels.begin(); each != labels.end();) {
    each = each->first.starts_with(kKubeletLabels) ? labels.erase(each)
                                                   : std::next(each);
  }
  return labels;
}

// containerd writes none down; those the kubelet gives are in annotations of
// other names, and a container of a pod has no others.
void put_kubelet_labels(const StringMap& annotations, ContainerFacts& facts) {
  constexpr std::pair<const char*, const char*> kLabels[] = {
      {"io.kubernetes.cri.container-name", "io.kubernetes.container.name"},
      {"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"},
      {"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"},
      {"io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"}};
  for (const auto& [annotation, label] : kLabels) {
    std::string value = first_of(annotations, {annotation});
    if (!value.empty()) facts.labels.emplace(label, std::move(value));
  }
}

// What is not written down though there may be one.
void put_untold(ContainerFacts& facts, bool labels, bool pod_labels) {
  if (!labels) {
    facts.untold.emplace_back("container.label");
    facts.untold.emplace_back("container.labels");
  }
  if (!facts.image.empty() && !facts.values.contains("container.image.id")) {
    facts.untold.emplace_back("container.image.id");
  }
  if (!pod_labels) {
    facts.untold.emplace_back("k8s.pod.label");
    facts.untold.emplace_back("k8s.pod.labels");
  }
}

void put_mounts(ContainerFacts& facts, const std::vector<Mount>& mounts) {
  std::string all;
  std::vector<std::string> sources;
  std::vector<std::string> destinations;
  std::vector<std::string> modes;
  std::vector<std::string> writable;
  std::vector<std::string> propagations;
  for (const Mount& mount : mounts) {
    if (!mount.is_bind()) continue;
    const bool readonly = mount.has_option("ro");
    sources.push_back(mount.source);
    destinations.push_back(mount.destination);
    modes.emplace_back(readonly ? "ro" : "rw");
    writable.emplace_back(readonly ? "false" : "true");
    propagations.push_back(propagation_of(mount));
    if (!all.empty()) all += ',';
    all += sources.back() + ':' + destinations.back() + ':' + modes.back() +
           ':' + writable.back() + ':' + propagations.back();
  }
  if (sources.empty()) return;
  facts.values["container.mounts"] = std::move(all);
  facts.values["container.mount.source"] = std::move(sources);
  facts.values["container.mount.dest"] = std::move(destinations);
  facts.values["container.mount.mode"] = std::move(modes);
  facts.values["container.mount.rdwr"] = std::move(writable);
  facts.values["container.mount.propagation"] = std::move(propagations);
}

void put_image(ContainerFacts& facts, const std::string& reference,
               std::string image_id) {
  const ImageReference image = split_image(reference);
  put(facts, "container.image", reference);
  put(facts, "container.image.repository", image.repository);
  put(facts, "container.image.tag", image.tag);
  put(facts, "container.image.digest", image.digest);
  if (image_id.empty()) image_id = image.id;
  constexpr std::string_view kAlgorithm = "sha256:";
  if (image_id.starts_with(kAlgorithm)) image_id.erase(0, kAlgorithm.size());
  put(facts, "container.image.id", std::move(image_id));
}

bool is_sandbox(const StringMap& annotations) {
  return first_of(annotations, {"io.kubernetes.cri.container-type",
                                "io.kubernetes.cri-o.ContainerType"}) ==
         "sandbox";
}

std::optional<StringMap> sandbox_labels(bool sandbox,
                                        const StringMap& annotations) {
  if (!sandbox || !has(annotations, kCriOLabels)) return std::nullopt;
  return of_user(embedded_map(annotations, kCriOLabels));
}

bool claims_privileged(const StringMap& annotations) {
  // A claim can only add: whoever forges it makes the rules stricter.
  const std::string claim =
      first_of(annotations, {"io.kubernetes.cri-o.PrivilegedRuntime",
                             "io.podman.annotations.privileged"});
  return claim == "true" || claim == "TRUE";
}

}  // namespace

Result<ContainerFacts> container_facts(
    const ContainerState& state, const ContainerConfig& config,
    const std::optional<ManagerRecord>& record,
    const std::optional<HostNamespaces>& host,
    const std::optional<StringMap>& pod_labels) {
  RETURN_IF_ERROR(check_container_id(state.id));
  StringMap annotations = config.annotations;
  for (const auto& [key, value] : state.annotations) annotations[key] = value;

  ContainerFacts facts;
  facts.id = state.id;
  facts.type = engine(annotations, state.bundle);
  facts.sandbox = is_sandbox(annotations);
  facts.pod = first_of(
      annotations, {"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name",
                    "io.kubernetes.cri-o.KubeName"});
  facts.namespace_name =
      first_of(annotations, {"io.kubernetes.cri.sandbox-namespace",
                             "io.kubernetes.pod.namespace",
                             "io.kubernetes.cri-o.Namespace"});
  facts.pod_uid = first_of(
      annotations, {"io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"});
  facts.pod_identity_trusted =
      set_by_kubelet(facts.type, state.bundle, config.cgroups_path);
  facts.name =
      first_of(annotations, {"io.kubernetes.cri.container-name",
                             "io.kubernetes.container.name", "nerdctl/name"});
  facts.image = first_of(annotations, {"io.kubernetes.cri.image-name",
                                       "io.kubernetes.cri-o.ImageName",
                                       "io.kubernetes.cri-o.Image"});
  const std::string sandbox_id = first_of(
      annotations,
      {"io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"});
  if (facts.sandbox) {
    facts.name = facts.pod;
    const std::string pause =
        first_of(annotations, {"io.kubernetes.cri.podsandbox.image-name"});
    if (!pause.empty()) facts.image = pause;
  }
  std::string image_id;
  if (record) {
    // podman's own name for it beats annotations, which its user may set.
    if (facts.type == "podman" || facts.type == "docker" ||
        facts.name.empty()) {
      facts.name = record->name;
    }
    if (facts.type == "podman" || facts.type == "docker" ||
        facts.image.empty()) {
      facts.image = record->image;
    }
    image_id = record->image_id;
    facts.labels = record->labels;
  }
  const bool of_cri = has(annotations, "io.kubernetes.cri.container-type");
  if (of_cri) put_kubelet_labels(annotations, facts);
  facts.labels.merge(embedded_map(annotations, kCriOLabels));
  const auto of_pod =
      pod_labels ? pod_labels : sandbox_labels(facts.sandbox, annotations);
  if (of_pod) facts.pod_labels = *of_pod;

  put(facts, "container.id", facts.id.substr(0, kShortIdLength));
  put(facts, "container.full_id", facts.id);
  put(facts, "container.name", facts.name);
  put(facts, "container.type", facts.type);
  put_image(facts, facts.image, std::move(image_id));
  facts.values["container.privileged"] =
      config.looks_privileged() || claims_privileged(annotations);
  facts.values["container.host_pid"] =
      host ? host->pid : config.find_namespace("pid") == nullptr;
  facts.values["container.host_network"] =
      host ? host->network : config.find_namespace("network") == nullptr;
  facts.values["container.host_ipc"] =
      host ? host->ipc : config.find_namespace("ipc") == nullptr;
  put_mounts(facts, config.mounts);
  put_labels(facts, "container.labels", facts.labels);
  put(facts, "k8s.ns.name", facts.namespace_name);
  put(facts, "k8s.pod.name", facts.pod);
  put(facts, "k8s.pod.uid", facts.pod_uid);
  put(facts, "k8s.pod.id", facts.pod_uid);
  put(facts, "k8s.pod.sandbox_id", sandbox_id.substr(0, kShortIdLength));
  put(facts, "k8s.pod.full_sandbox_id", sandbox_id);
  put_labels(facts, "k8s.pod.labels", facts.pod_labels);
  put_untold(
      facts,
      record || of_cri || facts.type.empty() || has(annotations, kCriOLabels),
      of_pod || facts.pod.empty());
  return facts;
}

std::optional<StringMap> labels_of_sandbox(const ContainerConfig& config) {
  return sandbox_labels(is_sandbox(config.annotations), config.annotations);
}

}  // namespace bailiff::oci
