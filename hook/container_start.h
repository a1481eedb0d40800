// SPDX-License-Identifier: Apache-2.0
// hook/container_start.h
// What bailiff-hook does at createRuntime, start, adopt and poststop, without
// its command line and its way of failing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "oci/spec/container_record.h"
#include "oci/spec/state.h"
#include "rules/base/on_error.h"
#include "rules/base/result.h"

namespace bailiff::hook {

struct Places {
  std::string run_dir = "/run/bailiff";
  std::string state_dir = "/var/lib/bailiff";
  std::string bpf_dir = "/sys/fs/bpf/bailiff";
  // The runtime of the container, and the folder it keeps its containers in;
  // "": not told.
  std::string runtime, runtime_root;
};

struct Start {
  // As far as it could be filled in; what a failure left out has its default.
  oci::ContainerRecord record;
  // The policy file's word on failures; absent when it could not be read.
  std::optional<OnError> on_failure;
  Status status = Ok{};
  // Of a start that succeeded: what is not judged as it should be, and why, a
  // line each.
  std::vector<std::string> unjudged;
};

// Protects the container that `state` tells of and writes its records, or
// leaves nothing behind and says why.  `config_folders` are where config.json
// may be, in order; the first that has one counts.
//
// What seccomp is to refuse has to be in the profile already.  Where it is not,
// that is a failure; when `on_failure`, or without it the policy, says kAllow,
// the rest is protected all the same and Start::unjudged says so.
Start start_container(const Places& places, const oci::ContainerState& state,
                      const std::vector<std::string>& config_folders,
                      Kernel& kernel, std::optional<OnError> on_failure = {});

// For a container that was created and is about to start: judges what leaves by
// the interfaces that its network has got since, as Docker from 28.0 on makes
// them then.  One that is not enforced is success, of which `record` has only
// the id.
Start judge_interfaces(const Places& places, const std::string& id,
                       Kernel& kernel);

// The same as start_container() for a container that runs already and of which
// nothing is known: it is enforced from now on.  `unjudged` does not tell what
// that cannot bring, such as a seccomp profile; but it does tell when something
// the id had before, and which is judged no longer, could not be taken off.
Start adopt_container(const Places& places, const oci::ContainerState& state,
                      const std::vector<std::string>& config_folders,
                      Kernel& kernel);

// Writes the records of a container that runs without being enforced.
Status record_degraded(const Places& places, oci::ContainerRecord record,
                       const std::string& reason);

// Removes what start_container() left.  A container it knows nothing of is
// success.
Status stop_container(const Places& places, const std::string& id,
                      Kernel& kernel);

}  // namespace bailiff::hook
