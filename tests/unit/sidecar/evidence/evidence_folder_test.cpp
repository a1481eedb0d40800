// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/evidence_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <time.h>
#include <utime.h>

#include <filesystem>
#include <string>

#include "oci/sys/files.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using testing::ElementsAre;
using testing::IsEmpty;

class EvidenceFolderTest : public testing::Test {
 protected:
  std::unique_ptr<EvidenceFolder> open(const Retention& retention = {}) {
    return *EvidenceFolder::open(scratch_.path(), retention);
  }
  // A capture of so many bytes, so many hours old.
  std::string put(EvidenceFolder& folder, const std::string& id,
                  std::size_t bytes, int age = 0) {
    const UniqueFd file = *folder.begin(id);
    EXPECT_TRUE(write_all(file.get(), "a", std::string(bytes, 'x')));
    EXPECT_TRUE(folder.commit(id, file.get(), "{\"m\":1}", "{\"s\":1}"));
    const utimbuf times{.modtime = ::time(nullptr) - age * 3600};
    ::utime(path(id + "/capture.tar.zst").c_str(), &times);
    return id;
  }
  static Result<int> retain(EvidenceFolder& folder) {
    return folder.retain(system_clock::now(), steady_clock::now());
  }
  std::string path(const std::string& name) const {
    return scratch_ / ("evidence/" + name);
  }
  static std::string id(int number) {
    return "2026010" + std::to_string(number) + "T000000-0123abcd";
  }

  ScratchFolder scratch_;
};

