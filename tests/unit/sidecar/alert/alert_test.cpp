// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/alert.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include <nlohmann/json.hpp>

namespace bailiff::sidecar {
namespace {

Alert example() {
  Alert alert;
  alert.uuid = "3d5c0d3e-1f0a-4c58-9f3e-0b8f6a3f2d11";
  alert.hostname = "node-1";
  alert.time_ns = 1566230400020000000;
  alert.priority = Priority::kWarning;
  alert.rule = "Outbound to IoC";
  alert.source = "syscall";
  alert.tags = {"network", "mitre_command_and_control"};
  alert.message = "Outbound IoC | pname=<NA>";
  alert.output_fields = {
      {"evt.time", std::int64_t(1566230400020000000)},
      {"fd.sip", *parse_address("5.255.97.172")},
      {"fd.snet", *parse_network("5.255.96.0/20")},
      {"fd.is_server", false},
      {"proc.pname", Null{}},
      {"fd.l4proto", std::string("tcp")},
      {"fd.types", std::vector<Value>{"file", "pipe"}},
  };
  alert.policy = "Block";
  alert.mode = "enforce";
  alert.enforcement = "kernel";
  alert.hook = "connect";
  alert.verdict = "denied";
  alert.response = "kill";
  alert.outcome = "killed";
  alert.latency_us = 412;
  alert.connections_cut = 2;
  alert.response_id = "7a1c";
  alert.container = {.id = "c0ffee", .name = "shop", .image = "shop:1"};
  return alert;
}

TEST(AlertJson, IsFalcosAlertWithOurs) {
  EXPECT_EQ(
      to_json(example()),
      R"({"bailiff":{"caused_by":null,"connections_cut":2,)"
      R"("container":{"id":"c0ffee","image":"shop:1",)"
      R"("name":"shop","namespace":null,"pod":null,"pod_trusted":null},"enforcement":"kernel",)"
      R"("evidence":null,"hook":"connect","latency_us":412,"mode":"enforce",)"
      R"("outcome":"killed","policy":"Block","replaces":null,)"
      R"("response":"kill","response_id":"7a1c","verdict":"denied"},"hostname":"node-1",)"
      R"("output":"16:00:00.020000000: Warning Outbound IoC | pname=<NA>",)"
      R"("output_fields":{"evt.time":1566230400020000000,)"
      R"("fd.is_server":false,"fd.l4proto":"tcp","fd.sip":"5.255.97.172",)"
      R"("fd.snet":"5.255.96.0/20","fd.types":["file","pipe"],)"
      R"("proc.pname":null},)"
      R"("priority":"Warning","rule":"Outbound to IoC","source":"syscall",)"
      R"("tags":["mitre_command_and_control","network"],)"
      R"("time":"2019-08-19T16:00:00.020000000Z",)"
      R"("uuid":"3d5c0d3e-1f0a-4c58-9f3e-0b8f6a3f2d11"})");
}

TEST(AlertJson, WritesNullForAnEventNoPolicyNames) {
  Alert alert = example();
  alert.policy.clear();
  const auto json = nlohmann::json::parse(to_json(alert));
  EXPECT_TRUE(json["bailiff"]["policy"].is_null());
}

TEST(AlertJson, ReplacesBytesThatAreNotUtf8) {
  Alert alert = example();
  alert.message = "comm=\xff\xfe";
  alert.output_fields = {{"proc.name", std::string("a\xc3")}};
  const auto json = nlohmann::json::parse(to_json(alert));
  EXPECT_EQ(json["output"],
            "16:00:00.020000000: Warning comm=\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(json["output_fields"]["proc.name"], "a\xef\xbf\xbd");
}

TEST(AlertJson, IsOneLineWhateverTheStringsHold) {
  Alert alert = example();
  alert.message = std::string("a\nb\r\0c", 6);
  const std::string json = to_json(alert);
  EXPECT_EQ(json.find_first_of("\n\r"), std::string::npos);
  EXPECT_EQ(json.find('\0'), std::string::npos);
}

constexpr char kFalco[] = R"({"hostname":"node-1",
  "output":"16:00:00.020000000: Warning Outbound IoC | name=x: Warning y",
  "output_fields":{"container.id":"3ad7b26ded6d","evt.rawres":-115,
    "evt.time":1566230400020000000,"fd.is_server":false,"proc.pname":null,
    "fd.big":18446744073709551615,"a.list":["b",1],"a.nest":[["b"],1],"a.double":0.5},
  "priority":"Warning","rule":"Outbound to IoC","source":"syscall",
  "tags":["network"],"time":"2019-08-19T16:00:00.020000000Z","x":1})";

TEST(FalcoViolation, ReadsFalcosBody) {
  const auto read = parse_falco_violation(kFalco);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->time_ns, 1566230400020000000u);
  EXPECT_EQ(read->priority, Priority::kWarning);
  EXPECT_EQ(read->rule, "Outbound to IoC");
  EXPECT_EQ(read->source, "syscall");
  EXPECT_EQ(read->tags, std::vector<std::string>{"network"});
  EXPECT_EQ(read->hostname, "node-1");
  EXPECT_EQ(read->container_id, "3ad7b26ded6d");
}

