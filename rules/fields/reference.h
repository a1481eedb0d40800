// SPDX-License-Identifier: Apache-2.0
// rules/fields/reference.h
// A field as conditions and outputs name it, with what stands behind its name:
// evt.arg.flags, proc.aname[2], container.label[app].
//
// Any thread may call anything here at any time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "rules/fields/field.h"

namespace bailiff {

struct FieldReference {
  FieldId field = FieldId::kEvtType;
  // As FieldArgument says, without brackets, quotes or full stop; "" when
  // there is none.  An index is decimal without leading zeros; for
  // FieldArgument::kIndexOrKey what looks like one is one.
  std::string argument;

  bool operator==(const FieldReference&) const = default;
};

// The number that an argument is, where it is an index.
std::optional<std::size_t> index_of(std::string_view argument);

// The type of the values: the field's, and of evt.rawarg the argument's.
FalcoType value_type(FieldId field, std::string_view argument);

// As it is written: the form resolve_field() and longest_reference() read.
std::string to_string(const FieldReference& reference);

struct ResolvedField {
  std::optional<FieldReference> reference;  // absent: the rest says why
  std::string message;
  std::string hint;
  // It was a name nobody knows, of a field or of an event type: what a rule
  // with `skip-if-unknown-filter` forgives.
  bool unknown_name = false;
};

// Looks up what was written: `name` up to a bracket, and `bracket`, what was
// between brackets, unquoted.  It does not ask whether the field may stand
// where it does.  Without `suggest` nobody looks for the names that may have
// been meant: see kMaxSuggestions.
ResolvedField resolve_field(std::string_view name,
                            std::optional<std::string_view> bracket = {},
                            bool suggest = true);

// The longest reference `text` starts with, as outputs look for it: of
// "%proc.names" it is proc.name.
struct ReferencePrefix {
  FieldReference reference;
  std::size_t length = 0;  // in `text`
};
std::optional<ReferencePrefix> longest_reference(std::string_view text);

}  // namespace bailiff
