// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/bundle_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/harness/scratch_folder.h"

namespace bailiff::oci {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

ContainerConfig rooted_at(const char* root_path) {
  ContainerConfig config;
  config.root_path = root_path;
  return config;
}

TEST(ReadManagerRecord, LeavesFactsUnknownWhenPodmanHasNone) {
  const auto record = read_manager_record(
      "/none/overlay-containers/c1/userdata", rooted_at("/none/o/l/m"), "c1");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_FALSE(*record);
}

TEST(ReadManagerRecord, RefusesToGoWithoutDockers) {
  const auto record =
      read_manager_record("/run/d/io.containerd.runtime.v2.task/moby/c1",
                          rooted_at("/none/overlay2/l/merged"), "c1");
  ASSERT_FALSE(record);
  EXPECT_THAT(record.error().message,
              HasSubstr("'/none/containers/c1/config.v2.json'"));
}

class ReadPodLabels : public testing::Test {
 protected:
  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::optional<std::map<std::string, std::string>> read() const {
    return read_pod_labels({folder_, config_});
  }
  // What the kubelet has written of the pod's labels.
  void write_volume(const std::string& text) {
    const fs::path pod = fs::path(root_ / "pods/u-1");
    config_.annotations["io.kubernetes.cri.sandbox-uid"] = "u-1";
    config_.mounts = {{"/etc/hosts", "bind", pod / "etc-hosts", {"rbind"}}};
    write(pod / "volumes/kubernetes.io~downward-api/bailiff-podinfo/labels",
          text);
  }

  ScratchFolder root_;
  std::string folder_;
  ContainerConfig config_;
};

TEST_F(ReadPodLabels, OfTheSandboxThatCriOMade) {
  folder_ = fs::path(root_ / "c1/userdata");
  config_.annotations = {{"io.kubernetes.cri-o.SandboxID", "s1"}};
  EXPECT_EQ(read(), std::nullopt);
  write(fs::path(root_ / "s1/userdata/config.json"),
        R"({"ociVersion":"1.0.2","annotations":{
            "io.kubernetes.cri-o.ContainerType":"sandbox",
            "io.kubernetes.cri-o.Labels":"{\"app\":\"web\"}"}})");
  EXPECT_THAT(read(), Optional(ElementsAre(Pair("app", "web"))));
  config_.annotations = {{"io.kubernetes.cri-o.SandboxID", "../s1"}};
  EXPECT_EQ(read(), std::nullopt);
}

TEST_F(ReadPodLabels, OfTheKubeletsVolume) {
  write_volume("app=\"web\"\nexample.com/tier=\"\"");
  EXPECT_THAT(read(), Optional(ElementsAre(Pair("app", "web"),
                                           Pair("example.com/tier", ""))));
}

TEST_F(ReadPodLabels, OfAVolumeWithoutThemNone) {
  write_volume("");
  EXPECT_THAT(read(), Optional(IsEmpty()));
}

TEST_F(ReadPodLabels, AreUntoldWhenTheVolumeHoldsSomethingElse) {
  for (const char* text : {"app", "app=web", "=\"web\"", "app=\"", "\n"}) {
    write_volume(text);
    EXPECT_EQ(read(), std::nullopt) << text;
  }
}

TEST_F(ReadPodLabels, OfNoPodAreNone) { EXPECT_EQ(read(), std::nullopt); }

}  // namespace
}  // namespace bailiff::oci
