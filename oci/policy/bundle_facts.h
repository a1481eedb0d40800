// SPDX-License-Identifier: Apache-2.0
// oci/policy/bundle_facts.h
// What a container's bundle, and whoever made it, tell of the container.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec/config.h"
#include "oci/spec/facts.h"
#include "oci/spec/manager_record.h"
#include "rules/base/result.h"

namespace bailiff::oci {

// The bundle and its configuration.
struct Bundle {
  std::string folder;
  ContainerConfig config;
};

// The first of the folders that has a config.json.
Result<Bundle> read_bundle(const std::vector<std::string>& folders);

// The manager's own record of the container.  One that is not there leaves
// facts unknown, as with a bare runtime, but Docker writes its own before it
// starts a container: that one, and any that cannot be read, could hide the
// image a scope asks for, and is an error.
Result<std::optional<ManagerRecord>> read_manager_record(
    const std::string& bundle, const ContainerConfig& config,
    const std::string& id);

// The volume by which a pod tells its labels: a downwardAPI volume of this
// name, with metadata.labels in the file "labels".
inline constexpr char kPodVolume[] = "bailiff-podinfo";

// The labels of the pod the container is in, as the node has them: from the
// sandbox CRI-O made for it, or from the kubelet's copy of the volume, which
// has to be mounted by some container of the pod.  nullopt for a container in
// no pod, and where neither is there or can be read.
std::optional<std::map<std::string, std::string>> read_pod_labels(
    const Bundle& bundle);

// Which of the host's namespaces the container will be in, by what its
// configuration asks for.  For a process in those of the host.
Result<HostNamespaces> asked_namespaces(const ContainerConfig& config);

}  // namespace bailiff::oci
