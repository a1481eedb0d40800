// SPDX-License-Identifier: Apache-2.0
//
// With a runtime and a hook that are scripts.
#include "sidecar/cli/adopt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "oci/spec/container_record.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class AdoptTest : public testing::Test {
 protected:
  AdoptTest() {
    fs::create_directories(scratch_ / "run/containers");
    fs::create_directory(scratch_ / "bin");
    // A state is what a file of that name says.
    for (const char* runtime : {"runc", "crun", "other"}) {
      script(std::string("bin/") + runtime, "echo \"${0##*/} $4\" >>" +
                                                scratch_.path() +
                                                "/asked\ncat \"$2/$4/says\"\n");
    }
    script("hook", "cat >/dev/null\necho \"$1\" >>" + scratch_.path() +
                       "/hooked\necho \"$*\" >" + scratch_.path() +
                       "/arguments\n");
    write_file(scratch_ / "bailiff.yaml", "run_dir: " + scratch_.path() +
                                              "/run\nhook: " + scratch_.path() +
                                              "/hook\n");
    const char* path = ::getenv("PATH");
    path_ = path == nullptr ? "" : path;
    ::setenv("PATH", (scratch_ / "bin:" + path_).c_str(), 1);
  }
  ~AdoptTest() override { ::setenv("PATH", path_.c_str(), 1); }

  void script(const std::string& name, const std::string& text) const {
    write_file(scratch_ / name, "#!/bin/sh\n" + text);
    fs::permissions(scratch_ / name, fs::perms::owner_all);
  }
  // A container by the file that its runtime keeps.
  void container(const std::string& place, const std::string& file,
                 const std::string& status) const {
    const std::string folder = scratch_ / place;
    fs::create_directories(folder);
    write_file(folder + "/" + file, "{}");
    const std::string id = fs::path(place).filename();
    write_file(folder + "/says", R"({"ociVersion": "1.0.2", "id": ")" + id +
                                     R"(", "status": ")" + status +
                                     R"(", "pid": 1, "bundle": "/b"})");
  }
  void record(const std::string& id, const std::string& degraded) const {
    oci::ContainerRecord record;
    record.event = "start";
    record.id = id;
    record.degraded = degraded;
    write_file(scratch_ / ("run/containers/" + id + ".json"),
               oci::to_json(record));
  }

  int adopt(std::vector<std::string> ids,
            std::optional<std::string> runtime = std::nullopt) {
    return adopt_containers({.out = out_, .err = err_, .json = true},
                            {.ids = std::move(ids),
                             .roots = {scratch_ / "one", scratch_ / "two"},
                             .runtime = std::move(runtime),
                             .config = scratch_ / "bailiff.yaml"});
  }
  // Of those that something became of.
  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const auto& one : nlohmann::json::parse(out_.str())) {
      ids.push_back(one["id"]);
    }
    return ids;
  }
  std::string asked() const { return read_file(scratch_ / "asked"); }

  ScratchFolder scratch_;
  std::string path_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(AdoptTest, AsksTheRuntimeThatMadeTheContainer) {
  container("one/shop", "state.json", "running");
  container("two/cart", "status", "running");
  EXPECT_EQ(adopt({}), kExitOk) << err_.str();
  EXPECT_THAT(ids(), ElementsAre("shop", "cart"));
  EXPECT_EQ(asked(), "runc shop\ncrun cart\n");
  EXPECT_EQ(read_file(scratch_ / "hooked"), "adopt\nadopt\n");
}

TEST_F(AdoptTest, AsksTheRuntimeItIsTold) {
  container("one/shop", "state.json", "running");
  container("two/cart", "status", "running");
  EXPECT_EQ(adopt({}, "other"), kExitOk) << err_.str();
  EXPECT_EQ(asked(), "other shop\nother cart\n");
}

TEST_F(AdoptTest, TellsTheHookWhatRunsTheContainer) {
  container("one/shop", "state.json", "running");
  EXPECT_EQ(adopt({}, scratch_ / "bin/other"), kExitOk) << err_.str();
  EXPECT_THAT(
      read_file(scratch_ / "arguments"),
      HasSubstr("--runtime " + scratch_.path() + "/bin/other --runtime-root " +
                scratch_.path() + "/one\n"));
}

TEST_F(AdoptTest, TakesNoOtherFolderForAContainer) {
  fs::create_directories(scratch_ / "two/.cache/seccomp");
  fs::create_directories(scratch_ / "one/empty");
  EXPECT_EQ(adopt({}), kExitOk) << out_.str();
  EXPECT_THAT(ids(), ElementsAre());
}

TEST_F(AdoptTest, LeavesOutOfAllWhatNeedsNothing) {
  container("one/enforced", "state.json", "running");
  container("one/ended", "state.json", "stopped");
  container("one/made", "state.json", "created");
  container("one/shop", "state.json", "paused");
  record("enforced", "");
  EXPECT_EQ(adopt({}), kExitOk) << out_.str();
  EXPECT_THAT(ids(), ElementsAre("shop"));
}

TEST_F(AdoptTest, FailsForOneThatIsNamedAndDoesNotRun) {
  container("one/ended", "state.json", "stopped");
  EXPECT_EQ(adopt({"ended"}), kExitFailed);
  EXPECT_THAT(ids(), ElementsAre("ended"));
  EXPECT_THAT(out_.str(), HasSubstr("it is stopped, and does not run"));
}

TEST_F(AdoptTest, TriesOneThatRunsWithoutEnforcement) {
  container("one/open", "state.json", "running");
  record("open", "the policy cannot be read");
  script("hook", "cat >/dev/null\necho no >&2\nexit 1\n");
  EXPECT_EQ(adopt({}), kExitFailed);
  EXPECT_THAT(ids(), ElementsAre("open"));
}

TEST_F(AdoptTest, FailsForARuntimeThatDoesNotAnswer) {
  container("one/shop", "state.json", "running");
  script("bin/runc", "echo broken >&2\nexit 1\n");
  EXPECT_EQ(adopt({}), kExitFailed);
  EXPECT_THAT(out_.str(), HasSubstr("broken"));
}

TEST_F(AdoptTest, ChoosesByUniquePrefix) {
  container("one/abc1", "state.json", "running");
  container("one/abd2", "state.json", "running");
  EXPECT_EQ(adopt({"ab"}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("more than one container"));
  EXPECT_EQ(adopt({"abd"}), kExitOk);
  EXPECT_THAT(ids(), ElementsAre("abd2"));
}

}  // namespace
}  // namespace bailiff::sidecar
