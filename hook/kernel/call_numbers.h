// SPDX-License-Identifier: Apache-2.0
// hook/kernel/call_numbers.h
#pragma once

#include <array>
#include <cstdint>

#include "rules/abi/observe.h"

namespace bailiff::hook {

// By the number of a system call, its place in BAILIFF_CALLS, or
// BAILIFF_NOT_OBSERVED.
using CallNumbers = std::array<std::uint8_t, BAILIFF_MAX_CALL_NUMBER>;

// Of this machine's own calls.
const CallNumbers& native_calls();
// Of those a 32-bit program makes on a 64-bit x86; elsewhere of none.
const CallNumbers& compat_calls();

}  // namespace bailiff::hook
