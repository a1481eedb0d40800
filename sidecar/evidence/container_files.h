// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/container_files.h
// What the host has written down about a container, and counts of it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "oci/spec/container_record.h"
#include "oci/sys/cgroup.h"
#include "sidecar/evidence/missing.h"
#include "sidecar/evidence/pace.h"
#include "sidecar/evidence/secrets.h"
#include "sidecar/evidence/upper_layer.h"

namespace bailiff::sidecar {

struct ContainerFiles {
  std::string config;  // config.json as it was read; "": there is none
  std::optional<UpperLayer> upper;
  std::map<std::string, std::string> counters;  // by the file's name
};

// Reads config.json and opens the upper layer, which is not listed: soon, as an
// engine removes both with the container.
ContainerFiles open_container_files(const oci::ContainerRecord& record,
                                    const Pace& pace, MissingList& missing);

// Reads the counters.
void read_counters(const oci::ContainerRecord& record, const Cgroup& cgroup,
                   const Pace& pace, ContainerFiles& files,
                   MissingList& missing);

// config.json without the values of its environment and arguments that look
// secret.  What is no JSON comes back empty.
std::string masked_config(const std::string& config, Secrets secrets);

// The container's state as the OCI runtime specification has it, from what the
// hook was told and `config`.  The runtime's own file is not read: each has
// another one.
std::string state_json(const oci::ContainerRecord& record,
                       const std::string& config, bool running);

}  // namespace bailiff::sidecar
