// SPDX-License-Identifier: Apache-2.0
// oci/spec/state.h
// The state of a container as a runtime gives it to a hook on standard input
// (runtime-spec, "State").
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "rules/base/result.h"

namespace bailiff::oci {

// Annotations make up nearly all of a state: Kubernetes allows 256 KiB a pod.
// More than this is refused, so a hook's memory is bounded.
inline constexpr std::size_t kMaxStateBytes = 4 << 20;

// Runtimes make a folder by the id, so NAME_MAX is their limit too.
inline constexpr std::size_t kMaxContainerIdLength = 255;

// Whether `id` can be a file name of its own: 1 to 255 of [A-Za-z0-9_+.-], and
// neither "." nor "..".  This is what runc allows; crun allows more, and such
// an id is refused.
Status check_container_id(std::string_view id);

struct ContainerState {
  std::string oci_version;  // not to be relied on: crun always says "1.0"
  std::string id;           // passed check_container_id()
  // "creating" (runc) or "created" (crun) in createRuntime, "stopped" in
  // poststop; "" when the runtime says nothing.
  std::string status;
  pid_t pid = 0;  // in our pid namespace; 0: there is no process (poststop)
  // "" when the runtime says nothing; some crun releases say "/".
  std::string bundle;
  // All of the container's annotations.  Whoever may start containers with
  // podman or Docker may set any of them.
  std::map<std::string, std::string> annotations;
};

// Unknown members, such as crun's `root`, are passed over.  Only `id` is
// required.  `name` is what errors call the text: "the container state".
Result<ContainerState> parse_state(std::string_view text,
                                   const std::string& name);

// Reads a state from a borrowed descriptor up to its end, at most
// kMaxStateBytes.
Result<ContainerState> read_state(int fd);

}  // namespace bailiff::oci
