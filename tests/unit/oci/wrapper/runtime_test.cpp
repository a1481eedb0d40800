// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

void make_program(const std::string& path) {
  write_file(path, "#!/bin/sh\n");
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
}

TEST(FindRuntime, PrefersRuncInAnyFolderToCrun) {
  const ScratchFolder first;
  const ScratchFolder second;
  make_program(first / "crun");
  EXPECT_EQ(*find_runtime("", {first.path(), second.path()}), first / "crun");
  make_program(second / "runc");
  EXPECT_EQ(*find_runtime("", {first.path(), second.path()}), second / "runc");
}

TEST(FindRuntime, TakesTheOneThatIsConfigured) {
  const ScratchFolder folder;
  make_program(folder / "my-runtime");
  EXPECT_EQ(*find_runtime(folder / "my-runtime", {}), folder / "my-runtime");
  EXPECT_FALSE(find_runtime(folder / "none", {}));
  EXPECT_FALSE(find_runtime("runc", {}));
}

TEST(FindRuntime, RefusesItselfAndSearchesPastItself) {
  const ScratchFolder first;
  const ScratchFolder second;
  std::filesystem::create_symlink("/proc/self/exe", first / "runc");
  make_program(second / "runc");
  const Result<std::string> loop = find_runtime(first / "runc", {});
  ASSERT_FALSE(loop);
  EXPECT_THAT(loop.error().message, HasSubstr("itself"));
  EXPECT_EQ(*find_runtime("", {first.path(), second.path()}), second / "runc");
}

TEST(FindRuntime, RefusesOneThatOthersMayChange) {
  const ScratchFolder folder;
  make_program(folder / "runc");
  ASSERT_EQ(::chmod((folder / "runc").c_str(), 0777), 0);
  EXPECT_EQ(find_runtime(folder / "runc", {}).error().code, Code::kPermission);
  make_program(folder / "crun");
  // Not even when there is another to fall back to.
  EXPECT_FALSE(find_runtime("", {folder.path()}));
}

TEST(FindRuntime, PassesOverWhatCannotBeExecuted) {
  const ScratchFolder folder;
  write_file(folder / "runc", "");
  ASSERT_EQ(::chmod((folder / "runc").c_str(), 0644), 0);
  const Result<std::string> none = find_runtime("", {folder.path()});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_FALSE(find_runtime(folder / "runc", {}));
}

TEST(RunsHooksOnRestore, LooksAtTheNameBehindTheLinks) {
  const ScratchFolder folder;
  make_program(folder / "runc-1.1");
  make_program(folder / "crun");
  std::filesystem::create_symlink(folder / "crun", folder / "runc");
  EXPECT_TRUE(runs_hooks_on_restore(folder / "runc-1.1"));
  EXPECT_FALSE(runs_hooks_on_restore(folder / "crun"));
  EXPECT_FALSE(runs_hooks_on_restore(folder / "runc"));
}

TEST(Execute, SaysWhyItFailed) {
  const Error error = execute("/nonexistent/runc", {"state"});
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("'/nonexistent/runc'"));
}

}  // namespace
}  // namespace bailiff::oci
