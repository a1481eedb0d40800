// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

HookPlan plan() {
  return HookPlan{
      .hook = "/h", .run_dir = "/r", .state_dir = "/s", .bpf_dir = "/b"};
}

TEST(InjectIntoFile, RewritesWithTheSameModeAndOwner) {
  const ScratchFolder bundle;
  const std::string path = bundle / "config.json";
  write_file(path, R"({"process":{"args":["sh"]}})");
  ASSERT_EQ(::chown(path.c_str(), 12, 34), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const Result<Injection> done = inject_into_file(path, plan());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(read_file(path), HasSubstr("bailiff-hook"));
  struct stat file = {};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, 12U);
  EXPECT_EQ(file.st_gid, 34U);
  EXPECT_EQ(file.st_mode & 07777, 0640U);
  EXPECT_EQ(count_files(bundle.path()), 1U);
}

TEST(InjectIntoFile, DoesNotWriteWhatNeedsNoChange) {
  const ScratchFolder bundle;
  const std::string path = bundle / "config.json";
  write_file(path, "{}");
  ASSERT_TRUE(inject_into_file(path, plan()));
  struct stat before = {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  EXPECT_FALSE(inject_into_file(path, plan())->changed);
  struct stat after = {};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST(InjectIntoFile, LeavesABrokenFileAsItIs) {
  const ScratchFolder bundle;
  const std::string path = bundle / "config.json";
  write_file(path, R"({"process":{"args":["sh")");
  const Result<Injection> done = inject_into_file(path, plan());
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("'" + path + "' ends early"));
  EXPECT_EQ(read_file(path), R"({"process":{"args":["sh")");
  EXPECT_EQ(count_files(bundle.path()), 1U);
}

TEST(InjectIntoFile, DoesNotWaitForAFifo) {
  const ScratchFolder bundle;
  const std::string path = bundle / "config.json";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(inject_into_file(path, plan()));
}

TEST(InjectIntoFile, SaysThatThereIsNone) {
  const Result<Injection> done = inject_into_file("/nonexistent/c", plan());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace bailiff::oci
