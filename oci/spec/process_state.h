// SPDX-License-Identifier: Apache-2.0
// oci/spec/process_state.h
// What a runtime sends with a seccomp listener (runtime-spec, "The Container
// Process State").
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec/state.h"
#include "rules/base/result.h"

namespace bailiff::oci {

// Beside the container's state there is little.
inline constexpr std::size_t kMaxProcessStateBytes = kMaxStateBytes + 4096;

struct ProcessState {
  std::vector<std::string> fds;  // what the descriptors sent with it are
  pid_t pid = 0;                 // of the process, which may be an exec's
  std::string metadata;          // listenerMetadata
  ContainerState state;
};

// Its name in `fds`.
inline constexpr char kSeccompFd[] = "seccompFd";

Result<ProcessState> parse_process_state(std::string_view text,
                                         const std::string& name);

// Where the object that `text` begins with ends; nullopt: not in it.  For a
// text that is still being received: runc before 1.2.7 sends it and then keeps
// the connection, so that its end is no sign.
std::optional<std::size_t> object_end(std::string_view text);

}  // namespace bailiff::oci
