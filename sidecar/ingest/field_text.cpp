// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/field_text.h"

#include <netinet/in.h>

#include <utility>

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

std::string_view protocol_name(std::uint8_t l4proto) {
  switch (l4proto) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return "icmp";
    default:  // every other IP protocol is reached through a raw socket
      return "raw";
  }
}

void view_container_field(const Facts& facts, FieldId field,
                          std::string_view argument, Views& views) {
  if (field == FieldId::kContainerInfo) return views.add("");
  if (!argument.empty()) {
    auto values = told(facts, field, std::string(argument));
    if (!values) return;
    for (Value& value : *values) views.keep(std::move(value));
    return;
  }
  const auto found = facts.values.find(bailiff::field(field).name);
  if (found == facts.values.end()) return;
  for (const Value& value : found->second) views.add(view_of(value));
}

}  // namespace bailiff::sidecar
