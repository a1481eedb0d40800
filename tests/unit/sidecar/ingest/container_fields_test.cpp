// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/container_fields.h"

#include <gtest/gtest.h>

#include <string>

namespace bailiff::sidecar {
namespace {

class ContainerFieldsTest : public testing::Test {
 protected:
  ContainerFieldsTest() {
    record_.id = "0123456789abcdef";
    record_.time_ns = 5;
    record_.pid = 42;
    record_.args = {"/usr/local/bin/docker-entrypoint.sh", "serve", "-v"};
    record_.uid = 0;
    record_.gid = 7;
    container_.complete = true;
    container_.values["container.id"] = {std::string("0123456789ab")};
  }

  std::string text(FieldId field) const {
    const ContainerEventFields fields(record_, container_, 3);
    const std::vector<Value> values = fields.extract(field, "");
    return values.empty() ? "null" : to_string(values.front());
  }

  oci::ContainerRecord record_;
  Facts container_;
};

TEST_F(ContainerFieldsTest, TellsOfTheConfiguredProcess) {
  EXPECT_EQ(text(FieldId::kEvtType), "container");
  EXPECT_EQ(text(FieldId::kEvtNum), "3");
  EXPECT_EQ(text(FieldId::kEvtTime), "00:00:00.000000005");
  EXPECT_EQ(text(FieldId::kProcName), "docker-entrypoi");
  EXPECT_EQ(text(FieldId::kProcCmdline), "docker-entrypoi serve -v");
  EXPECT_EQ(text(FieldId::kProcArgs), "serve -v");
  EXPECT_EQ(text(FieldId::kProcExe), "/usr/local/bin/docker-entrypoint.sh");
  EXPECT_EQ(text(FieldId::kProcPid), "42");
  EXPECT_EQ(text(FieldId::kUserName), "root");
  EXPECT_EQ(text(FieldId::kUserLoginuid), "-1");
  EXPECT_EQ(text(FieldId::kGroupGid), "7");
}

TEST_F(ContainerFieldsTest, AMissingImageIsNull) {
  EXPECT_EQ(text(FieldId::kContainerId), "0123456789ab");
  EXPECT_EQ(text(FieldId::kContainerImageRepository), "null");
  EXPECT_EQ(text(FieldId::kContainerInfo), "");
}

TEST_F(ContainerFieldsTest, WithoutArgumentsThereIsNoProcessName) {
  record_.args.clear();
  EXPECT_EQ(text(FieldId::kProcName), "null");
  EXPECT_EQ(text(FieldId::kProcExe), "null");
  EXPECT_EQ(text(FieldId::kProcCmdline), "null");
}

TEST_F(ContainerFieldsTest, FollowsTheTableOfFields) {
  for (const Field& field : all_fields()) {
    if ((field.from & kFromContainer) != 0) continue;
    EXPECT_EQ(text(field.id) != "null", (field.from & kFromContainerEvent) != 0)
        << field.name;
  }
}

}  // namespace
}  // namespace bailiff::sidecar
