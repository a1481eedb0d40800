// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/event_type.h"

#include <algorithm>

namespace bailiff {

const std::vector<std::string_view>& all_event_types() {
  static const std::vector<std::string_view> names = {
#define EVENT_TYPE(name) name,
#include "rules/fields/event_types.def"
#undef EVENT_TYPE
  };
  return names;
}

std::optional<std::size_t> find_event_type(std::string_view name) {
  const std::vector<std::string_view>& names = all_event_types();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace bailiff
