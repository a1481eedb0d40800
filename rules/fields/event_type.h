// SPDX-License-Identifier: Apache-2.0
// rules/fields/event_type.h
// The events a rule may name, and what is so of every event of the name.
// event_types.def is the one table.
//
// All of it is constant: any thread may call anything here at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rules/fields/field.h"

namespace bailiff {

// What an event is about.  Of kIo… and none else evt.category says what kind
// of descriptor it is instead.
enum class EventCategory : std::uint8_t {
  kOther,
  kFile,
  kNet,
  kIpc,
  kMemory,
  kProcess,
  kSleep,
  kSystem,
  kSignal,
  kUser,
  kTime,
  kIoRead,
  kIoWrite,
  kIoOther,
  kWait,
  kScheduler,
  kInternal,
};
std::string_view to_string(EventCategory category);

// Bits.
enum class EventFlag : std::uint16_t {
  kPlain = 0,
  kSystemCall = 1,
  kUntold = 2,  // neither arguments nor result: only that it was made
  kCreatesFd = 4,
  kUsesFd = 8,
  kDestroysFd = 16,
  kReadsFd = 32,
  kWritesFd = 64,
  kWaits = 128,
};
constexpr EventFlag operator|(EventFlag a, EventFlag b) {
  return static_cast<EventFlag>(static_cast<std::uint16_t>(a) |
                                static_cast<std::uint16_t>(b));
}

// What evt.arg.NAME and evt.rawarg.NAME name; evt.arg[N] counts them from 0.
struct EventParameter {
  std::string_view name;
  FalcoType type;
};

struct EventType {
  std::string_view name;
  // What evt.type says for such an event: another name where Falco has one
  // event for several system calls (pread for pread64).
  std::string_view event;
  EventCategory category;
  EventFlag flags;
  std::span<const EventParameter> parameters;

  constexpr bool has(EventFlag flag) const { return (flags | flag) == flags; }
  constexpr bool is_system_call() const { return has(EventFlag::kSystemCall); }
  // Without it there is neither evt.res nor evt.rawres nor evt.failed.  The
  // first parameter is the result.
  constexpr bool has_result() const {
    return is_system_call() && !has(EventFlag::kUntold) && !parameters.empty();
  }
  // Without it there is no field fd.…
  constexpr bool has_descriptor() const {
    return has(EventFlag::kCreatesFd) || has(EventFlag::kUsesFd) ||
           has(EventFlag::kDestroysFd);
  }
};

// Every event type, in the order of event_types.def.
std::span<const EventType> all_event_types();
// The index of the name in all_event_types().
std::optional<std::size_t> find_event_type(std::string_view name);
// The name nearest to one that is none, as nearest() in diagnostic.h.
std::string_view nearest_event_type(std::string_view name);

// The type evt.rawarg has for parameters of the name: of the several there
// may be, that by which Falco reads the operands of a rule.
std::optional<FalcoType> find_parameter(std::string_view name);
std::string_view nearest_parameter(std::string_view name);

// The longest name `text` starts with, empty when it starts with none.
std::string_view longest_event_type_prefix(std::string_view text);
std::string_view longest_parameter_prefix(std::string_view text);

}  // namespace bailiff
