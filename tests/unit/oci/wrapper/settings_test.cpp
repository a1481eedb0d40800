// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

TEST(LoadSettings, HaveDefaultsWhereTheDefaultFileIsAbsent) {
  const ScratchFolder folder;
  const Result<ServiceConfig> settings =
      load_settings(std::nullopt, folder / "bailiff.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  const HookPlan plan = hook_plan(*settings);
  EXPECT_EQ(plan.hook, "/usr/local/libexec/bailiff/bailiff-hook");
  EXPECT_EQ(plan.run_dir, "/run/bailiff");
  EXPECT_EQ(plan.state_dir, "/var/lib/bailiff");
  EXPECT_EQ(plan.bpf_dir, "/sys/fs/bpf/bailiff");
  EXPECT_EQ(plan.on_failure, OnError::kDeny);
  EXPECT_EQ(plan.timeout_seconds, 10U);
}

TEST(LoadSettings, RefuseAnAbsentFileThatWasAskedFor) {
  const ScratchFolder folder;
  EXPECT_FALSE(load_settings(folder / "none.yaml"));
}

TEST(LoadSettings, ReadTheFile) {
  const ScratchFolder folder;
  write_file(folder / "b.yaml", "run_dir: /srv/run\non_failure: allow\n");
  const Result<ServiceConfig> settings = load_settings(folder / "b.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(hook_plan(*settings).run_dir, "/srv/run");
  EXPECT_EQ(hook_plan(*settings).on_failure, OnError::kAllow);
}

TEST(LoadSettings, RefuseAFileThatOthersMayChange) {
  const ScratchFolder folder;
  write_file(folder / "b.yaml", "on_failure: allow\n");
  ASSERT_EQ(::chmod((folder / "b.yaml").c_str(), 0666), 0);
  EXPECT_EQ(load_settings(folder / "b.yaml").error().code, Code::kPermission);
  EXPECT_FALSE(load_settings(std::nullopt, folder / "b.yaml"));
}

TEST(LoadSettings, SayWhichLineIsWrong) {
  const ScratchFolder folder;
  write_file(folder / "b.yaml", "node: n\non_failure: maybe\n");
  const Result<ServiceConfig> settings = load_settings(folder / "b.yaml");
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message, HasSubstr(folder / "b.yaml" + ":2"));
  EXPECT_EQ(settings.error().message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace bailiff::oci
