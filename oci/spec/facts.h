// SPDX-License-Identifier: Apache-2.0
// oci/spec/facts.h
// What is known of a container before it runs, under Falco's field names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "oci/spec/config.h"
#include "oci/spec/manager_record.h"
#include "oci/spec/state.h"
#include "rules/base/result.h"

namespace bailiff::oci {

using FactValue =
    std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

// Which of the host's namespaces the container's process is in, as seen from
// the process itself (shares_namespace()).  The configuration cannot tell it
// of a namespace it joins by path: in a pod with hostNetwork every container
// but the first names the path of the first one's.
struct HostNamespaces {
  bool pid = false;
  bool network = false;
  bool ipc = false;
};

struct ContainerFacts {
  // By Falco field name; a field that is not known, or does not apply, is
  // absent.  container.id (12 characters) container.full_id container.name
  // container.type container.image container.image.id
  // container.image.repository container.image.tag container.image.digest
  // container.privileged container.host_pid container.host_network
  // container.host_ipc container.mounts container.mount.source
  // container.mount.dest container.mount.mode container.mount.rdwr
  // container.mount.propagation container.labels k8s.ns.name k8s.pod.name
  // k8s.pod.uid k8s.pod.id k8s.pod.sandbox_id k8s.pod.full_sandbox_id
  // k8s.pod.labels.
  // The container.mount.* values are lists with one element per bind mount, in
  // the same order; k8s.pod.id is the uid, its name of old.
  std::map<std::string, FactValue> values;

  // The same in plain; "" where not known.
  std::string id;    // full
  std::string name;  // for a sandbox: the pod's
  std::string type;  // "containerd", "cri-o", "podman", "docker"
  std::string image;
  std::string pod;
  std::string pod_uid;
  std::string namespace_name;
  // Each label by its name: container.label[NAME], k8s.pod.label[NAME].
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> pod_labels;
  // Names of fields that the container may have a value of, and of which
  // nothing is written down where a hook could read it.
  std::vector<std::string> untold;
  // The pause container that holds a pod's namespaces, not the user's code.
  bool sandbox = false;
  // Whether pod and namespace were written by the kubelet's runtime and not by
  // whoever started the container: `podman run --annotation` may claim to be
  // in kube-system.  Anything that exempts a container must ask for it; when
  // in doubt it is false.
  bool pod_identity_trusted = false;
};

// Identity is taken from the first of these that has it: containerd's CRI
// annotations, CRI-O's, nerdctl's, the manager's own record beside the bundle.
// `record`, `host` and `pod_labels` are what the caller could find out; absent
// ones leave fields absent or untold, or to the configuration.  `state` wins
// over `config` for the annotations: it is what the runtime has.
Result<ContainerFacts> container_facts(
    const ContainerState& state, const ContainerConfig& config,
    const std::optional<ManagerRecord>& record = std::nullopt,
    const std::optional<HostNamespaces>& host = std::nullopt,
    const std::optional<std::map<std::string, std::string>>& pod_labels =
        std::nullopt);

// The pod's labels, as CRI-O writes them down with its sandbox; nullopt when
// this is not the configuration of one.
std::optional<std::map<std::string, std::string>> labels_of_sandbox(
    const ContainerConfig& config);

}  // namespace bailiff::oci
