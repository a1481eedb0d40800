// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/field.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/fields/sorted_names.h"

namespace bailiff {
namespace {

constexpr Field row(FieldId id, std::string_view name, FieldClass cls,
                    FalcoType type, FieldArgument argument, FieldFlag flags,
                    std::uint8_t from, std::string_view description) {
  return {.id = id,
          .name = name,
          .cls = cls,
          .type = field_type_of(type),
          .falco_type = type,
          .argument = argument,
          .flags = flags,
          .from = from,
          .description = description};
}

using enum FieldClass;
using enum FalcoType;
using enum FieldArgument;
using enum FieldFlag;
constexpr auto kFields = std::to_array<Field>({
#define FIELD(id, name, cls, type, argument, flags, from, description) \
  row(FieldId::id, name, cls, type, argument, flags, from, description),
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
  for (const Field& one : kFields) names.push_back(one.name);
  return nearest(name, names);
}

NumberRange number_range(FalcoType type) {
  const auto of = [](auto number) {
    using Limits = std::numeric_limits<decltype(number)>;
    return NumberRange{static_cast<std::int64_t>(Limits::min()),
                       static_cast<std::uint64_t>(Limits::max())};
  };
  switch (type) {
    case FalcoType::kInt8:
      return of(std::int8_t{});
    case FalcoType::kInt16:
      return of(std::int16_t{});
    case FalcoType::kInt32:
      return of(std::int32_t{});
    case FalcoType::kInt64:
    case FalcoType::kErrno:
    case FalcoType::kFd:
    case FalcoType::kPid:
      return of(std::int64_t{});
    case FalcoType::kUint8:
    case FalcoType::kFlags8:
    case FalcoType::kEnumflags8:
    case FalcoType::kSigtype:
    case FalcoType::kL4proto:
    case FalcoType::kSockfamily:
      return of(std::uint8_t{});
    case FalcoType::kUint16:
    case FalcoType::kPort:
    case FalcoType::kFlags16:
    case FalcoType::kEnumflags16:
    case FalcoType::kSyscallid:
      return of(std::uint16_t{});
    case FalcoType::kUint32:
    case FalcoType::kUid:
    case FalcoType::kGid:
    case FalcoType::kMode:
    case FalcoType::kFlags32:
    case FalcoType::kEnumflags32:
    case FalcoType::kSigset:
      return of(std::uint32_t{});
    case FalcoType::kUint64:
    case FalcoType::kReltime:
    case FalcoType::kAbstime:
      return of(std::uint64_t{});
    case FalcoType::kBool:
    case FalcoType::kDouble:
    case FalcoType::kCharbuf:
    case FalcoType::kCharbufarray:
    case FalcoType::kFspath:
    case FalcoType::kFsrelpath:
    case FalcoType::kBytebuf:
    case FalcoType::kSockaddr:
    case FalcoType::kSocktuple:
    case FalcoType::kFdlist:
    case FalcoType::kIpaddr:
    case FalcoType::kIpnet:
    case FalcoType::kDyn:
      break;
  }
  assert(false && "not a whole number");
  return {0, 0};
}

}  // namespace bailiff
