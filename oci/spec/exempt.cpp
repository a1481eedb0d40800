// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/exempt.h"

#include <algorithm>

namespace bailiff::oci {
namespace {

constexpr std::string_view kIdPrefix = "id:";

bool names(std::string_view pattern, std::string_view id,
           const ContainerFacts& facts) {
  if (pattern.substr(0, kIdPrefix.size()) == kIdPrefix) {
    const std::string_view prefix = pattern.substr(kIdPrefix.size());
    return !prefix.empty() && id.substr(0, prefix.size()) == prefix;
  }
  const std::size_t slash = pattern.find('/');
  if (slash == std::string_view::npos || !facts.pod_identity_trusted ||
      facts.namespace_name.empty()) {
    return false;
  }
  const std::string_view pod = pattern.substr(slash + 1);
  return pattern.substr(0, slash) == facts.namespace_name &&
         (pod == "*" || (!pod.empty() && pod == facts.pod));
}

}  // namespace

bool is_exempt(const std::vector<std::string>& patterns, std::string_view id,
               const ContainerFacts& facts) {
  return std::any_of(
      patterns.begin(), patterns.end(),
      [&](const std::string& pattern) { return names(pattern, id, facts); });
}

}  // namespace bailiff::oci
