// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/state.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "oci/spec/json.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::oci {
namespace {

// PID_MAX_LIMIT of the kernel: no process has a number this high.
constexpr std::int64_t kPidMaxLimit = 4 << 20;
constexpr char kStateName[] = "the container state";

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '.' || c == '-';
}

}  // namespace

Status check_container_id(std::string_view id) {
  if (id.empty()) return invalid_argument("the container id is empty");
  if (id.size() > kMaxContainerIdLength) {
    return invalid_argument("the container id has " +
                            std::to_string(id.size()) +
                            " characters, more than the " +
                            std::to_string(kMaxContainerIdLength) + " allowed");
  }
  if (id == "." || id == ".." ||
      !std::all_of(id.begin(), id.end(), is_id_character)) {
    return invalid_argument("the container id '" + std::string(id) +
                            "' must be of letters, digits, '_', '+', '.' and "
                            "'-', and not '.' or '..'");
  }
  return Ok{};
}

Result<ContainerState> parse_state(std::string_view text,
                                   const std::string& name) {
  ASSIGN_OR_RETURN(const Json json, parse_json(text, name, kMaxStateBytes));
  ASSIGN_OR_RETURN(const FieldReader top, FieldReader::open(json, name));
  ContainerState state;

  ASSIGN_OR_RETURN(auto id, top.string("id"));
  if (!id) return top.wrong("id", "is missing");
  if (Status checked = check_container_id(*id); !checked) {
    return top.wrong("id", checked.error().message);
  }
  state.id = *std::move(id);

  ASSIGN_OR_RETURN(const auto pid, top.integer("pid"));
  if (pid && (*pid < 0 || *pid > kPidMaxLimit)) {
    return top.wrong("pid", std::to_string(*pid) + " is not a process id");
  }
  state.pid = static_cast<pid_t>(pid.value_or(0));

  ASSIGN_OR_RETURN(auto version, top.string("ociVersion"));
  state.oci_version = std::move(version).value_or("");
  ASSIGN_OR_RETURN(auto status, top.string("status"));
  state.status = std::move(status).value_or("");
  ASSIGN_OR_RETURN(auto bundle, top.string("bundle"));
  state.bundle = std::move(bundle).value_or("");
  ASSIGN_OR_RETURN(state.annotations, top.string_map("annotations"));
  return state;
}

Result<ContainerState> read_state(int fd) {
  ASSIGN_OR_RETURN(const std::string text,
                   read_bounded(fd, kStateName, kMaxStateBytes));
  return parse_state(text, kStateName);
}

}  // namespace bailiff::oci
