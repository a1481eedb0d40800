// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/emit/dns_name.h"

namespace bailiff::hook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

List list(std::string name, std::vector<std::string> items,
          std::vector<std::uint32_t> includes = {}) {
  return {.name = std::move(name),
          .items = std::move(items),
          .includes = std::move(includes)};
}

std::vector<std::string> contents_of(const std::vector<List>& lists,
                                     std::uint32_t index, emit::ListKind kind) {
  const auto contents = list_contents(lists, index, kind);
  EXPECT_TRUE(contents);
  std::vector<std::string> texts;
  for (const IpNetwork& network : contents->networks) {
    texts.push_back(to_string(network));
  }
  for (const IpEndpoint& endpoint : contents->endpoints) {
    texts.push_back(to_string(endpoint));
  }
  return texts;
}

TEST(ListContents, AreAddressesOfTheirFamilyOnly) {
  const std::vector<List> lists = {
      list("l", {"1.2.3.4", "::1", "::ffff:9.8.7.6"})};
  EXPECT_THAT(contents_of(lists, 0, emit::ListKind::kAddress4),
              ElementsAre("1.2.3.4/32", "9.8.7.6/32"));
  EXPECT_THAT(contents_of(lists, 0, emit::ListKind::kAddress6),
              ElementsAre("::1/128"));
}

TEST(ListContents, AreNetworksAndAddresses) {
  const std::vector<List> lists = {
      list("l", {"10.0.0.0/8", "1.2.3.4", "fc00::/7"})};
  EXPECT_THAT(contents_of(lists, 0, emit::ListKind::kNetwork4),
              ElementsAre("10.0.0.0/8", "1.2.3.4/32"));
  EXPECT_THAT(contents_of(lists, 0, emit::ListKind::kNetwork6),
              ElementsAre("fc00::/7"));
}

TEST(ListContents, AreAddressesWithTheirPorts) {
  const std::vector<List> lists = {
      list("l", {"1.2.3.4|443", "1.2.3.4", "[2001:db8::1]:80", "5.6.7.8:22",
                 "2001:db8::1|81"})};
  EXPECT_THAT(contents_of(lists, 0, emit::ListKind::kAddress4),
              ElementsAre("1.2.3.4/32", "1.2.3.4|443", "5.6.7.8|22"));
  EXPECT_THAT(contents_of(lists, 0, emit::ListKind::kAddress6),
              ElementsAre("2001:db8::1|80", "2001:db8::1|81"));
  EXPECT_THAT(contents_of({list("n", {"10.0.0.0/8", "1.2.3.4|1"})}, 0,
                          emit::ListKind::kNetwork4),
              ElementsAre("10.0.0.0/8", "1.2.3.4|1"));
  EXPECT_FALSE(
      list_contents({list("l", {"1.2.3.4|443"})}, 0, emit::ListKind::kNames));
}

TEST(ListContents, OfNamesAreTheirKeys) {
  const std::vector<List> lists = {list("l", {"evil.example", "C2.example."})};
  const auto names = list_contents(lists, 0, emit::ListKind::kNames);
  ASSERT_TRUE(names);
  EXPECT_THAT(names->networks,
              ElementsAre(IpNetwork{emit::name_key("evil.example"), 128},
                          IpNetwork{emit::name_key("c2.example"), 128}));
  const auto refused =
      list_contents({list("l", {"a..b"})}, 0, emit::ListKind::kNames);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "list 'l': item 'a..b' is not a host name");
}

TEST(ListContents, FollowIncludes) {
  const std::vector<List> lists = {list("inner", {"1.1.1.1"}),
                                   list("outer", {"2.2.2.2"}, {0})};
  EXPECT_THAT(contents_of(lists, 1, emit::ListKind::kAddress4),
              ElementsAre("2.2.2.2/32", "1.1.1.1/32"));
}

TEST(ListContents, MayBeNone) {
  EXPECT_THAT(contents_of({list("l", {})}, 0, emit::ListKind::kNetwork6),
              IsEmpty());
}

TEST(ListContents, RefuseWhatTheyCannotHold) {
  for (const char* item :
       {"evil.example", "10.0.0.0/8", "1.2.3.4|0", "10.0.0.0/8|80"}) {
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
