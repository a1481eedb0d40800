// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace bailiff::hook {
namespace {

using ::testing::HasSubstr;

List list(std::string name, std::vector<std::string> items,
          std::vector<std::uint32_t> includes = {}) {
  return {.name = std::move(name),
          .items = std::move(items),
          .includes = std::move(includes)};
}

std::vector<int> ints(const std::vector<std::byte>& bytes) {
  std::vector<int> numbers;
  for (const std::byte byte : bytes) {
    numbers.push_back(std::to_integer<int>(byte));
  }
  return numbers;
}

TEST(ListContents, HoldAddressesOfTheirFamilyOnly) {
  const std::vector<List> lists = {
      list("l", {"1.2.3.4", "::1", "::ffff:9.8.7.6"})};
  const auto four = list_contents(lists, 0, emit::ListKind::kAddress4);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->key_size, 4U);
  EXPECT_EQ(four->count, 2U);
  EXPECT_EQ(ints(four->keys), (std::vector<int>{1, 2, 3, 4, 9, 8, 7, 6}));
  EXPECT_EQ(four->values.size(), 2U);
  const auto six = list_contents(lists, 0, emit::ListKind::kAddress6);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->key_size, 16U);
  EXPECT_EQ(six->count, 1U);
  EXPECT_EQ(ints(six->keys).back(), 1);
}

TEST(ListContents, PutThePrefixInFrontOfANetwork) {
  const auto nets = list_contents({list("l", {"10.0.0.0/8", "1.2.3.4"})}, 0,
                                  emit::ListKind::kNetwork4);
  ASSERT_TRUE(nets);
  EXPECT_EQ(nets->key_size, 8U);
  ASSERT_EQ(nets->count, 2U);
  std::uint32_t prefix = 0;
  std::memcpy(&prefix, nets->keys.data(), sizeof(prefix));
  EXPECT_EQ(prefix, 8U);
  EXPECT_EQ(ints(nets->keys)[4], 10);
  std::memcpy(&prefix, nets->keys.data() + 8, sizeof(prefix));
  EXPECT_EQ(prefix, 32U);
}

TEST(ListContents, FollowIncludes) {
  const std::vector<List> lists = {list("inner", {"1.1.1.1"}),
                                   list("outer", {"2.2.2.2"}, {0})};
  const auto contents = list_contents(lists, 1, emit::ListKind::kAddress4);
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->count, 2U);
}

TEST(ListContents, MayBeEmpty) {
  const auto none =
      list_contents({list("l", {})}, 0, emit::ListKind::kNetwork6);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->count, 0U);
  EXPECT_EQ(none->key_size, 20U);
}

TEST(ListContents, RefuseWhatTheyCannotHold) {
  for (const char* item : {"evil.example", "10.0.0.0/8"}) {
    const auto refused =
        list_contents({list("l", {item})}, 0, emit::ListKind::kAddress6);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("list 'l'"));
    EXPECT_THAT(refused.error().message, HasSubstr(item));
  }
}

TEST(ListContents, RefusesAPolicyOfWhichOnlyTheHeadWasRead) {
  std::vector<List> lists = {list("l", {"1.2.3.4"}), list("other", {})};
  lists[1].complete = false;
  const auto contents = list_contents(lists, 0, emit::ListKind::kAddress4);
  ASSERT_FALSE(contents);
  EXPECT_EQ(contents.error().message,
            "list 'l' is made of a policy that was not read whole");
}

}  // namespace
}  // namespace bailiff::hook
