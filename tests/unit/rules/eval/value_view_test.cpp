// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/value_view.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "rules/eval/evaluate.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::network;

TEST(ValueView, SaysWhatTheValueIs) {
  const Value values[] = {Null{},
                          true,
                          std::int64_t{-1},
                          std::numeric_limits<std::uint64_t>::max(),
                          0.5,
                          std::string("a text that is not short"),
                          address("2001:db8::1"),
                          network("10.0.0.0/8")};
  for (const Value& value : values) {
    EXPECT_EQ(value_of(view_of(value)), value) << to_string(value);
  }
}

TEST(Views, BorrowTextsAndLeaveNullOut) {
  const std::string text = "borrowed";
  Views views;
  views.add(text);
  views.add(Null{});
  views.add(std::int64_t{1});
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(std::get<std::string_view>(views[0]).data(), text.data());
  EXPECT_EQ(std::get<std::int64_t>(views[1]), 1);
}

TEST(Views, KeepTextsInPlaceUntilCleared) {
  Views views;
  for (int i = 0; i < 100; ++i) views.keep(std::to_string(i));
  views.keep(Null{});
  views.keep(true);
  std::string& made = views.text();
  made = "made";
  views.add(made);
  ASSERT_EQ(views.size(), 102U);
  EXPECT_EQ(std::get<std::string_view>(views[0]), "0");
  EXPECT_EQ(std::get<std::string_view>(views[99]), "99");
  EXPECT_EQ(std::get<bool>(views[100]), true);
  EXPECT_EQ(std::get<std::string_view>(views[101]), "made");
  views.clear();
  EXPECT_EQ(views.size(), 0U);
  EXPECT_EQ(views.text(), "");
}

TEST(Views, ASourceThatHasOnlyExtractIsCopiedFrom) {
  test::FakeEvent event;
  event.with(FieldId::kProcAname, {"nc", Null{}, "sh"});
  Views views;
  event.view(FieldId::kProcAname, "", views);
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(std::get<std::string_view>(views[1]), "sh");
}

TEST(Owned, IsWhatASourceShows) {
  test::FakeEvent event;
  event.with(FieldId::kProcAname, {"nc", Null{}, "sh"});
  EXPECT_EQ(owned(event, FieldId::kProcAname, ""),
            (std::vector<Value>{"nc", "sh"}));
}

TEST(HashText, TellsTextsOfEveryLengthApart) {
  std::set<std::uint64_t> hashes;
  std::string text;
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(hashes.insert(hash_text(text)).second) << i;
    EXPECT_TRUE(hashes.insert(hash_text(text + "x")).second) << i;
    text += 'a';
  }
  EXPECT_FALSE(hashes.contains(0));
}

}  // namespace
}  // namespace bailiff
