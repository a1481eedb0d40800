// SPDX-License-Identifier: Apache-2.0
// tests/harness/seed.h
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace bailiff::test {

// The seed of a test on random input, printed: another one for each run, or
// that of the environment variable BAILIFF_SEED, which repeats a run.
inline std::uint64_t random_seed() {
  const char* given = std::getenv("BAILIFF_SEED");
  const std::uint64_t seed =
      given == nullptr ? std::random_device()() : std::stoull(given);
  std::cout << "BAILIFF_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace bailiff::test
