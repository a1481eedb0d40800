// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/upper_layer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "oci/sys/files.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class UpperLayerTest : public testing::Test {
 protected:
  UpperLayerTest() {
    std::filesystem::create_directory(upper_);
    write_file(scratch_ / "secret", "of the host");
  }
  UpperLayer layer() const {
    return UpperLayer::of(
        UniqueFd(::open(upper_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  }
  static std::map<std::string, const UpperEntry*> by_path(
      const UpperLayer& layer) {
    std::map<std::string, const UpperEntry*> entries;
    for (const UpperEntry& entry : layer.entries()) {
      entries[entry.path] = &entry;
    }
    return entries;
  }
  static Pace in_time() { return {steady_clock::now(), milliseconds(60'000)}; }

  ScratchFolder scratch_;
  const std::string upper_ = scratch_ / "upper";
  MissingList missing_;
};

TEST_F(UpperLayerTest, ListsWhatIsThereByKind) {
  std::filesystem::create_directories(upper_ + "/etc/deep");
  write_file(upper_ + "/etc/deep/file", "content");
  ASSERT_EQ(::mknod((upper_ + "/gone").c_str(), S_IFCHR, makedev(0, 0)), 0);
  ASSERT_EQ(::mkfifo((upper_ + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/etc/shadow", (upper_ + "/link").c_str()), 0);
  UpperLayer layer = this->layer();
  layer.list(in_time(), missing_);
  const auto entries = by_path(layer);
  ASSERT_EQ(entries.size(), 6U);
  EXPECT_EQ(entries.at("etc")->kind, UpperEntry::Kind::kFolder);
  EXPECT_EQ(entries.at("etc/deep/file")->kind, UpperEntry::Kind::kFile);
  EXPECT_EQ(entries.at("etc/deep/file")->bytes, 7U);
  EXPECT_EQ(entries.at("gone")->kind, UpperEntry::Kind::kDeleted);
  EXPECT_EQ(entries.at("fifo")->kind, UpperEntry::Kind::kOther);
  EXPECT_EQ(entries.at("link")->kind, UpperEntry::Kind::kLink);
  EXPECT_EQ(entries.at("link")->target, "/etc/shadow");
  EXPECT_TRUE(missing_.empty());
}

TEST_F(UpperLayerTest, IsNotLedOutByLinks) {
  ASSERT_EQ(::symlink("..", (upper_ + "/up").c_str()), 0);
  ASSERT_EQ(::symlink("../secret", (upper_ + "/file").c_str()), 0);
  UpperLayer layer = this->layer();
  EXPECT_FALSE(layer.open("/up/secret"));
  EXPECT_FALSE(layer.open("/file"));
  EXPECT_FALSE(layer.open("/../secret"));
  EXPECT_FALSE(layer.open("/"));
  layer.list(in_time(), missing_);
  EXPECT_EQ(by_path(layer).size(), 2U);
}

// A FIFO that is opened waits for its other end, and a folder that became a
// link leads elsewhere.
TEST_F(UpperLayerTest, DoesNotTrustWhatItHasSeen) {
  write_file(upper_ + "/a", "x");
  std::filesystem::create_directory(upper_ + "/d");
  write_file(upper_ + "/d/secret", "x");
  UpperLayer layer = this->layer();
  const Pace late(steady_clock::now() - milliseconds(1), milliseconds(0));
  layer.list(late, missing_);  // holds nothing
  std::filesystem::remove(upper_ + "/a");
  ASSERT_EQ(::mkfifo((upper_ + "/a").c_str(), 0600), 0);
  std::filesystem::remove_all(upper_ + "/d");
  ASSERT_EQ(::symlink("..", (upper_ + "/d").c_str()), 0);
  const auto entries = by_path(layer);
  EXPECT_EQ(layer.open(*entries.at("a")).error().code, Code::kUnsupported);
  EXPECT_FALSE(layer.open(*entries.at("d/secret")));
}

TEST_F(UpperLayerTest, StillReadsAHeldFileThatWasRemoved) {
  write_file(upper_ + "/dropper", "evil");
  UpperLayer layer = this->layer();
  layer.list(in_time(), missing_);
  std::filesystem::remove_all(upper_);
  const Result<UniqueFd> file = layer.open(layer.entries()[0]);
  ASSERT_TRUE(file);
  EXPECT_EQ(*read_bounded(file->get(), "dropper", 100), "evil");
}

TEST_F(UpperLayerTest, EndsAtNamesOfAnyLengthAndDepth) {
  std::string path = upper_;
  for (int depth = 0; depth < 12; ++depth) {
    path += "/" + std::string(100, '\xff');
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  }
  UpperLayer layer = this->layer();
  layer.list(in_time(), missing_);
  EXPECT_EQ(layer.entries().size(), 10U);
  EXPECT_EQ(missing_.list().size(), 1U);
}

TEST(UpperFolder, IsReadFromTheMountTable) {
  const std::string table =
      "21 1 0:5 / /proc rw - proc proc rw\n"
      "30 1 0:41 / /m\\040x rw shared:1 - overlay overlay "
      "rw,lowerdir=/l,upperdir=/u\\040p\\054q,workdir=/w\n"
      "31 1 0:42 / /n rw - overlay overlay rw,lowerdir=/l\n"
      "32 1 0:43 / /o rw - overlay overlay rw,upperdir=rel/ative\n";
  EXPECT_EQ(upper_folder_of(table, makedev(0, 41)), "/u p,q");
  EXPECT_EQ(upper_folder_of(table, makedev(0, 42)), std::nullopt);
  EXPECT_EQ(upper_folder_of(table, makedev(0, 43)), std::nullopt);
  EXPECT_EQ(upper_folder_of(table, makedev(0, 5)), std::nullopt);
}

TEST_F(UpperLayerTest, IsOfAnOverlayOnly) {
  EXPECT_EQ(UpperLayer::find(upper_).error().code, Code::kUnsupported);
  EXPECT_EQ(UpperLayer::find(upper_ + "/none").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace bailiff::sidecar
