// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/field.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/fields/sorted_names.h"

namespace bailiff {
namespace {

struct TypeRow {
  std::string_view name;
  FieldType type;
  NumberRange range;
};
constexpr TypeRow kTypes[] = {
#define FALCO_TYPE(id, name, type, smallest, largest) \
  {name, FieldType::type, {smallest, largest}},
#include "rules/fields/falco_types.def"
#undef FALCO_TYPE
};
constexpr const TypeRow& row(FalcoType type) {
  return kTypes[static_cast<std::size_t>(type)];
}

using enum FieldClass;
using enum FalcoType;
using enum FieldArgument;
using enum FieldFlag;
constexpr auto kFields = std::to_array<Field>({
#define FIELD(id, name, cls, falco, argument, flags, from, description) \
  {FieldId::id, name,  cls,  row(falco).type, falco,                    \
   argument,    flags, from, description},
#include "rules/fields/fields.def"
#undef FIELD
});

constexpr std::string_view name_of(FieldId id) {
  return kFields[static_cast<std::size_t>(id)].name;
}

constexpr auto by_name() {
  std::array<FieldId, kFields.size()> ids{};
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = kFields[i].id;
  std::sort(ids.begin(), ids.end(),
            [](FieldId a, FieldId b) { return name_of(a) < name_of(b); });
  return ids;
}
constexpr auto kByName = by_name();

}  // namespace

std::span<const Field> all_fields() { return kFields; }

const Field& field(FieldId id) { return kFields[static_cast<std::size_t>(id)]; }

std::optional<FieldId> find_field(std::string_view name) {
  const FieldId* found = find_name(kByName, name, name_of);
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::optional<FieldId> longest_field_prefix(std::string_view text) {
  const FieldId* found = find_longest_prefix(kByName, text, name_of);
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::string_view nearest_field(std::string_view name) {
  // The only name that begins like this was not written to its end.
  const auto first = std::lower_bound(
      kByName.begin(), kByName.end(), name,
      [](FieldId id, std::string_view wanted) { return name_of(id) < wanted; });
  const auto begins = [&](auto at) {
    return at != kByName.end() && name_of(*at).starts_with(name);
  };
  if (begins(first) && !begins(std::next(first))) return name_of(*first);
  std::vector<std::string_view> names;
  names.reserve(kFields.size());
  for (const Field& one : kFields) names.push_back(one.name);
  return nearest(name, names);
}

std::string_view to_string(FalcoType type) { return row(type).name; }

FieldType field_type_of(FalcoType type) { return row(type).type; }

NumberRange number_range(FalcoType type) {
  assert(field_type_of(type) == FieldType::kNumber);
  return row(type).range;
}

}  // namespace bailiff
