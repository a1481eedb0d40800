// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/harness/scratch_folder.h"

namespace bailiff::cli {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_ / name; }
  std::size_t entries() const {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_.path())) {
      count += entry.exists() ? 1 : 0;
    }
    return count;
  }

  ScratchFolder folder_;
};

TEST_F(FilesTest, WritesAndReadsBack) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(write_file(path("f"), bytes));
  const auto text = read_file(path("f"), 4);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, bytes);
  struct stat status {};
  ASSERT_EQ(stat(path("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
}

TEST_F(FilesTest, ReplacesTheOldFileAndLeavesNothingElse) {
  ASSERT_TRUE(write_file(path("f"), "old"));
  ASSERT_TRUE(write_file(path("f"), "new"));
  EXPECT_EQ(*read_file(path("f"), 10), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FilesTest, RefusesToReplaceWhatIsNoFile) {
  const Status status = write_file(folder_.path(), "x");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "'" + folder_.path() + "' is not a regular file");
  EXPECT_FALSE(write_file("/dev/null", "x"));
}

TEST_F(FilesTest, LeavesNothingWhenItFails) {
  EXPECT_FALSE(write_file(path("no/such/folder"), "x"));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(FilesTest, BoundsWhatItReads) {
  ASSERT_TRUE(write_file(path("f"), "12345"));
  const auto text = read_file(path("f"), 4);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kExhausted);
}

TEST_F(FilesTest, SaysWhichFileIsMissing) {
  const auto text = read_file(path("f"), 4);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kNotFound);
  EXPECT_NE(text.error().message.find(path("f")), std::string::npos);
}

TEST_F(FilesTest, TakesTheYamlFilesOfAFolderByName) {
  for (const char* name : {"b.yaml", "a.yml", "c.txt", "d"}) {
    std::ofstream(path(name)) << "x";
  }
  EXPECT_EQ(*rule_paths(folder_.path()),
            (std::vector<std::string>{path("a.yml"), path("b.yaml")}));
  EXPECT_EQ(*rule_paths(path("c.txt")),
            std::vector<std::string>{path("c.txt")});
}

}  // namespace
}  // namespace bailiff::cli
