// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/manager_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

TEST(RecordPlace, IsBesideThePodmanBundle) {
  EXPECT_EQ(record_place("/var/lib/containers/storage/overlay-containers/c1/"
                         "userdata",
                         "c1", "/r/a/b/merged"),
            (RecordPlace{"/var/lib/containers/storage/overlay-containers/"
                         "containers.json",
                         RecordFormat::kContainersStorage}));
}

TEST(RecordPlace, IsInDockersFolder) {
  struct Case {
    const char* root_path;
    const char* folder;
  };
  for (const auto& [root_path, folder] :
       {Case{"/var/lib/docker/overlay2/l1/merged", "/var/lib/docker"},
        Case{"/srv/d/vfs/dir/l1", "/srv/d"},
        Case{"/srv/d/1000.1000/overlay2/l1/merged", "/srv/d/1000.1000"},
        Case{"/d/devicemapper/mnt/l1/rootfs", "/d"},
        Case{"/d/rootfs/overlayfs/c1", "/d"}, Case{"/a/b/c", "/var/lib/docker"},
        Case{"rootfs", "/var/lib/docker"}, Case{"", "/var/lib/docker"}}) {
    EXPECT_EQ(
        record_place("/run/containerd/io.containerd.runtime.v2.task/moby/c1",
                     "c1", root_path),
        (RecordPlace{std::string(folder) + "/containers/c1/config.v2.json",
                     RecordFormat::kDocker}))
        << root_path;
  }
}

TEST(RecordPlace, IsNowhereForOthers) {
  EXPECT_FALSE(record_place("", "c1", ""));
  EXPECT_FALSE(record_place("/srv/bundle", "c1", ""));
  EXPECT_FALSE(
      record_place("/run/containerd/io.containerd.runtime.v2.task/k8s.io/c1",
                   "c1", "/a/b/c/d"));
  EXPECT_FALSE(record_place("/s/overlay-containers/c2/userdata", "c1", ""));
}

TEST(ParseRecord, FindsTheContainerInContainersStorage) {
  const auto record = parse_record(
      RecordFormat::kContainersStorage,
      R"([{"id":"c0"},{"id":"c1","names":["old"],"image":"abc","layer":"l",)"
      R"("metadata":"{\"image-name\":\"docker.io/library/busybox:latest\",)"
      R"(\"name\":\"shop\"}"}])",
      "c1", "r");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->name, "shop");
  EXPECT_EQ(record->image, "docker.io/library/busybox:latest");
  EXPECT_EQ(record->image_id, "abc");
}

TEST(ParseRecord, DoesWithoutMetadata) {
  const auto record =
      parse_record(RecordFormat::kContainersStorage,
                   R"([{"id":"c1","names":["shop"]}])", "c1", "r");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->name, "shop");
  EXPECT_EQ(record->image, "");
}

TEST(ParseRecord, ReadsThatOfDocker) {
  const auto record =
      parse_record(RecordFormat::kDocker,
                   R"({"ID":"c1","Name":"/shop","Image":"sha256:abc",)"
                   R"("Config":{"Image":"web:1","Labels":{"app":"web"}}})",
                   "c1", "r");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->name, "shop");
  EXPECT_EQ(record->image, "web:1");
  EXPECT_EQ(record->labels.at("app"), "web");
}

TEST(ParseRecord, OfAnUnknownContainerIsNotFound) {
  EXPECT_EQ(parse_record(RecordFormat::kContainersStorage, "[]", "c1", "r")
                .error()
                .code,
            Code::kNotFound);
  EXPECT_EQ(parse_record(RecordFormat::kDocker, R"({"ID":"c2"})", "c1", "r")
                .error()
                .code,
            Code::kNotFound);
}

TEST(ParseRecord, NamesTheFieldThatIsWrong) {
  const auto record =
      parse_record(RecordFormat::kContainersStorage,
                   R"([{"id":"c1","names":"shop"}])", "c1", "'r.json'");
  ASSERT_FALSE(record);
  EXPECT_THAT(record.error().message, HasSubstr("'containers[0].names'"));
}

}  // namespace
}  // namespace bailiff::oci
