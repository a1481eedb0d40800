// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/record_folder.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <string>

#include "oci/sys/files.h"
#include "tests/harness/scratch_folder.h"

namespace bailiff::sidecar {
namespace {

class RecordFolderTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const Status written =
        write_atomically(folder_ / name, text, 0600, Durability::kProcess);
    ASSERT_TRUE(written) << written.error().message;
  }
  void write_record(const std::string& name, const std::string& id) {
    oci::ContainerRecord record;
    record.event = "start";
    record.id = id;
    record.cgroup_path = "/sys/fs/cgroup/x";
    record.cgroup_id = 5;
    record.facts.id = id;
    write(name, oci::to_json(record));
  }

  ScratchFolder folder_;
};

TEST_F(RecordFolderTest, ReadsRecordsInTheOrderOfTheirNames) {
  write_record("00000000000000000020-b.json", "b");
  write_record("00000000000000000003-a.json", "a");
  write("notes.txt", "not a record");
  write(".half.json", "{");
  Result<std::vector<RecordFile>> files = read_records(folder_.path());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U);
  ASSERT_TRUE((*files)[0].record) << (*files)[0].record.error().message;
  EXPECT_EQ((*files)[0].record->id, "a");
  EXPECT_EQ((*files)[1].record->id, "b");
}

TEST_F(RecordFolderTest, TellsWhichFileIsNoRecord) {
  write("1-x.json", "{");
  Result<std::vector<RecordFile>> files = read_records(folder_.path());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 1U);
  EXPECT_FALSE((*files)[0].record);
  EXPECT_EQ((*files)[0].path, folder_ / "1-x.json");
}

TEST_F(RecordFolderTest, AFolderThatIsNotThereIsEmpty) {
  Result<std::vector<RecordFile>> files = read_records(folder_ / "none");
  ASSERT_TRUE(files);
  EXPECT_TRUE(files->empty());
}

TEST_F(RecordFolderTest, WatchTellsOfANewFileOnce) {
  Result<FolderWatch> watch = FolderWatch::open(folder_.path());
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_FALSE(watch->drain());
  write_record("1-a.json", "a");
  pollfd event{.fd = watch->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&event, 1, 10'000), 1);
  EXPECT_TRUE(watch->drain());
  EXPECT_FALSE(watch->drain());
}

TEST_F(RecordFolderTest, WatchRefusesAFolderThatIsNotThere) {
  EXPECT_FALSE(FolderWatch::open(folder_ / "none"));
}

}  // namespace
}  // namespace bailiff::sidecar
