// SPDX-License-Identifier: Apache-2.0
// rules/cli/field_pages.h
// The tables of fields and events as text, JSON and the pages `make docs`
// writes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/fields/event_type.h"
#include "rules/fields/field.h"

namespace bailiff::cli {

// Those whose name begins with `pattern` or, when it has a '*' or '?', matches
// it as a whole; in the order of the table.
std::vector<Field> matching_fields(std::string_view pattern);
std::vector<EventType> matching_events(std::string_view pattern);

// A line for each, below one of titles.
std::string fields_text(const std::vector<Field>& fields);
std::string events_text(const std::vector<EventType>& events);

// An array of objects, on one line each.
std::string fields_json(const std::vector<Field>& fields);
std::string events_json(const std::vector<EventType>& events);

// The whole page: rules/fields/FIELDS.md and EVENTS.md.
std::string fields_page();
std::string events_page();

}  // namespace bailiff::cli
