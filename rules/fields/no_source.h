// SPDX-License-Identifier: Apache-2.0
// rules/fields/no_source.h
#pragma once

#include <string_view>

#include "rules/fields/field.h"

namespace bailiff {

// Why nobody tells the field, and what to use for it, as half a sentence; ""
// for one that is told, or that somebody may tell some day.  Any thread.
std::string_view why_no_source(FieldId id);

}  // namespace bailiff
