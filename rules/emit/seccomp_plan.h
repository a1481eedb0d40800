// SPDX-License-Identifier: Apache-2.0
// rules/emit/seccomp_plan.h
// What seccomp is to do with the calls of a container.  seccomp sees numbers
// and no memory, so it decides a rule of which nothing but the number of one
// argument is left, and holds every call that another rule could be about.
//
// What it decides, it answers with an errno and not by killing: the caller then
// returns from its call, and the observer tells of that as of any other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/abi/observe.h"
#include "rules/lower/lower.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff {

// An argument whose values rules name.
struct NamedArgument {
  bailiff_call call = BAILIFF_CALL_SOCKET;
  std::string_view parameter;  // as in evt.arg.domain
  std::uint8_t argument = 0;   // of the call, from 0
  enum Kind { kChoice, kFlags } kind = kChoice;
  // Those that have a name: of a choice each value, of flags each bit.
  // Ascending.
  std::vector<std::uint64_t> named;
  // What evt.arg says for a value.
  std::function<std::string(std::uint64_t)> text;
};

enum class SeccompVerdict : std::uint8_t {
  kPass,    // no rule can be about it
  kHold,    // the service decides
  kRefuse,  // some rule holds whatever else is so
};

// Values of the argument: those with `value & mask` equal to `bits`.  Only the
// lower 32 bits are looked at, as the kernel looks at those of an int: with a
// comparison of all 64 a caller would get past by setting another.
struct SeccompCell {
  std::uint64_t mask = 0;
  std::uint64_t bits = 0;
  SeccompVerdict verdict = SeccompVerdict::kPass;
  bool operator==(const SeccompCell&) const = default;
};

struct SeccompCall {
  bailiff_call call = BAILIFF_CALL_SOCKET;
  std::uint8_t argument = 0;  // that the cells are about
  // Each value is in exactly one.  One cell: whatever the arguments are.
  std::vector<SeccompCell> cells;
};

// Tested flags for which there is a cell for each combination; a call whose
// rules name more is held whatever its flags are.
inline constexpr std::size_t kMaxTestedFlags = 4;

// For the calls of `held`, in the order of BAILIFF_CALLS; those that all pass
// are left out.  Pure.  `facts` are those the plan was made with; unknown ones
// make it hold more.
std::vector<SeccompCall> plan_seccomp(
    const CompiledPolicy& policy, const HeldCalls& held, const Facts& facts,
    const std::vector<NamedArgument>& arguments);

}  // namespace bailiff
