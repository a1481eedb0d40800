// SPDX-License-Identifier: Apache-2.0
// rules/fields/event_type.h
// The events a rule may name.  event_types.def is the table.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace bailiff {

// Every name, in the order of event_types.def.
const std::vector<std::string_view>& all_event_types();
// The index of the name in all_event_types().
std::optional<std::size_t> find_event_type(std::string_view name);

}  // namespace bailiff
