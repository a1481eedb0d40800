// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/lists.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bailiff {
namespace {

struct Resolved {
  ResolvedLists lists;
  std::vector<std::string> messages;
};

// Lists by name and items, in the order of definition.
using Lists = std::vector<std::pair<std::string, std::vector<std::string>>>;

Resolved resolved(const Lists& lists) {
  std::vector<RawList> raw;
  for (const auto& [name, items] : lists) {
    RawList list;
    list.name.text = name;
    list.defined = raw.size();
    list.changed = raw.size();
    for (const std::string& item : items) list.items.push_back(item, {});
    raw.push_back(std::move(list));
  }
  Diagnostics diagnostics;
  Resolved result;
  result.lists = resolve_lists(raw, diagnostics);
  for (const Diagnostic& d : diagnostics.all()) {
    result.messages.push_back(d.message);
  }
  return result;
}

using Texts = std::vector<std::string>;
using Indices = std::vector<std::uint32_t>;

Texts items(const Resolved& result, std::size_t list) {
  Texts texts;
  for (const PlacedText& item : result.lists.definitions[list].items) {
    texts.push_back(item.text);
  }
  return texts;
}

TEST(Lists, QuotesInsideQuotesMeanTheInnerText) {
  const Resolved result = resolved(
      {{"l", {"\"5.255.97.172\"", "18.228.7.109", "'(systemd)'", "a b"}}});
  EXPECT_EQ(items(result, 0),
            (Texts{"5.255.97.172", "18.228.7.109", "(systemd)", "a b"}));
  EXPECT_FALSE(result.lists.textual[0]);
}

TEST(Lists, EscapesMeanWhatTheyDoInConditions) {
  const Resolved result = resolved({{"l", {"\"a\\\"b\"", "a\\tb c", "a\\tb"}}});
  EXPECT_EQ(items(result, 0), (Texts{"a\"b", "a\tb c", "a\\tb"}));
  EXPECT_FALSE(result.lists.textual[0]);
}

TEST(Lists, NamesOfListsAreIncludes) {
  const Resolved result = resolved({{"outer", {"a", "inner", "\"inner\""}},
                                    {"inner", {"b"}},
                                    {"later", {"outer"}}});
  EXPECT_EQ(items(result, 0), (Texts{"a", "inner"}));
  EXPECT_EQ(result.lists.definitions[0].includes, Indices{1});
  EXPECT_EQ(result.lists.definitions[2].includes, Indices{0});
}

TEST(Lists, TheirOwnNameIsAValue) {
  const Resolved result = resolved({{"sshd", {"sshd", "ssh"}}});
  EXPECT_EQ(items(result, 0), (Texts{"sshd", "ssh"}));
  EXPECT_TRUE(result.lists.definitions[0].includes.empty());
}

TEST(Lists, ThatIncludeEachOtherHoldWhatPastingComesTo) {
  const Resolved result = resolved({{"a", {"b", "1"}}, {"b", {"a", "2"}}});
  EXPECT_EQ(result.messages, Texts{});
  EXPECT_EQ(result.lists.definitions[0].includes, Indices{1});
  EXPECT_EQ(items(result, 0), Texts{"1"});
  EXPECT_TRUE(result.lists.definitions[1].includes.empty());
  EXPECT_EQ(items(result, 1), (Texts{"2", "b", "1"}));
}

TEST(Lists, RefusesLoopsOfLongLists) {
  const Texts many(kMaxLoopItems, "x");
  Lists lists = {{"a", {"b"}}, {"b", {"a"}}};
  lists[0].second.insert(lists[0].second.end(), many.begin(), many.end());
  const Resolved result = resolved(lists);
  EXPECT_EQ(result.messages, Texts{"list 'b' includes 'a', which includes it"});
  EXPECT_TRUE(result.lists.definitions[1].includes.empty());
}

TEST(Lists, DiamondsAreNoLoops) {
  const Resolved result =
      resolved({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}, {"d", {"x"}}});
  EXPECT_EQ(result.lists.definitions[2].includes, Indices{3});
  EXPECT_TRUE(result.lists.loops.empty());
}

TEST(Lists, TakesChainsOfAnyLength) {
  Lists lists;
  for (int i = 0; i < 20'000; ++i) {
    lists.push_back({"l" + std::to_string(i), {"l" + std::to_string(i + 1)}});
  }
  EXPECT_EQ(resolved(lists).messages, Texts{});
}

TEST(Lists, WithItemsThatAreNoValuesAreText) {
  for (const std::string item : {"a,b", "(x)", "a=b", "\"x", "\"x\"y", "",
                                 "a\tb", "a \"b\" c", "a \\d", "\"a\" \"b\""}) {
    const Resolved result = resolved({{"l", {"a", item}}, {"m", {"a"}}});
    EXPECT_EQ(result.messages, Texts{}) << item;
    EXPECT_TRUE(result.lists.textual[0]) << item;
    EXPECT_FALSE(result.lists.textual[1]) << item;
  }
}

TEST(Lists, AreTextWhenALaterListIsInTheTextOfAnItem) {
  const Resolved result = resolved({{"l", {"say m now"}},
                                    {"m", {"x"}},
                                    {"n", {"say m now"}},
                                    {"o", {"say o now", "\"o\"", "m n"}}});
  EXPECT_TRUE(result.lists.textual[0]);
  EXPECT_FALSE(result.lists.textual[1]);
  EXPECT_FALSE(result.lists.textual[2]);
  EXPECT_FALSE(result.lists.textual[3]);
}

TEST(Lists, ThatIncludeATextAreText) {
  const Resolved result = resolved({{"a", {"b"}},
                                    {"b", {"c"}},
                                    {"c", {"(x)"}},
                                    {"d", {"a", "e"}},
                                    {"e", {"x"}}});
  EXPECT_EQ(result.lists.textual,
            (std::vector<bool>{true, true, true, true, false}));
}

}  // namespace
}  // namespace bailiff
