// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/archive_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "oci/sys/unique_fd.h"
#include "sidecar/evidence/sha256.h"
#include "tests/unit/oci/sys/scratch.h"
#include "tests/unit/sidecar/evidence/unpacked.h"

namespace bailiff::sidecar {
namespace {

class ArchiveWriterTest : public testing::Test {
 protected:
  ScratchFolder scratch_;
  const std::string path_ = scratch_ / "a.tar.zst";
  UniqueFd out_{::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  std::unique_ptr<ArchiveWriter> archive_ =
      *ArchiveWriter::create(out_.get(), 1);
};

TEST_F(ArchiveWriterTest, KeepsContentAndItsHash) {
  const std::string name = "deep/" + std::string(200, 'x') + "/file";
  ASSERT_TRUE(archive_->add("a", "hello"));
  ASSERT_TRUE(archive_->add(name, ""));
  const Result<ArchiveDigest> digest = archive_->finish();
  ASSERT_TRUE(digest);
  const auto members = unpacked(path_);
  EXPECT_EQ(members.at("a"), "hello");
  EXPECT_EQ(members.at(name), "");
  EXPECT_EQ(archive_->members()[0].sha256,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  const std::string bytes = read_file(path_);
  EXPECT_EQ(digest->bytes, bytes.size());
  EXPECT_EQ(digest->sha256, sha256_of(bytes));
}

TEST_F(ArchiveWriterTest, FillsWhatAFileLostMeanwhile) {
  write_file(scratch_ / "f", "abc");
  const UniqueFd file(::open((scratch_ / "f").c_str(), O_RDONLY | O_CLOEXEC));
  const auto copied = archive_->add_file("f", file.get(), 5);
  ASSERT_TRUE(copied);
  EXPECT_TRUE(copied->ended_early);
  ASSERT_TRUE(archive_->finish());
  const std::string content("abc\0\0", 5);
  EXPECT_EQ(unpacked(path_).at("f"), content);
  EXPECT_EQ(copied->member.sha256, sha256_of(content));
}

TEST_F(ArchiveWriterTest, TakesOnlyTheBeginningOfAFile) {
  write_file(scratch_ / "f", std::string(300'000, 'y'));
  const UniqueFd file(::open((scratch_ / "f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(archive_->add_file("f", file.get(), 200'000));
  ASSERT_TRUE(archive_->finish());
  EXPECT_EQ(unpacked(path_).at("f").size(), 200'000U);
}

TEST(ArchiveWriter, FailsWhenTheDiskIsFull) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  auto archive = *ArchiveWriter::create(full.get(), 1);
  Status added = archive->add("a", "hello");
  Result<ArchiveDigest> end = archive->finish();
  EXPECT_FALSE(added && end);
}

}  // namespace
}  // namespace bailiff::sidecar
