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
  kSyscall,  // what most events are
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

// What a value is and how operands of it are read, by Falco's names (PT_...):
// those of fields, and those of the arguments of events, which evt.rawarg has.
enum class FalcoType : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kDouble,
  kPort,     // its operands may be names of services
  kReltime,  // nanoseconds
  kAbstime,  // nanoseconds since 1970
  kErrno,    // negative, or what the call returned
  kFd,
  kPid,
  kUid,
  kGid,
  kMode,
  kFlags8,
  kFlags16,
  kFlags32,
  kEnumflags8,
  kEnumflags16,
  kEnumflags32,
  kSyscallid,
  kSigtype,
  kSigset,
  kL4proto,
  kSockfamily,
  kCharbuf,
  kCharbufarray,
  kFspath,
  kFsrelpath,
  kBytebuf,
  kSockaddr,
  kSocktuple,
  kFdlist,
  kIpaddr,
  kIpnet,
  kDyn,
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
  kEventType,         // .NAME
  kParameter,         // .NAME of an event's parameter, or an index
  kParameterName,     // .NAME of an event's parameter
  kSubsystem,         // .NAME of a cgroup hierarchy
  kKey,               // or .NAME
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
  kHex = 128,     // printed in hexadecimal
  kPadded = 256,  // printed with at least nine digits
};
constexpr FieldFlag operator|(FieldFlag a, FieldFlag b) {
  return static_cast<FieldFlag>(static_cast<std::uint16_t>(a) |
                                static_cast<std::uint16_t>(b));
}

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

constexpr FieldType field_type_of(FalcoType type);

// What values of a whole number can be.  Falco takes operands beyond (port
// 65536, user -1, 2^63); no value is equal to one.
struct NumberRange {
  std::int64_t smallest;
  std::uint64_t largest;
};
// Precondition: field_type_of(type) is kNumber.
NumberRange number_range(FalcoType type);

constexpr FieldType field_type_of(FalcoType type) {
  switch (type) {
    case FalcoType::kBool:
      return FieldType::kBool;
    case FalcoType::kDouble:
      return FieldType::kDouble;
    case FalcoType::kInt8:
    case FalcoType::kInt16:
    case FalcoType::kInt32:
    case FalcoType::kInt64:
    case FalcoType::kUint8:
    case FalcoType::kUint16:
    case FalcoType::kUint32:
    case FalcoType::kUint64:
    case FalcoType::kPort:
    case FalcoType::kReltime:
    case FalcoType::kAbstime:
    case FalcoType::kErrno:
    case FalcoType::kFd:
    case FalcoType::kPid:
    case FalcoType::kUid:
    case FalcoType::kGid:
    case FalcoType::kMode:
    case FalcoType::kFlags8:
    case FalcoType::kFlags16:
    case FalcoType::kFlags32:
    case FalcoType::kEnumflags8:
    case FalcoType::kEnumflags16:
    case FalcoType::kEnumflags32:
    case FalcoType::kSyscallid:
    case FalcoType::kSigtype:
    case FalcoType::kSigset:
    case FalcoType::kL4proto:
    case FalcoType::kSockfamily:
      return FieldType::kNumber;
    case FalcoType::kCharbuf:
    case FalcoType::kCharbufarray:
    case FalcoType::kFspath:
    case FalcoType::kFsrelpath:
      return FieldType::kString;
    case FalcoType::kBytebuf:
    case FalcoType::kSockaddr:
    case FalcoType::kSocktuple:
    case FalcoType::kFdlist:
      return FieldType::kBytes;
    case FalcoType::kIpaddr:
      return FieldType::kAddress;
    case FalcoType::kIpnet:
      return FieldType::kNetwork;
    case FalcoType::kDyn:
      return FieldType::kDynamic;
  }
  return FieldType::kString;
}

}  // namespace bailiff
