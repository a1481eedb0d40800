// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat file = {};
  EXPECT_EQ(::stat(path.c_str(), &file), 0);
  return file.st_mode & 07777;
}

TEST(ReadBounded, GivesTheWholeFileUpToTheLimit) {
  const ScratchFolder folder;
  const std::string text(100000, 'x');
  write_file(folder / "f", text);
  EXPECT_EQ(*read_bounded(folder / "f", text.size()), text);
}

TEST(ReadBounded, RefusesOneByteMoreAndNamesTheFile) {
  const ScratchFolder folder;
  write_file(folder / "f", "12345");
  const Result<std::string> read = read_bounded(folder / "f", 4);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kExhausted);
  EXPECT_THAT(read.error().message, HasSubstr("/f'"));
}

TEST(ReadBounded, ReadsProcWhichHasNoSize) {
  EXPECT_THAT(*read_bounded("/proc/self/status", 1 << 16), HasSubstr("Name:"));
}

TEST(ReadBounded, ReadsAPipeToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  {
    const UniqueFd in(ends[1]);
    ASSERT_TRUE(write_all(in.get(), "pipe", "hello"));
  }
  EXPECT_EQ(*read_bounded(out.get(), "pipe", 10), "hello");
}

TEST(ReadBounded, SaysThatAFileIsMissing) {
  const Result<std::string> read = read_bounded("/nonexistent/f", 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kNotFound);
  EXPECT_EQ(read.error().sys_errno, ENOENT);
}

TEST(ReadBounded, ReadsWhatGrowsWhileItIsRead) {
  const ScratchFolder folder;
  write_file(folder / "f", "x");
  const UniqueFd fd(::open((folder / "f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd);
  const std::string text(100000, 'y');
  write_file(folder / "f", text);
  EXPECT_EQ(*read_bounded(fd.get(), "f", text.size()), text);
}

TEST(ReadStart, GivesTheFirstBytesAndLeavesTheRestToBeRead) {
  const ScratchFolder folder;
  write_file(folder / "f", "12345");
  const UniqueFd fd(::open((folder / "f").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(*read_start(fd.get(), "f", 2), "12");
  EXPECT_EQ(*read_start(fd.get(), "f", 9), "12345");
  EXPECT_EQ(*read_bounded(fd.get(), "f", 9), "12345");
}

TEST(WriteAtomically, ReplacesContentAndSetsModeAndOwner) {
  const ScratchFolder folder;
  write_file(folder / "f", "old");
  ASSERT_TRUE(write_atomically(folder / "f", "new", 0640,
                               Durability::kPowerLoss, FileOwner{1, 2}));
  EXPECT_EQ(read_file(folder / "f"), "new");
  struct stat file = {};
  ASSERT_EQ(::stat((folder / "f").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0640U);
  EXPECT_EQ(file.st_uid, 1U);
  EXPECT_EQ(file.st_gid, 2U);
  EXPECT_EQ(count_files(folder.path()), 1U);
}

TEST(WriteAtomically, DoesNotNarrowTheModeByTheUmask) {
  const ScratchFolder folder;
  const mode_t before = ::umask(077);
  ASSERT_TRUE(write_atomically(folder / "f", "x", 0644));
  ::umask(before);
  EXPECT_EQ(mode_of(folder / "f"), 0644U);
}

TEST(WriteAtomically, LeavesNothingBehindWhenItFails) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "f");
  write_file(folder / "f/inside", "x");  // a full folder cannot be replaced
  const Status written = write_atomically(folder / "f", "new", 0600);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("/f'"));
  EXPECT_EQ(count_files(folder.path()), 1U);
}

TEST(WriteAtomically, ReplacesALinkAndNotItsTarget) {
  const ScratchFolder folder;
  write_file(folder / "target", "kept");
  std::filesystem::create_symlink(folder / "target", folder / "link");
  ASSERT_TRUE(write_atomically(folder / "link", "new", 0600));
  EXPECT_EQ(read_file(folder / "target"), "kept");
  EXPECT_FALSE(std::filesystem::is_symlink(folder / "link"));
}

TEST(WriteAtomically, TakesTheLongestFileName) {
  const ScratchFolder folder;
  const std::string name(255, 'n');
  EXPECT_TRUE(write_atomically(folder / name, "x", 0600));
}

TEST(CheckTrusted, AcceptsWhatOnlyRootCanChange) {
  const ScratchFolder folder;
  write_file(folder / "f", "x");
  EXPECT_TRUE(check_trusted(folder / "f"));
  EXPECT_TRUE(check_trusted("/usr/bin/env"));
}

TEST(CheckTrusted, AcceptsWhatIsInAStickyFolder) {
  const ScratchFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 01777), 0);
  write_file(folder / "f", "x");
  EXPECT_TRUE(check_trusted(folder / "f"));
  // But the folder itself is one in which others may put files.
  EXPECT_FALSE(check_trusted(folder.path()));
}

TEST(CheckTrusted, NamesTheFileOthersMayWrite) {
  const ScratchFolder folder;
  for (const mode_t mode : {0620, 0602, 0666}) {
    write_file(folder / "f", "x");
    ASSERT_EQ(::chmod((folder / "f").c_str(), mode), 0);
    const Status checked = check_trusted(folder / "f");
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, Code::kPermission);
    EXPECT_THAT(checked.error().message, HasSubstr("'" + folder / "f" + "'"));
  }
}

