// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <iostream>
#include <random>
#include <string_view>

#include "tests/differential/options.h"

namespace bailiff::test {
Options options;
}  // namespace bailiff::test

namespace {

// Whether `argument` is NAME=NUMBER.
bool take_number(std::string_view argument, std::string_view name,
                 std::uint64_t& number) {
  if (!argument.starts_with(name)) return false;
  argument.remove_prefix(name.size());
  const char* const end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(argument.data(), end, number);
  return error == std::errc() && rest == end;
}

}  // namespace

int main(int argc, char** argv) {
  using bailiff::test::options;
  options.seed = std::random_device()();
  testing::InitGoogleMock(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (!take_number(argv[i], "--seed=", options.seed) &&
        !take_number(argv[i], "--cases=", options.cases)) {
      std::cerr << "usage: differential [--seed=N] [--cases=N]\n";
      return 2;
    }
  }
  if (!GTEST_FLAG_GET(list_tests)) {
    std::cout << "--seed=" << options.seed << std::endl;
  }
  return RUN_ALL_TESTS();
}
