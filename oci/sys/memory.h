// SPDX-License-Identifier: Apache-2.0
// oci/sys/memory.h
#pragma once

#include <cstdint>
#include <string>

namespace bailiff {

// Bytes that this process can get before it reaches a limit: its RLIMIT_DATA,
// that of a cgroup it is in, of version 1 or 2, or the host's memory.  What the
// kernel would give back first (the page cache) counts as there.  A limit that
// cannot be read is none.  `root`: of the file systems, for tests.
std::uint64_t memory_below_limits(const std::string& root = "");

// The same, and what the allocator has and holds free.
std::uint64_t memory_left();

}  // namespace bailiff
