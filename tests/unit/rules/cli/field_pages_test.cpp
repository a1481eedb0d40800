// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/field_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace bailiff::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> field_names(std::string_view pattern) {
  std::vector<std::string> names;
  for (const Field& one : matching_fields(pattern)) {
    names.emplace_back(one.name);
  }
  return names;
}

std::string file(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(MatchingFields, BeginLikeThePattern) {
  EXPECT_THAT(field_names("fd.sip"), ElementsAre("fd.sip", "fd.sip.name"));
  EXPECT_EQ(field_names("").size(), all_fields().size());
  EXPECT_THAT(field_names("fd.sipp"), IsEmpty());
}

TEST(MatchingFields, MatchAGlobAsAWhole) {
  EXPECT_THAT(field_names("fd.?net"),
              ElementsAre("fd.cnet", "fd.snet", "fd.lnet", "fd.rnet"));
  EXPECT_THAT(field_names("*.uid"),
              ElementsAre("user.uid", "fd.uid", "k8s.pod.uid"));
}

TEST(MatchingEvents, BeginLikeThePattern) {
  const std::vector<EventType> found = matching_events("openat");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].name, "openat2");
}

TEST(FieldsText, HasALineForEach) {
  EXPECT_EQ(fields_text(matching_fields("evt.type.is")),
            "FIELD        ARGUMENT  TYPE    KNOWN TO  USE  DESCRIPTION\n"
            "evt.type.is  .EVENT    number  -         -    1 for events of the "
            "type behind it, else 0: evt.type.is.open\n");
  EXPECT_THAT(fields_text(matching_fields("fd.ip")),
              HasSubstr("address  kernel    conditions,no transformer,no right "
                        "side  address of either end\n"));
}

TEST(EventsText, NamesArgumentsAndWhatHasAnotherName) {
  EXPECT_EQ(events_text(matching_events("getuid")),
            "EVENT     CATEGORY  DESCRIPTOR  ARGUMENTS\n"
            "getuid    user      -           uid\n"
            "getuid32  user      -           those of getuid, as its events "
            "are called\n");
  EXPECT_THAT(events_text(matching_events("close")),
              HasSubstr("uses,destroys"));
}

TEST(FieldsJson, IsAnArrayOfWhatTheTableKnows) {
  const auto json = nlohmann::json::parse(fields_json(matching_fields("")));
  ASSERT_EQ(json.size(), all_fields().size());
  const auto port =
      nlohmann::json::parse(fields_json(matching_fields("fd.sport"))).at(0);
  EXPECT_EQ(port["type"], "port");
  EXPECT_EQ(port["falco_type"], "PORT");
  EXPECT_EQ(port["argument"], "none");
  EXPECT_EQ(port["from"].dump(),
            R"(["kernel_connect","service_connect","observed"])");
  EXPECT_EQ(port["deprecated"], false);
}

TEST(EventsJson, IsAnArrayOfWhatTheTableKnows) {
  const auto json = nlohmann::json::parse(events_json(matching_events("")));
  ASSERT_EQ(json.size(), all_event_types().size());
  const auto listen =
      nlohmann::json::parse(events_json(matching_events("listen"))).at(0);
  EXPECT_EQ(listen["arguments"][2].dump(),
            R"({"falco_type":"INT32","name":"backlog"})");
  EXPECT_EQ(listen["result"], true);
}

TEST(Pages, NameEverything) {
  for (const Field& one : all_fields()) {
    EXPECT_THAT(fields_page(), HasSubstr("`" + std::string(one.name) + "`"));
  }
  for (const EventType& one : all_event_types()) {
    EXPECT_THAT(events_page(), HasSubstr("`" + std::string(one.name) + "`"));
  }
}

TEST(Pages, AreCommittedAsTheyAre) {
  EXPECT_TRUE(file("rules/fields/FIELDS.md") == fields_page())
      << "run 'make docs'";
  EXPECT_TRUE(file("rules/fields/EVENTS.md") == events_page())
      << "run 'make docs'";
}

}  // namespace
}  // namespace bailiff::cli
