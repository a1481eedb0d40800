// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/process_state.h"

#include <utility>

#include "oci/spec/json.h"

namespace bailiff::oci {

Result<ProcessState> parse_process_state(std::string_view text,
                                         const std::string& name) {
  ASSIGN_OR_RETURN(const Json json,
                   parse_json(text, name, kMaxProcessStateBytes));
  ASSIGN_OR_RETURN(const FieldReader top, FieldReader::open(json, name));
  ProcessState process;
  ASSIGN_OR_RETURN(process.fds, top.strings("fds"));
  ASSIGN_OR_RETURN(const auto pid, top.integer("pid"));
  process.pid = static_cast<pid_t>(pid.value_or(0));
  ASSIGN_OR_RETURN(auto metadata, top.string("metadata"));
  process.metadata = std::move(metadata).value_or("");
  ASSIGN_OR_RETURN(const auto state, top.object("state"));
  if (!state) return top.wrong("state", "it is missing");
  ASSIGN_OR_RETURN(auto id, state->string("id"));
  process.state.id = std::move(id).value_or("");
  RETURN_IF_ERROR(check_container_id(process.state.id));
  return process;
}

std::optional<std::size_t> object_end(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && depth > 0 && --depth == 0) {
      return i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace bailiff::oci
