// SPDX-License-Identifier: Apache-2.0
// rules/fields/field.h
// The fields a condition or an output may name.  fields.def is the one table.
//
// All of it is constant: any thread may call anything here at any time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bailiff {

enum class FieldId : std::uint16_t {
#define FIELD(id, name, cls, type, argument, flags, from, description) id,
#include "rules/fields/fields.def"
#undef FIELD
};

// What a field is about; fields.def and FIELDS.md are in this order.
enum class FieldClass : std::uint8_t {
  kEvent,    // any event
  kSyscall,  // an event that is a system call
  kProcess,  // and its threads
  kUser,
  kGroup,
  kDescriptor,
  kPath,
  kPoll,
  kUtility,
  kContainer,
  kKubernetes,
};

enum class FalcoType : std::uint8_t {
#define FALCO_TYPE(id, name, type, smallest, largest) id,
#include "rules/fields/falco_types.def"
#undef FALCO_TYPE
};

// What values of a field are to us: which operators they have and what their
// operands are.
enum class FieldType : std::uint8_t {
  kString,
  kNumber,  // whole; number_range() tells which
  kBool,
  kAddress,  // an IpAddress
  kNetwork,  // an IpAddress, compared with IpNetworks
  kBytes,    // any bytes, NUL included
  kDouble,   // a number; its operands are whole all the same, as Falco's
  kDynamic,  // that of the argument: evt.rawarg
};

// Whether something stands behind the name, and what: in brackets, or behind a
// full stop where it says so.
enum class FieldArgument : std::uint8_t {
  kNone,
  kOptionalIndex,
  kOptionalKey,
  kOptionalIndexOrKey,
  kOptionalPathSide,  // .src or .dst
  // From here on there is none without.
  kEventType,      // .NAME
  kParameter,      // .NAME of an event's parameter, or an index
  kParameterName,  // .NAME of an event's parameter
  kSubsystem,      // .NAME of a cgroup hierarchy
  kKey,            // or .NAME
  kIndexOrKey,
};

enum class FieldFlag : std::uint16_t {
  kPlain = 0,
  kList = 1,  // several values at once, compared as a set
  kNoTransformer = 2,
  kNoRightSide = 4,  // not comparable with another field
  kFilterOnly = 8,   // not in outputs
  kPrintOnly = 16,   // not in conditions
  kTableOnly = 32,   // made for tables: see fields.def
  kDeprecated = 64,
  kHex = 128,     // printed as %X, and as text in JSON too
  kPadded = 256,  // printed as %09d, and as text in JSON too
};
constexpr FieldFlag operator|(FieldFlag a, FieldFlag b) {
  return static_cast<FieldFlag>(static_cast<std::uint16_t>(a) |
                                static_cast<std::uint16_t>(b));
}

// Who can tell a field's value; bits.
enum FieldFrom : std::uint8_t {
  // A rule that needs the value is unsupported: what is not told is not null.
  kFromNobody = 0,
  // Cannot change while the container runs: known at creation, folded away.
  kFromContainer = 1,
  // The kernel, in the connect hooks, before the connection is made.
  kFromKernelConnect = 2,
  // The sidecar, for a connect event, after the fact (from /proc and such).
  kFromSidecarConnect = 4,
  // The sidecar, for the event that reports a new container.
  kFromContainerEvent = 8,
  // The sidecar, for processes and system calls that were observed.
  kFromObserved = 16,
  // The kernel, of a packet that comes in for a server, before it gets it.  The
  // service knows the same of it.
  kFromKernelArrival = 32,
};

struct Field {
  FieldId id;
  std::string_view name;
  FieldClass cls;
  FieldType type;
  FalcoType falco_type;
  FieldArgument argument;
  FieldFlag flags;
  std::uint8_t from;  // FieldFrom bits
  std::string_view description;

  constexpr bool has(FieldFlag flag) const { return (flags | flag) == flags; }
  constexpr bool takes_argument() const {
    return argument != FieldArgument::kNone;
  }
  constexpr bool needs_argument() const {
    return argument >= FieldArgument::kEventType;
  }
  // With an argument a list has at most one value, and is a list all the same.
  constexpr bool is_list() const { return has(FieldFlag::kList); }
  constexpr bool allows_transformer() const {
    return !has(FieldFlag::kNoTransformer);
  }
  constexpr bool allows_right_side() const {
    return !has(FieldFlag::kNoRightSide);
  }
  constexpr bool usable_in_condition() const {
    return !has(FieldFlag::kPrintOnly);
  }
  constexpr bool usable_in_output() const {
    return !has(FieldFlag::kFilterOnly);
  }
  constexpr bool deprecated() const { return has(FieldFlag::kDeprecated); }
};

// Every field, in the order of fields.def; index == id.
std::span<const Field> all_fields();
const Field& field(FieldId id);
std::optional<FieldId> find_field(std::string_view name);
// The field with the longest name `text` starts with, as outputs look for it.
std::optional<FieldId> longest_field_prefix(std::string_view text);
// The name that was meant by one that is none: the only one that begins like
// it, or else as nearest() in diagnostic.h.
std::string_view nearest_field(std::string_view name);

// The name of a host, as it was asked for.
constexpr bool of_host_name(FieldId id) {
  return id == FieldId::kFdCipName || id == FieldId::kFdSipName ||
         id == FieldId::kFdRipName;
}

// Falco's name without its PT_, such as "UINT64".
std::string_view to_string(FalcoType type);
FieldType field_type_of(FalcoType type);

// What values of a whole number can be.  Falco takes operands beyond (port
// 65536, user -1, 2^63); no value is equal to one.
struct NumberRange {
  std::int64_t smallest;
  std::uint64_t largest;
};
// Precondition: field_type_of(type) is kNumber.
NumberRange number_range(FalcoType type);

}  // namespace bailiff