TEST(CheckTrusted, NamesTheFolderAboveThatRootDoesNotOwn) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "a/b");
  write_file(folder / "a/b/f", "x");
  ASSERT_EQ(::chown((folder / "a").c_str(), 1234, 0), 0);
  const Status checked = check_trusted(folder / "a/b/f");
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message,
              HasSubstr("'" + folder / "a" + "' belongs to user 1234"));
}

TEST(CheckTrusted, LooksNoHigherThanTheRootGiven) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "a/b");
  write_file(folder / "a/b/f", "x");
  ASSERT_EQ(::chown((folder / "a").c_str(), 1234, 0), 0);
  EXPECT_TRUE(check_trusted(folder / "a/b/f", folder / "a/b"));
  EXPECT_FALSE(check_trusted(folder / "a/b/f", folder / "a"));
  EXPECT_FALSE(check_trusted(folder / "a/b/f", folder / "c"));
}

TEST(CheckTrusted, FollowsLinksAndChecksWhatTheyLeadTo) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "open");
  ASSERT_EQ(::chmod((folder / "open").c_str(), 0777), 0);
  write_file(folder / "open/f", "x");
  std::filesystem::create_symlink("open/f", folder / "link");
  const Status checked = check_trusted(folder / "link");
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("/open'"));
  std::filesystem::create_symlink(folder / "open/f", folder / "absolute");
  EXPECT_FALSE(check_trusted(folder / "absolute", folder.path()));
}

TEST(CheckTrusted, ChecksTheFoldersThatDotDotLeavesAgain) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "open");
  ASSERT_EQ(::chmod((folder / "open").c_str(), 0777), 0);
  write_file(folder / "f", "x");
  EXPECT_FALSE(check_trusted(folder / "open/../f"));
}

TEST(CheckTrusted, RefusesALoopOfLinks) {
  const ScratchFolder folder;
  std::filesystem::create_symlink("b", folder / "a");
  std::filesystem::create_symlink("a", folder / "b");
  const Status checked = check_trusted(folder / "a");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().sys_errno, ELOOP);
}

TEST(CheckTrusted, RefusesRelativeAndMissingPaths) {
  EXPECT_FALSE(check_trusted("etc/passwd"));
  EXPECT_FALSE(check_trusted(""));
  EXPECT_EQ(check_trusted("/nonexistent/f").error().code, Code::kNotFound);
}

TEST(FileLock, KeepsASecondOwnerOutUntilReleased) {
  const ScratchFolder folder;
  {
    const Result<FileLock> lock = FileLock::acquire(folder / "lock");
    ASSERT_TRUE(lock);
    const auto second = FileLock::try_acquire(folder / "lock");
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->has_value());
  }
  const auto third = FileLock::try_acquire(folder / "lock");
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->has_value());
}

}  // namespace
}  // namespace bailiff
