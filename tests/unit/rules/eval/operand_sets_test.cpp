// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/operand_sets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::network;

bool contains(const TextSet& set, std::string_view text) {
  return set.contains(text, hash_text(text));
}

TEST(TextSet, HoldsWhatWasInserted) {
  TextSet set;
  EXPECT_FALSE(contains(set, ""));
  for (int i = 0; i < 1000; ++i) set.insert(std::to_string(i));
  set.insert("7");  // again
  set.insert("");
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(contains(set, std::to_string(i)));
    EXPECT_FALSE(contains(set, std::to_string(i) + "x"));
  }
  EXPECT_TRUE(contains(set, ""));
}

TEST(NumberSet, ComparesByWhatNumbersAreWorth) {
  NumberSet set;
  for (const std::int64_t number : {3, -1, 3, 443}) set.insert(number);
  set.insert(number_value(std::numeric_limits<std::uint64_t>::max()));
  set.finish();
  EXPECT_TRUE(set.contains(std::int64_t{443}));
  EXPECT_TRUE(set.contains(std::int64_t{-1}));
  EXPECT_FALSE(set.contains(std::int64_t{4}));
  EXPECT_TRUE(set.contains(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_FALSE(set.contains(std::numeric_limits<std::uint64_t>::max() - 1));
  EXPECT_TRUE(set.contains(3.0));
  EXPECT_FALSE(set.contains(3.5));
  EXPECT_FALSE(set.contains("3"));
}

TEST(AddressSet, HoldsAddressesAndWhatNetworksContain) {
  AddressSet set;
  set.insert(address("192.0.2.1"));
  set.insert(network("10.0.0.0/8"));
  set.insert(network("10.1.0.0/16"));  // inside the other
  set.insert(address("2001:db8::1"));
  set.insert(network("fe80::/10"));
  set.finish();
  for (const char* inside : {"192.0.2.1", "10.0.0.0", "10.255.255.255",
                             "2001:db8::1", "fe80::", "febf:ffff::1"}) {
    EXPECT_TRUE(set.contains(address(inside))) << inside;
  }
  for (const char* outside :
       {"192.0.2.0", "192.0.2.2", "9.255.255.255", "11.0.0.0",
        "2001:db8::", "2001:db8::2", "fec0::", "::"}) {
    EXPECT_FALSE(set.contains(address(outside))) << outside;
  }
}

TEST(AddressSet, AWholeFamilyIsNotTheOther) {
  AddressSet set;
  set.insert(network("0.0.0.0/0"));
  set.finish();
  EXPECT_TRUE(set.contains(address("0.0.0.0")));
  EXPECT_TRUE(set.contains(address("255.255.255.255")));
  EXPECT_FALSE(set.contains(address("::")));
}

// As many as are searched by buckets, anywhere or all in one corner.
TEST(AddressSet, HoldsManyNetworks) {
  std::mt19937 random(1);
  for (const bool v4 : {true, false}) {
    for (const int common : {0, 1, 6}) {
      const auto any_address = [&] {
        IpAddress made = address(v4 ? "10.20.30.40" : "2001:db8:1::1");
        const int bytes = v4 ? 4 : 16;
        for (int i = std::min(common, bytes - 2); i < bytes; ++i) {
          made.bytes[static_cast<std::size_t>(i)] =
              static_cast<std::uint8_t>(random());
        }
        return made;
      };
      std::vector<IpNetwork> networks;
      AddressSet set;
      for (int i = 0; i < 1500; ++i) {
        const unsigned bits = v4 ? 32 : 128;
        const unsigned prefix = bits - random() % (bits / 4);
        networks.push_back(*parse_network(to_string(any_address()) + "/" +
                                          std::to_string(prefix)));
        set.insert(networks.back());
      }
      set.finish();
      for (int i = 0; i < 60; ++i) {
        IpAddress probe = networks[random() % networks.size()].base;
        if (i % 2 == 0) probe = any_address();
        const bool expected = std::any_of(
            networks.begin(), networks.end(),
            [&](const IpNetwork& each) { return each.contains(probe); });
        ASSERT_EQ(set.contains(probe), expected) << to_string(probe);
      }
    }
  }
}

}  // namespace
}  // namespace bailiff
