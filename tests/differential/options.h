// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bailiff::test {

// Of the command line: --seed=N and --cases=N.
struct Options {
  std::uint64_t seed = 0;
  std::uint64_t cases = 1'000'000;  // rules judged times events, at least
};
extern Options options;

}  // namespace bailiff::test