TEST(FalcoViolation, TakesTheTimeAndPriorityOffTheOutput) {
  EXPECT_EQ(parse_falco_violation(kFalco)->output,
            "Outbound IoC | name=x: Warning y");
}

TEST(FalcoViolation, TakesAnIsoTimeOffTheOutput) {
  auto json = nlohmann::json::parse(kFalco);
  json["output"] = "2019-08-19T16:00:00.020000000+0000: Warning hello";
  EXPECT_EQ(parse_falco_violation(json.dump())->output, "hello");
}

TEST(FalcoViolation, KeepsAnOutputWithoutPrefix) {
  auto json = nlohmann::json::parse(kFalco);
  for (const char* output : {"plain", "who: Warning signs", ": Warning x"}) {
    json["output"] = output;
    EXPECT_EQ(parse_falco_violation(json.dump())->output, output);
  }
}

TEST(FalcoViolation, KeepsTheTypesOfFields) {
  const auto read = parse_falco_violation(kFalco);
  ASSERT_TRUE(read);
  const std::map<std::string, OutputValue> fields(read->output_fields.begin(),
                                                  read->output_fields.end());
  EXPECT_EQ(fields.at("evt.rawres"), OutputValue(std::int64_t(-115)));
  EXPECT_EQ(fields.at("fd.is_server"), OutputValue(false));
  EXPECT_EQ(fields.at("proc.pname"), OutputValue(Null{}));
  EXPECT_EQ(fields.at("fd.big"), OutputValue(UINT64_MAX));
  EXPECT_EQ(fields.at("a.list"),
            OutputValue(std::vector<Value>{"b", std::int64_t{1}}));
  EXPECT_EQ(fields.at("a.nest"), OutputValue(std::string(R"([["b"],1])")));
  EXPECT_EQ(fields.at("a.double"), OutputValue(0.5));
}

TEST(FalcoViolation, NamesTheMissingField) {
  for (const char* name :
       {"rule", "priority", "output", "time", "output_fields"}) {
    auto json = nlohmann::json::parse(kFalco);
    json.erase(name);
    const auto read = parse_falco_violation(json.dump());
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().code, Code::kInvalidArgument);
    EXPECT_EQ(read.error().message,
              "field '" + std::string(name) + "': is required");
  }
}

struct BadField {
  const char* name;
  const char* value;
  const char* message;
};

class FalcoViolationBadField : public testing::TestWithParam<BadField> {};

TEST_P(FalcoViolationBadField, IsNamed) {
  auto json = nlohmann::json::parse(kFalco);
  json[nlohmann::json::json_pointer(GetParam().name)] =
      nlohmann::json::parse(GetParam().value);
  const auto read = parse_falco_violation(json.dump());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, FalcoViolationBadField,
    testing::Values(
        BadField{"/rule", "5", "field 'rule': must be a string"},
        BadField{"/rule", "\"\"", "field 'rule': must not be empty"},
        BadField{"/priority", "\"Loud\"",
                 "field 'priority': 'Loud' is not a Falco priority"},
        BadField{"/time", "\"yesterday\"",
                 "field 'time': 'yesterday' is not an RFC 3339 time"},
        BadField{"/time", "1566230400", "field 'time': must be a string"},
        BadField{"/tags", "\"a\"", "field 'tags': must be a list"},
        BadField{"/tags", "[1]", "field 'tags': must hold strings only"},
        BadField{"/source", "1", "field 'source': must be a string"},
        BadField{"/output_fields", "[]",
                 "field 'output_fields': must be an object"},
        BadField{"/output_fields/container.id", "7",
                 "field 'output_fields.container.id': must be a string"}));

TEST(FalcoViolation, RefusesWhatIsNoObject) {
  EXPECT_EQ(parse_falco_violation("").error().message, "the body is not JSON");
  EXPECT_EQ(parse_falco_violation("{").error().message, "the body is not JSON");
  EXPECT_EQ(parse_falco_violation("[]").error().message,
            "the body is not a JSON object");
}

TEST(FalcoViolation, RefusesDeepNesting) {
  const std::string deep = R"({"output_fields":)" + std::string(200000, '[') +
                           std::string(200000, ']') + "}";
  EXPECT_EQ(parse_falco_violation(deep).error().message,
            "the body is nested deeper than 16 levels");
}

TEST(Uuid, IsVersionFourAndNeverTheSame) {
  const std::regex form(
      "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = new_uuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    EXPECT_TRUE(seen.insert(uuid).second) << uuid;
  }
}

}  // namespace
}  // namespace bailiff::sidecar
