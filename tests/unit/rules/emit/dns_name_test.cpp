// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/dns_name.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

namespace bailiff::emit {
namespace {

constexpr std::array<std::uint64_t, 2> kNone{};

TEST(NameHash, IsTheSameInAnyCaseAndWithAFullStopAtTheEnd) {
  EXPECT_NE(name_hash("evil.example"), kNone);
  EXPECT_NE(name_hash(".evil.example"), kNone);
  EXPECT_NE(name_hash(".evil.example"), name_hash("evil.example"));
  EXPECT_EQ(name_hash("Evil.EXAMPLE"), name_hash("evil.example"));
  EXPECT_EQ(name_hash("evil.example."), name_hash("evil.example"));
}

TEST(NameHash, TellsNamesApart) {
  std::set<std::array<std::uint64_t, 2>> hashes;
  const std::string names[] = {"evil.example", "evilexample", "e.vilexample",
                               "example.evil", "evil",        "a.b.c",
                               "a.bc",         "ab.c",        "evil-example"};
  for (const std::string& name : names) hashes.insert(name_hash(name));
  EXPECT_EQ(hashes.size(), std::size(names));
}

TEST(NameHash, IsNoneOfWhatIsNoHostName) {
  EXPECT_EQ(name_hash(""), kNone);
  EXPECT_EQ(name_hash("a..b"), kNone);
  EXPECT_EQ(name_hash("*.evil.example"), kNone);
}

TEST(NameKey, IsTheHashInThePlaceOfAnAddress) {
  const IpAddress key = name_key("evil.example");
  EXPECT_EQ(key.family, 6);
  const auto hash = name_hash("evil.example");
  EXPECT_EQ(std::memcmp(key.bytes.data(), hash.data(), sizeof hash), 0);
}

}  // namespace
}  // namespace bailiff::emit
