// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/bundle_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace bailiff::oci
