// SPDX-License-Identifier: Apache-2.0
// tests/bench/plain_maps.h
// What a list could be in the kernel instead of a table of our own: the
// smallest program for connect() that asks it, attached to a cgroup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "oci/sys/unique_fd.h"

namespace bailiff::test {

enum class PlainMap {
  kHash,   // BPF_MAP_TYPE_HASH
  kTrie,   // BPF_MAP_TYPE_LPM_TRIE, of networks of one address
  kBloom,  // BPF_MAP_TYPE_BLOOM_FILTER, and behind it the hash
  kLoad,   // no list: one load, from an array as large as a table's filter,
           // which is what any of them takes at least
};
std::string_view to_string(PlainMap kind);

struct PlainFilter {
  std::vector<UniqueFd> maps;
  UniqueFd program;
  UniqueFd link;  // what is attached, while it is open
};

// Of IPv4 addresses in network order.  Throws std::runtime_error.
PlainFilter attach_plain(PlainMap kind,
                         const std::vector<std::uint32_t>& addresses,
                         int cgroup);

}  // namespace bailiff::test
