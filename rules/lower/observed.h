// SPDX-License-Identifier: Apache-2.0
// rules/lower/observed.h
// The events that are told of after the fact (rules/abi/observe.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rules/abi/observe.h"

namespace bailiff {

// The call whose events are of this type; nullopt: they are not observed.
std::optional<bailiff_call> observed_call(std::string_view type);
// What evt.type says for the call.  Precondition: a value of BAILIFF_CALLS.
std::string_view event_type_of(bailiff_call call);
constexpr std::uint64_t bit_of(bailiff_call call) {
  return std::uint64_t{1} << call;
}

// The name of an event's parameter by its name or place, which is how evt.arg
// has it.  A name is returned whether the type has it or not; "": it has no
// such place.
std::string_view parameter_name(bailiff_call call,
                                std::string_view name_or_place);

// Whether the value of an event's parameter is told, by name or by place: the
// argument of evt.arg.  One that the type does not have is told to be none.
bool is_told(bailiff_call call, std::string_view parameter);

}  // namespace bailiff
