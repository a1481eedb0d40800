// SPDX-License-Identifier: Apache-2.0
#include "sidecar/lists/list_changes_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "oci/sys/files.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

ListChanges some() {
  ListChanges changes;
  changes.changes = {{.list = "c2",
                      .item = "203.0.113.9|443",
                      .added = true,
                      .id = "1",
                      .actor = "uid=0 pid=1",
                      .reason = "tab\there\nand 100%",
                      .since_ns = 1,
                      .until_ns = 0},
                     {.list = "a b",
                      .item = "evil.example",
                      .added = false,
                      .id = "2",
                      .actor = "",
                      .reason = "",
                      .since_ns = 2,
                      .until_ns = 1ULL << 62}};
  changes.untold = {{.id = "3",
                     .list = "c2",
                     .added = {"x", "y"},
                     .removed = {"z"},
                     .ended = "1",
                     .actor = "a",
                     .reason = "",
                     .time_ns = 3,
                     .until_ns = 4}};
  return changes;
}

TEST(ListChangesFile, GivesBackWhatItWasGiven) {
  const ScratchFolder folder;
  const auto none = read_list_changes(folder.path());
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->content, ListChanges());
  ASSERT_TRUE(write_list_changes(folder.path(), some()));
  const auto kept = read_list_changes(folder.path());
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->content, some());
  EXPECT_EQ(kept->damaged, 0U);
  struct stat file {};
  ASSERT_EQ(::stat((folder / "lists").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0600U);
}

TEST(ListChangesFile, BelievesOfADamagedOneWhatIsWhole) {
  const ScratchFolder folder;
  std::string text = list_changes_text(some());
  text[text.find("203.0.113.9") + 10] = '8';
  ASSERT_TRUE(write_atomically(folder / "lists", text, 0600));
  const auto kept = read_list_changes(folder.path());
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->damaged, 1U);
  ListChanges rest = some();
  rest.changes.erase(rest.changes.begin());
  EXPECT_EQ(kept->content, rest);
  // It is looked at by people, and not by the next start.
  EXPECT_EQ(*read_bounded(folder / "lists.damaged", 1 << 20), text);
  EXPECT_EQ(read_list_changes(folder.path())->damaged, 0U);
}

TEST(ListChangesFile, KnowsWhereverItWasCut) {
  const std::string text = list_changes_text(some());
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_GT(parse_list_changes(text.substr(0, size)).damaged, 0U) << size;
  }
  EXPECT_EQ(parse_list_changes(text).damaged, 0U);
}

TEST(ListChangesFile, TakesNoByteForAnother) {
  const std::string text = list_changes_text(some());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_GT(parse_list_changes(other).damaged, 0U) << i;
  }
}

TEST(ListChangesFile, RefusesOneThatOthersMayWrite) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_list_changes(folder.path(), some()));
  ASSERT_EQ(::chmod((folder / "lists").c_str(), 0666), 0);
  const auto kept = read_list_changes(folder.path());
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message.find(folder / "lists"), std::string::npos);
}

TEST(ListChangesFile, IsBounded) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_list_changes(folder.path(), some()));
  ListChanges many = some();
  // Each of its bytes takes three.
  many.changes[0].reason.assign(kMaxListFileBytes / 3 + 1, '\n');
  const Status written = write_list_changes(folder.path(), many);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kUnsupported);
  EXPECT_EQ(read_list_changes(folder.path())->content, some());
}

}  // namespace
}  // namespace bailiff::sidecar
