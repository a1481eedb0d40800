// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/lists.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bailiff {
namespace {

struct Resolved {
  std::vector<ListDefinition> lists;
  std::vector<std::string> messages;
};

Resolved resolved(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& raw) {
  std::vector<RawList> lists;
  for (const auto& [name, items] : raw) {
    RawList list;
    list.name.text = name;
    for (const std::string& item : items) {
      list.items.push_back({.text = item, .span = {}});
    }
    lists.push_back(std::move(list));
  }
  Diagnostics diagnostics;
  Resolved result;
  result.lists = resolve_lists(lists, diagnostics);
  for (const Diagnostic& d : diagnostics.all()) {
    result.messages.push_back(d.message);
  }
  return result;
}

std::vector<std::string> items(const ListDefinition& list) {
  std::vector<std::string> texts;
  for (const PlacedText& item : list.items) texts.push_back(item.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Lists, QuotesInsideQuotesMeanTheInnerText) {
  const Resolved result = resolved(
      {{"l", {"\"5.255.97.172\"", "18.228.7.109", "'(systemd)'", "a b"}}});
  EXPECT_EQ(result.messages, Texts{});
  EXPECT_EQ(items(result.lists[0]),
            (Texts{"5.255.97.172", "18.228.7.109", "(systemd)", "a b"}));
}

TEST(Lists, NamesOfListsAreIncludes) {
  const Resolved result =
      resolved({{"outer", {"a", "inner", "\"inner\""}}, {"inner", {"b"}}});
  EXPECT_EQ(items(result.lists[0]), (Texts{"a", "inner"}));
  EXPECT_EQ(result.lists[0].includes, std::vector<std::uint32_t>{1});
}

TEST(Lists, RefusesLoopsAndCutsThem) {
  const Resolved result = resolved(
      {{"a", {"b"}}, {"b", {"c", "1"}}, {"c", {"a"}}, {"d", {"d", "d"}}});
  EXPECT_EQ(
      result.messages,
      (Texts{"reference loop: list 'c' includes 'a', which includes it",
             "reference loop: list 'd' includes 'd', which includes it",
             "reference loop: list 'd' includes 'd', which includes it"}));
  EXPECT_TRUE(result.lists[2].includes.empty());
  EXPECT_TRUE(result.lists[3].includes.empty());
}

TEST(Lists, DiamondsAreNoLoops) {
  EXPECT_EQ(
      resolved({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}, {"d", {"x"}}})
          .messages,
      Texts{});
}

TEST(Lists, TakesChainsOfAnyLength) {
  std::vector<std::pair<std::string, std::vector<std::string>>> raw;
  for (int i = 0; i < 20'000; ++i) {
    raw.push_back({"l" + std::to_string(i), {"l" + std::to_string(i + 1)}});
  }
  EXPECT_EQ(resolved(raw).messages, Texts{});
}

TEST(Lists, RefusesItemsThatPastingWouldTearApart) {
  EXPECT_EQ(resolved({{"l", {"a,b", "(x)", "a=b", "\"x", "\"x\"y"}}}).messages,
            (Texts{"item 'a,b' needs quotes inside its quotes",
                   "item '(x)' needs quotes inside its quotes",
                   "item 'a=b' needs quotes inside its quotes",
                   "item \"x begins with a quote but is no quoted string",
                   "item \"x\"y begins with a quote but is no quoted string"}));
}

}  // namespace
}  // namespace bailiff
