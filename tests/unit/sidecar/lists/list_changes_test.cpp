// SPDX-License-Identifier: Apache-2.0
#include "sidecar/lists/list_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kNow = 1'000'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

std::string lower(std::string_view item) {
  std::string key(item);
  for (char& c : key) c = static_cast<char>(std::tolower(c));
  return key;
}

class ListChangesTest : public testing::Test {
 protected:
  // What is asked of list `l`, whose file has `file_` and which includes a list
  // `inner` of `included_`.
  Result<ListOutcome> ask(const std::vector<std::string>& add,
                          const std::vector<std::string>& remove,
                          std::optional<std::int64_t> for_ms = std::nullopt) {
    ListSite site{.name = "l", .present = {}, .key = lower};
    for (const std::string& item : file_) site.present[lower(item)] = "";
    for (const std::string& item : included_) {
      site.present[lower(item)] = "inner";
    }
    return make_changes(changes_,
                        {.add = add,
                         .remove = remove,
                         .actor = "eve",
                         .reason = "drill",
                         .for_ms = for_ms},
                        site, "id-" + std::to_string(++requests_), kNow);
  }
  std::vector<std::string> items() const {
    std::vector<const ListChange*> changes;
    for (const ListChange& each : changes_.changes) changes.push_back(&each);
    return changed_items(file_, changes, lower).items;
  }
  bool end(std::uint64_t now) {
    return end_changes(changes_, now, [] { return std::string("news"); });
  }

  std::vector<std::string> file_ = {"a", "b"};
  std::vector<std::string> included_;
  ListChanges changes_;
  int requests_ = 0;
};

TEST_F(ListChangesTest, AddsAndRemoves) {
  const auto outcome = ask({"c", "C"}, {"A"});
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->added, ElementsAre("c"));
  EXPECT_THAT(outcome->removed, ElementsAre("A"));
  EXPECT_THAT(outcome->unchanged, IsEmpty());
  EXPECT_THAT(items(), ElementsAre("b", "c"));
  ASSERT_THAT(changes_.untold, SizeIs(1));
  EXPECT_EQ(changes_.untold[0].actor, "eve");
  EXPECT_EQ(changes_.untold[0].id, "id-1");
}

TEST_F(ListChangesTest, UndoesWhatItDid) {
  ASSERT_TRUE(ask({"c"}, {"a"}));
  const auto outcome = ask({"a"}, {"c"});
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->added, ElementsAre("a"));
  EXPECT_THAT(outcome->removed, ElementsAre("c"));
  EXPECT_THAT(changes_.changes, IsEmpty());
  EXPECT_THAT(items(), ElementsAre("a", "b"));
  EXPECT_THAT(changes_.untold, SizeIs(2));
}

TEST_F(ListChangesTest, TellsWhatIsSoAlready) {
  ASSERT_TRUE(ask({"c"}, {"b"}));
  const ListChanges before = changes_;
  const auto outcome = ask({"a", "c"}, {"x", "b"});
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->added, IsEmpty());
  EXPECT_THAT(outcome->removed, IsEmpty());
  ASSERT_THAT(outcome->unchanged, SizeIs(4));
  EXPECT_EQ(outcome->unchanged[0].why, "is an item already, of the rule files");
  EXPECT_EQ(outcome->unchanged[1].why, "is an item already, added by eve");
  EXPECT_EQ(outcome->unchanged[2].why, "is no item");
  EXPECT_EQ(outcome->unchanged[3].why, "is removed already, by eve");
  EXPECT_EQ(changes_, before);
}

TEST_F(ListChangesTest, NamesTheListThatIsIncluded) {
  included_ = {"x"};
  const auto added = ask({"x"}, {});
  ASSERT_TRUE(added);
  ASSERT_THAT(added->unchanged, SizeIs(1));
  EXPECT_EQ(added->unchanged[0].why,
            "is an item already, of list 'inner', which this one includes");
  const auto removed = ask({"c"}, {"x"});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kUnsupported);
  EXPECT_EQ(removed.error().message,
            "list 'l': item 'x' is of list 'inner', which this one includes: "
            "remove it there");
  EXPECT_EQ(changes_, ListChanges());
}

TEST_F(ListChangesTest, RemovesNothingThatAnIncludedListHasToo) {
  file_ = {"x"};
  included_ = {"x"};
  const auto removed = ask({}, {"x"});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kUnsupported);
  EXPECT_EQ(changes_, ListChanges());
}

TEST_F(ListChangesTest, RefusesAnItemBothAddedAndRemoved) {
  const auto outcome = ask({"c"}, {"C"});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kInvalidArgument);
  EXPECT_EQ(changes_, ListChanges());
}

TEST_F(ListChangesTest, EndsByItself) {
  ASSERT_TRUE(ask({"c"}, {"a"}, 2000));
  EXPECT_EQ(next_end(changes_), kNow + 2 * kSecond);
  EXPECT_FALSE(end(kNow + 2 * kSecond - 1));
  changes_.untold.clear();
  EXPECT_TRUE(end(kNow + 2 * kSecond));
  EXPECT_THAT(items(), ElementsAre("a", "b"));
  EXPECT_EQ(next_end(changes_), std::nullopt);
  ASSERT_THAT(changes_.untold, SizeIs(1));
  const ListNews& news = changes_.untold[0];
  EXPECT_EQ(news.ended, "id-1");
  EXPECT_THAT(news.added, ElementsAre("c"));
  EXPECT_THAT(news.removed, ElementsAre("a"));
}

TEST_F(ListChangesTest, TheLastWordSaysWhenItEnds) {
  ASSERT_TRUE(ask({"c"}, {}, 2000));
  const auto longer = ask({"c"}, {}, 5000);
  ASSERT_TRUE(longer);
  EXPECT_THAT(longer->added, ElementsAre("c"));
  EXPECT_THAT(changes_.changes, SizeIs(1));
  EXPECT_EQ(next_end(changes_), kNow + 5 * kSecond);
  ASSERT_TRUE(ask({"c"}, {}));
  EXPECT_EQ(next_end(changes_), std::nullopt);
}

TEST_F(ListChangesTest, WhatAFileHasByThenStays) {
  ASSERT_TRUE(ask({"c"}, {}, 2000));
  file_ = {"a", "b", "c"};
  EXPECT_THAT(items(), ElementsAre("a", "b", "c"));
  // To remove it is more than to undo the addition.
  const ListChanges before = changes_;
  ASSERT_TRUE(ask({}, {"c"}));
  EXPECT_THAT(items(), ElementsAre("a", "b"));
  changes_ = before;
  EXPECT_TRUE(end(kNow + 2 * kSecond));
  EXPECT_THAT(items(), ElementsAre("a", "b", "c"));
}

TEST_F(ListChangesTest, TheRemovalOfWhatNoFileHasNowCanBeUndone) {
  ASSERT_TRUE(ask({}, {"a"}));
  file_ = {"b"};
  ASSERT_TRUE(ask({"a"}, {}));
  EXPECT_THAT(items(), ElementsAre("b", "a"));
}

TEST_F(ListChangesTest, IsBounded) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < kMaxListChanges; ++i) {
    many.push_back("x" + std::to_string(i));
  }
  ASSERT_TRUE(ask(many, {}));
  const auto more = ask({"one"}, {});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Code::kUnsupported);
  EXPECT_THAT(changes_.changes, SizeIs(kMaxListChanges));
  EXPECT_TRUE(ask({}, {"x7"}));
}

}  // namespace
}  // namespace bailiff::sidecar
