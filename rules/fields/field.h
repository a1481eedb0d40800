// SPDX-License-Identifier: Apache-2.0
// rules/fields/field.h
// The fields a condition or an output may name.  fields.def is the one table.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bailiff {

enum class FieldId : std::uint16_t {
#define FIELD(id, name, type, argument, from, description) id,
#include "rules/fields/fields.def"
#undef FIELD
};

enum class FieldType : std::uint8_t {
  kString,
  kNumber,
  kBool,
  kAddress,  // an IpAddress
  kNetwork,  // an IpAddress, compared with IpNetworks
};

enum class FieldArgument : std::uint8_t { kNone, kOptional, kRequired };

// Who can tell a field's value; bits.
enum FieldFrom : std::uint8_t {
  kFromNobody = 0,
  // Cannot change while the container runs: known at creation, folded away.
  kFromContainer = 1,
  // The kernel, in the connect hooks, before the connection is made.
  kFromKernelConnect = 2,
  // The sidecar, for a connect event, after the fact (from /proc and such).
  kFromSidecarConnect = 4,
  // The sidecar, for the event that reports a new container.
  kFromContainerEvent = 8,
};

struct Field {
  FieldId id;
  std::string_view name;
  FieldType type;
  FieldArgument argument;
  std::uint8_t from;  // FieldFrom bits
  std::string_view description;
};

// Every field, in the order of fields.def; index == id.
const std::vector<Field>& all_fields();
const Field& field(FieldId id);
std::optional<FieldId> find_field(std::string_view name);

}  // namespace bailiff
