// SPDX-License-Identifier: Apache-2.0
// rules/emit/dns_name.h
// Host names as programs compare them; rules/abi/dns.h says how.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "rules/types/value.h"

namespace bailiff::emit {

// The hashes of the name; one full stop at its end does not count.  {0, 0},
// which no name has, unless is_listed_name().  Of ".evil.example", those of
// "*.evil.example".
std::array<std::uint64_t, 2> name_hash(std::string_view name);

// The same as what a list of names holds in the kernel: in the place of an IPv6
// address, each number in the byte order of this machine.
IpAddress name_key(std::string_view name);

}  // namespace bailiff::emit
