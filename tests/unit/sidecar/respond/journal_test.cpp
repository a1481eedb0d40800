// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "oci/sys/files.h"
#include "tests/harness/scratch_folder.h"

namespace bailiff::sidecar {
namespace {

Begun begun_of(const std::string& id) {
  Begun begun;
  begun.id = id;
  begun.response = Response::kPause;
  begun.record.id = "c\t1";
  begun.record.cgroup_path = "/sys/fs/cgroup/a b%";
  begun.record.cgroup_id = 42;
  begun.record.pid = 4711;
  begun.record.time_ns = 99;
  begun.record.bundle = "/run/b";
  begun.record.facts.name = "n\nme";
  begun.record.facts.pod = "pod";
  begun.begun_ns = 5;
  begun.until_ns = 6;
  begun.then = PauseThen::kResume;
  begun.policy = "p";
  begun.rule = "";
  begun.actor = "uid=0";
  begun.reason = "\xff";
  begun.workload = "w";
  begun.process = {.pid = 7, .seen_ns = 8};
  return begun;
}

class JournalTest : public testing::Test {
 protected:
  JournalContent read() {
    JournalContent content;
    const auto opened = Journal::open(path_, content);
    EXPECT_TRUE(opened) << opened.error().message;
    return content;
  }

  ScratchFolder folder_;
  std::string path_ = folder_ / "responses";
};

TEST_F(JournalTest, ReadsBackEveryStep) {
  JournalContent content;
  const auto journal = *Journal::open(path_, content);
  EXPECT_TRUE(content.responses.empty());
  ASSERT_TRUE(journal->begin(begun_of("one")));
  ASSERT_TRUE(journal->begin(begun_of("two")));
  ASSERT_TRUE(journal->done("one", "paused"));
  ASSERT_TRUE(journal->limit("two", 77, PauseThen::kKill));
  ASSERT_TRUE(journal->undo("one"));
  ASSERT_TRUE(journal->told("one"));
  ASSERT_TRUE(journal->end("one"));
  ASSERT_TRUE(journal->over({.scope = "node", .name = "", .since_ns = 3}));
  content = read();
  ASSERT_EQ(content.responses.size(), 2U);
  const Journaled& one = content.responses[0];
  EXPECT_EQ(one.outcome, "paused");
  EXPECT_TRUE(one.undone && one.ended && one.told);
  const Begun& begun = one.begun;
  const Begun wanted = begun_of("one");
  EXPECT_EQ(begun.record.id, wanted.record.id);
  EXPECT_EQ(begun.record.cgroup_path, wanted.record.cgroup_path);
  EXPECT_EQ(begun.record.cgroup_id, 42U);
  EXPECT_EQ(begun.record.pid, 4711);
  EXPECT_EQ(begun.record.time_ns, 99U);
  EXPECT_EQ(begun.record.facts.name, wanted.record.facts.name);
  EXPECT_EQ(begun.until_ns, 6U);
  EXPECT_EQ(begun.then, PauseThen::kResume);
  EXPECT_EQ(begun.rule, "");
  EXPECT_EQ(begun.reason, "\xff");
  EXPECT_EQ(begun.process.pid, 7);
  EXPECT_EQ(begun.process.seen_ns, 8U);
  EXPECT_EQ(content.responses[1].outcome, "");
  EXPECT_EQ(content.responses[1].begun.until_ns, 77U);
  EXPECT_EQ(content.responses[1].begun.then, PauseThen::kKill);
  ASSERT_EQ(content.over.size(), 1U);
  EXPECT_EQ(content.rearmed_ns, 0U);
  ASSERT_TRUE(journal->rearm(9));
  content = read();
  EXPECT_TRUE(content.over.empty());
  EXPECT_EQ(content.rearmed_ns, 9U);
  EXPECT_EQ(parse_journal(journal_lines(content)).rearmed_ns, 9U);
}

TEST_F(JournalTest, PassesOverALineThatWasCut) {
  JournalContent content;
  {
    const auto journal = *Journal::open(path_, content);
    ASSERT_TRUE(journal->begin(begun_of("one")));
  }
  const std::string text = *read_bounded(path_, 1 << 20);
  ASSERT_TRUE(write_atomically(path_, text.substr(0, text.size() - 9), 0600,
                               Durability::kProcess));
  const auto journal = *Journal::open(path_, content);
  EXPECT_TRUE(content.responses.empty());
  ASSERT_TRUE(journal->begin(begun_of("two")));
  content = read();
  ASSERT_EQ(content.responses.size(), 1U);
  EXPECT_EQ(content.responses[0].begun.id, "two");
}

TEST_F(JournalTest, KeepsOfEachBudgetTheLastTimeThatItWasOver) {
  JournalContent content;
  const auto journal = *Journal::open(path_, content);
  const OverBudget last{.scope = "workload", .name = "a", .since_ns = 3};
  const OverBudget other{.scope = "workload", .name = "b", .since_ns = 2};
  ASSERT_TRUE(journal->over({.scope = "workload", .name = "a", .since_ns = 1}));
  ASSERT_TRUE(journal->over(other));
  ASSERT_TRUE(journal->over(last));
  EXPECT_EQ(read().over, (std::vector<OverBudget>{other, last}));
}

TEST_F(JournalTest, IsEmptyAfterAReboot) {
  ASSERT_TRUE(write_atomically(
      path_, "another-boot\n" + journal_lines({.responses = {{begun_of("a")}}}),
      0600, Durability::kProcess));
  EXPECT_TRUE(read().responses.empty());
}

// Responses "0", "1" and so on, by which the journal becomes long; how many.
std::size_t lengthen(Journal& journal, bool told) {
  constexpr std::size_t kReasonBytes = 32768;
  Begun big = begun_of("");
  big.reason = std::string(kReasonBytes, 'x');
  std::size_t count = 0;
  for (; count * kReasonBytes < kJournalBytes; ++count) {
    big.id = std::to_string(count);
    EXPECT_TRUE(journal.begin(big));
    EXPECT_TRUE(journal.done(big.id, "error: no"));
    if (told) {
      EXPECT_TRUE(journal.told(big.id));
    }
  }
  return count;
}

// As many responses in little time make it: it must not stay as long as it is,
// to be written anew at each call.
TEST_F(JournalTest, BecomesShorterOfTheOldestWhereManyAreOver) {
  JournalContent content;
  const auto journal = *Journal::open(path_, content);
  const std::size_t count = lengthen(*journal, true);
  ASSERT_TRUE(journal->begin(begun_of("open")));
  ASSERT_TRUE(journal->shorten(0));
  ASSERT_TRUE(journal->done("open", "killed"));
  content = read();
  EXPECT_LT(content.responses.size(), count * 2 / 3);
  EXPECT_GT(content.responses.size(), count / 3);
  EXPECT_EQ(content.responses.back().begun.id, "open");
  EXPECT_EQ(content.responses.back().outcome, "killed");
  EXPECT_EQ((content.responses.end() - 2)->begun.id, std::to_string(count - 1));
}

TEST_F(JournalTest, IsNotWrittenAnewAgainWhileNothingMayGo) {
  JournalContent content;
  const auto journal = *Journal::open(path_, content);
  const std::size_t count = lengthen(*journal, false);
  const auto inode = [&] {
    struct stat file {};
    EXPECT_EQ(::stat(path_.c_str(), &file), 0);
    return file.st_ino;
  };
  const auto first = inode();
  ASSERT_TRUE(journal->shorten(1000));
  const auto second = inode();
  EXPECT_NE(first, second);
  ASSERT_TRUE(journal->begin(begun_of("open")));
  ASSERT_TRUE(journal->shorten(1000));
  EXPECT_EQ(inode(), second);
  EXPECT_EQ(read().responses.size(), count + 1);
}

TEST_F(JournalTest, BecomesShorterOfWhatIsOverAndOld) {
  JournalContent content;
  const auto journal = *Journal::open(path_, content);
  lengthen(*journal, true);
  ASSERT_TRUE(journal->begin(begun_of("open")));
  ASSERT_TRUE(journal->shorten(1000));
  content = read();
  ASSERT_EQ(content.responses.size(), 1U);
  EXPECT_EQ(content.responses[0].begun.id, "open");
}

}  // namespace
}  // namespace bailiff::sidecar
