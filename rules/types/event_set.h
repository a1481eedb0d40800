// SPDX-License-Identifier: Apache-2.0
// rules/types/event_set.h
// Which event types a condition leaves possible, derived from the condition
// alone, negations included: what rules are indexed by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rules/types/expr.h"

namespace bailiff {

// By index in all_event_types().
using EventSet = std::vector<bool>;

// The items of a list and of all it includes.
using ListItems = std::function<std::vector<std::string>(std::uint32_t list)>;

// An upper bound of the events the condition can hold for: what it says of
// evt.type and syscall.type, and that evt.num is at least 1.
EventSet possible_events(const Expr& expr, const ListItems& items);

std::size_t count(const EventSet& events);

}  // namespace bailiff
