// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/field_text.h"

namespace bailiff::sidecar {

std::string join_arguments(const std::vector<std::string>& args) {
  std::string joined;
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (i > 1) joined += ' ';
    joined += args[i];
  }
  return joined;
}

std::string command_line(std::string_view name,
                         const std::vector<std::string>& args) {
  std::string line(name);
  const std::string rest = join_arguments(args);
  if (!rest.empty()) line += ' ' + rest;
  return line;
}

void view_container_field(const Facts& facts, FieldId field, Views& views) {
  if (field == FieldId::kContainerInfo) return views.add("");
  const auto found = facts.values.find(bailiff::field(field).name);
  if (found == facts.values.end()) return;
  for (const Value& value : found->second) views.add(view_of(value));
}

}  // namespace bailiff::sidecar
