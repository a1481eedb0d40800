// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/container_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(ContainerFiles, MaskTheConfigurationsSecrets) {
  const std::string config = R"({
    "process": {"env": ["DB_PASSWORD=hunter2", "PATH=/bin"],
                "args": ["app", "--token", "hunter2"]},
    "annotations": {"api-key": "hunter2", "team": "shop"},
    "hooks": {"poststop": [{"path": "/h", "env": ["SECRET=hunter2"]}]},
    "unknown": [1]})";
  const json masked = json::parse(masked_config(config, Secrets::kMask));
  EXPECT_THAT(masked.dump(), testing::Not(HasSubstr("hunter2")));
  EXPECT_EQ(masked["process"]["env"][1], "PATH=/bin");
  EXPECT_EQ(masked["annotations"]["team"], "shop");
  EXPECT_EQ(masked["unknown"][0], 1);
  EXPECT_EQ(masked_config(config, Secrets::kKeep), config);
}

TEST(ContainerFiles, TakeNoOtherThanAnObjectForAConfiguration) {
  EXPECT_EQ(masked_config("[]", Secrets::kMask), "");
  EXPECT_EQ(masked_config("{", Secrets::kMask), "");
  EXPECT_EQ(masked_config(R"({"process": [], "hooks": 1, "annotations": ""})",
                          Secrets::kMask)
                .empty(),
            false);
  const std::string deep(100'000, '[');
  EXPECT_EQ(masked_config("{\"a\":" + deep, Secrets::kMask), "");
}

TEST(ContainerFiles, TellTheStateAsTheSpecificationHasIt) {
  oci::ContainerRecord record;
  record.id = "shop";
  record.pid = 42;
  record.bundle = "/b";
  const json state = json::parse(state_json(
      record, R"({"ociVersion": "1.1.0", "annotations": {"a": "b"}})", true));
  EXPECT_EQ(state, json::parse(R"({"ociVersion": "1.1.0", "id": "shop",
    "status": "running", "pid": 42, "bundle": "/b",
    "annotations": {"a": "b"}})"));
  EXPECT_EQ(json::parse(state_json(record, "", false))["status"], "stopped");
}

// Whoever owns the bundle may have put something else there.
TEST(ContainerFiles, DoNotWaitForAFifo) {
  const ScratchFolder scratch;
  ASSERT_EQ(::mkfifo((scratch / "config.json").c_str(), 0600), 0);
  oci::ContainerRecord record;
  record.bundle = scratch.path();
  MissingList missing;
  const ContainerFiles files = open_container_files(
      record,
      Pace(std::chrono::steady_clock::now(), std::chrono::milliseconds(1000)),
      missing);
  EXPECT_EQ(files.config, "");
  EXPECT_EQ(missing.list()[0].member, "oci/config.json");
  EXPECT_EQ(missing.list()[0].reason, "it is no regular file");
}

}  // namespace
}  // namespace bailiff::sidecar
