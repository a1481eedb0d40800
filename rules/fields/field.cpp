// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/field.h"

#include <algorithm>

namespace bailiff {

const std::vector<Field>& all_fields() {
  using enum FieldType;
  using enum FieldArgument;
  static const std::vector<Field> fields = {
#define FIELD(id, name, type, argument, from, description) \
  {FieldId::id, name, type, argument, from, description},
#include "rules/fields/fields.def"
#undef FIELD
  };
  return fields;
}

const Field& field(FieldId id) {
  return all_fields()[static_cast<std::size_t>(id)];
}

std::optional<FieldId> find_field(std::string_view name) {
  const std::vector<Field>& fields = all_fields();
  const auto found =
      std::find_if(fields.begin(), fields.end(),
                   [&](const Field& field) { return field.name == name; });
  if (found == fields.end()) return std::nullopt;
  return found->id;
}

}  // namespace bailiff
