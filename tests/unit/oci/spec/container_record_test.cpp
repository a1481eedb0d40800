// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/container_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ContainerRecord record() {
  ContainerRecord record;
  record.event = "start";
  record.id = "c1";
  record.time_ns = 1'700'000'000'123'456'789;
  record.pid = 42;
  record.bundle = "/run/b \"x\"";
  record.runtime = "/usr/sbin/runc";
  record.runtime_root = "/run/runc";
  record.cgroup_path = "/sys/fs/cgroup/c1";
  record.cgroup_id = 77;
  record.netns = 78;
  record.policy = "aa";
  record.programs = {"p1", "p2"};
  record.facts.values = {{"container.id", std::string("c1")},
                         {"container.privileged", true},
                         {"n", std::int64_t{-5}},
                         {"m", std::vector<std::string>{"/a", "/b"}}};
  record.facts.id = "c1";
  record.facts.name = "web";
  record.facts.type = "podman";
  record.facts.image = "r/web:1";
  record.facts.pod = "web-0";
  record.facts.pod_uid = "u";
  record.facts.namespace_name = "shop";
  record.facts.labels = {{"a", "b"}};
  record.facts.pod_labels = {{"c", "d"}};
  record.facts.untold = {"container.image.id"};
  record.facts.sandbox = true;
  record.facts.pod_identity_trusted = true;
  record.args = {"httpd", "-f"};
  record.uid = 7;
  record.gid = 8;
  record.degraded = "no bpffs";
  return record;
}

TEST(ContainerRecord, IsReadAsItWasWritten) {
  const std::string json = to_json(record());
  const auto read = parse_container_record(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->event, "start");
  EXPECT_EQ(read->time_ns, record().time_ns);
  EXPECT_EQ(read->bundle, record().bundle);
  EXPECT_EQ(read->runtime, "/usr/sbin/runc");
  EXPECT_EQ(read->runtime_root, "/run/runc");
  EXPECT_EQ(read->facts.values, record().facts.values);
  EXPECT_EQ(read->facts.labels, record().facts.labels);
  EXPECT_TRUE(read->facts.pod_identity_trusted);
  // Nothing else is lost either.
  EXPECT_EQ(to_json(*read), json);
}

TEST(ContainerRecord, OfAStopNeedsLittle) {
  const auto read = parse_container_record(R"({"event":"stop","id":"c1"})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, "c1");
  EXPECT_EQ(read->pid, 0);
}

TEST(ContainerRecord, ToleratesBytesThatAreNotUtf8) {
  ContainerRecord odd = record();
  odd.bundle = "/run/\xff";
  EXPECT_TRUE(parse_container_record(to_json(odd)));
}

TEST(ContainerRecord, GetsEachProgramOnceBehindThoseItHas) {
  const Digest one{.bytes = {1}};
  const Digest two{.bytes = {2}};
  const Digest three{.bytes = {3}};
  ContainerRecord of;
  of.programs = {"other", two.hex()};
  EXPECT_TRUE(add_programs(of, {three, two, one, three}));
  EXPECT_THAT(of.programs,
              ElementsAre("other", two.hex(), three.hex(), one.hex()));
  EXPECT_FALSE(add_programs(of, {one, two}));
  EXPECT_FALSE(add_programs(of, {}));
  EXPECT_THAT(of.programs,
              ElementsAre("other", two.hex(), three.hex(), one.hex()));
  ContainerRecord none;
  EXPECT_FALSE(add_programs(none, {}));
  EXPECT_TRUE(add_programs(none, {one}));
  EXPECT_THAT(none.programs, ElementsAre(one.hex()));
}

TEST(ContainerRecord, NamesTheFieldThatIsWrong) {
  const struct {
    const char* json;
    const char* field;
  } cases[] = {
      {R"({"event":"begin","id":"c"})", "'event'"},
      {R"({"event":"stop"})", "'id'"},
      {R"({"event":"stop","id":"c","pid":"1"})", "'pid'"},
      {R"({"event":"stop","id":"c","time_ns":-1})", "'time_ns'"},
      {R"({"event":"stop","id":"c","args":[1]})", "'args[0]'"},
      {R"({"event":"stop","id":"c","facts":{"values":{"x":{}}}})",
       "'facts.values.x'"},
      {R"({"event":"stop","id":"c","facts":[]})", "'facts'"},
  };
  for (const auto& wrong : cases) {
    const auto read = parse_container_record(wrong.json);
    ASSERT_FALSE(read) << wrong.json;
    EXPECT_THAT(read.error().message, HasSubstr(wrong.field));
  }
}

TEST(ContainerRecord, RefusesWhatIsTruncated) {
  const std::string json = to_json(record());
  EXPECT_FALSE(parse_container_record(json.substr(0, json.size() - 1)));
  EXPECT_FALSE(parse_container_record(""));
}

}  // namespace
}  // namespace bailiff::oci