TEST_F(EvidenceFolderTest, KeepsWhatIsCommittedForRootOnly) {
  const auto folder = open();
  put(*folder, id(1), 10);
  EXPECT_EQ(*folder->summary(id(1)), "{\"s\":1}");
  EXPECT_EQ(*folder->manifest(id(1)), "{\"m\":1}");
  EXPECT_TRUE(folder->archive(id(1)));
  EXPECT_THAT(*folder->summaries(), ElementsAre("{\"s\":1}"));
  struct stat entry {};
  for (const char* name :
       {"", "/capture.tar.zst", "/manifest.json", "/summary.json"}) {
    ASSERT_EQ(::stat(path(id(1) + name).c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777, S_ISDIR(entry.st_mode) ? 0700U : 0600U);
  }
  ASSERT_EQ(::stat(path("").c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777, 0700U);
}

TEST_F(EvidenceFolderTest, TakesWhatACrashLeftForNothing) {
  {
    const auto folder = open();
    const UniqueFd file = *folder->begin(id(1));
    EXPECT_TRUE(write_all(file.get(), "a", "half"));
    EXPECT_THAT(*folder->summaries(), IsEmpty());
    EXPECT_FALSE(folder->archive(id(1)));
  }
  const auto folder = open();
  EXPECT_TRUE(std::filesystem::is_empty(path("")));
  EXPECT_THAT(*folder->summaries(), IsEmpty());
}

TEST_F(EvidenceFolderTest, LeavesNothingOfWhatIsAbandoned) {
  const auto folder = open();
  const UniqueFd file = *folder->begin(id(1));
  folder->abandon(id(1));
  EXPECT_TRUE(std::filesystem::is_empty(path("")));
}

TEST_F(EvidenceFolderTest, IsNotLedElsewhereByAnId) {
  const auto folder = open();
  write_file(scratch_ / "summary.json", "secret");
  for (const std::string bad :
       {"..", ".", "", "/etc", "../..", "20260101T000000-0123abc/",
        "partial-20260101T000000-"}) {
    EXPECT_EQ(folder->summary(bad).error().code, Code::kNotFound) << bad;
    EXPECT_EQ(folder->archive(bad).error().code, Code::kNotFound) << bad;
  }
}

TEST_F(EvidenceFolderTest, RemovesWhatIsTooOld) {
  const auto folder = open({.keep_for = hours(24)});
  put(*folder, id(1), 10, 25);
  put(*folder, id(2), 10, 17);
  const auto now = system_clock::now();
  const steady_clock::time_point steady{hours(1)};
  EXPECT_EQ(*folder->retain(now, steady), 0);
  EXPECT_EQ(*folder->retain(now + hours(5), steady + hours(5)), 0);
  EXPECT_EQ(*folder->retain(now + hours(6), steady + hours(6)), 1);
  EXPECT_FALSE(folder->summary(id(1)));
  EXPECT_TRUE(folder->summary(id(2)));
  EXPECT_EQ(count_files(path("")), 1U);
}

TEST_F(EvidenceFolderTest, AClockThatIsSetMakesNothingOlder) {
  const auto folder = open({.keep_for = hours(24)});
  put(*folder, id(1), 10, 1);
  put(*folder, id(2), 10, -50'000);  // when the clock was ahead
  const auto now = system_clock::now();
  const steady_clock::time_point steady{hours(1)};
  EXPECT_EQ(*folder->retain(now, steady), 0);
  const auto ahead = hours(60'000);
  EXPECT_EQ(*folder->retain(now + ahead, steady + hours(22)), 0);
  const auto later = hours(23) + seconds(90);
  EXPECT_EQ(*folder->retain(now + ahead, steady + later), 1);
  EXPECT_FALSE(folder->summary(id(1)));
  EXPECT_EQ(*folder->retain(now + ahead, steady + hours(25)), 1);
  // And one that was ahead at first, and is set right.
  put(*folder, id(3), 10, 1);
  EXPECT_EQ(*folder->retain(now + ahead, steady), 0);
  EXPECT_EQ(*folder->retain(now + hours(7), steady + hours(7)), 0);
  EXPECT_TRUE(folder->summary(id(3)));
}

TEST_F(EvidenceFolderTest, RemovesTheOldestWhileAllAreTooLarge) {
  const auto folder = open({.keep_bytes = 100});
  put(*folder, id(1), 40);
  put(*folder, id(2), 40);
  put(*folder, id(3), 40);
  EXPECT_EQ(*retain(*folder), 1);
  EXPECT_FALSE(folder->summary(id(1)));
  EXPECT_TRUE(folder->summary(id(2)));
  // The newest stays, however large.
  put(*folder, id(4), 400);
  EXPECT_EQ(*retain(*folder), 2);
  EXPECT_TRUE(folder->summary(id(4)));
}

TEST_F(EvidenceFolderTest, TakesWhatIsDatedLaterThanNowForTheOldest) {
  const auto folder = open({.keep_bytes = 50});
  put(*folder, id(1), 40, -1);
  put(*folder, id(2), 40);
  EXPECT_EQ(*retain(*folder), 1);
  EXPECT_FALSE(folder->summary(id(1)));
  EXPECT_TRUE(folder->summary(id(2)));
}

// Two of one second have any order of names.
TEST_F(EvidenceFolderTest, KnowsTheNewestByWhenItWasWritten) {
  const auto folder = open({.keep_bytes = 1});
  put(*folder, "20260101T000000-ffffffff", 10, 1);
  put(*folder, "20260101T000000-00000000", 10, 0);
  EXPECT_EQ(*retain(*folder), 1);
  EXPECT_TRUE(folder->summary("20260101T000000-00000000"));
}

TEST_F(EvidenceFolderTest, NamesCapturesByTheirTime) {
  const std::string name = EvidenceFolder::new_id(1'767'225'600'000'000'000);
  EXPECT_EQ(name.substr(0, 16), "20260101T000000-");
  EXPECT_EQ(name.size(), 24U);
}

TEST_F(EvidenceFolderTest, RefusesAFolderThatOthersMayChange) {
  ASSERT_EQ(::mkdir(path("").c_str(), 0777), 0);
  ::chmod(path("").c_str(), 0777);
  EXPECT_EQ(EvidenceFolder::open(scratch_.path(), {}).error().code,
            Code::kPermission);
}

TEST_F(EvidenceFolderTest, RemovesTheImagesOfACheckpoint) {
  const auto folder = open();
  const Result<std::string> images = folder->begin_checkpoint("a");
  ASSERT_TRUE(images) << images.error().message;
  write_file(*images + "/pages-1.img", "memory");
  folder->end_checkpoint("a");
  EXPECT_FALSE(std::filesystem::exists(*images));
  folder->end_checkpoint("a");
  // What a crash left, too.
  write_file(*folder->begin_checkpoint("b") + "/core-1.img", "registers");
  open();
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "evidence"));
}

}  // namespace
}  // namespace bailiff::sidecar
