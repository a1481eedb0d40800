// SPDX-License-Identifier: Apache-2.0
// oci/spec/seccomp_profile.h
// linux.seccomp of a config.json, as far as Bailiff has to understand it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bailiff::oci {

inline constexpr char kActAllow[] = "SCMP_ACT_ALLOW";
inline constexpr char kActLog[] = "SCMP_ACT_LOG";
inline constexpr char kActErrno[] = "SCMP_ACT_ERRNO";
inline constexpr char kActNotify[] = "SCMP_ACT_NOTIFY";

inline constexpr char kOpMaskedEqual[] = "SCMP_CMP_MASKED_EQ";

// For kOpMaskedEqual `value` is the mask and `value_two` what is compared with.
struct SeccompArgument {
  std::uint64_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  std::string op;
  bool operator==(const SeccompArgument&) const = default;
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;
  std::optional<std::int64_t> errno_value;  // absent: the runtime's
  std::vector<SeccompArgument> args;        // all must hold; none: any call
  // The place of the entry it was read from, or made of, whose members that
  // are not named here it keeps.
  std::optional<std::size_t> source;
  bool operator==(const SeccompRule&) const = default;
};

struct SeccompProfile {
  std::string default_action;
  std::vector<std::string> architectures;
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompRule> rules;
  bool operator==(const SeccompProfile&) const = default;
};

}  // namespace bailiff::oci
