// SPDX-License-Identifier: Apache-2.0
// rules/base/priority.h
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bailiff {

// The priorities of Falco's rules, most severe first.
enum class Priority : std::uint8_t {
  kEmergency,
  kAlert,
  kCritical,
  kError,
  kWarning,
  kNotice,
  kInformational,
  kDebug,
};
// As Falco's JSON writes it: "Warning".
std::string_view to_string(Priority priority);
// Case-insensitive; "info" is kInformational (falco-language, section 2).
std::optional<Priority> parse_priority(std::string_view text);

}  // namespace bailiff
