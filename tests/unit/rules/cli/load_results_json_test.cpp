// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/cli/load_files.h"

namespace bailiff::cli {
namespace {

using nlohmann::json;

// The results of one file named f.yaml.
json results_of(const std::string& text) {
  LoadInput input;
  input.files.push_back({.name = "f.yaml", .text = text});
  const std::string line = load_results_json(load(std::move(input)));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  return json::parse(line)["falco_load_results"][0];
}

std::string rule(const std::string& condition, const std::string& more = "") {
  return "- rule: r\n  desc: d\n  condition: " + condition +
         "\n  output: o\n  priority: INFO\n" + more;
}

// "TYPE NAME@LINE:COLUMN+OFFSET" of each location, from the outermost.
std::vector<std::string> locations(const json& entry) {
  std::vector<std::string> all;
  for (const json& location : entry["context"]["locations"]) {
    const json& position = location["position"];
    all.push_back(location["item_type"].get<std::string>() + " " +
                  location["item_name"].get<std::string>() + "@" +
                  position["line"].dump() + ":" + position["column"].dump() +
                  "+" + position["offset"].dump());
    EXPECT_EQ(position["name"], "f.yaml");
  }
  return all;
}

using Locations = std::vector<std::string>;

TEST(LoadResultsJson, HasFalcosShape) {
  const json results =
      results_of(rule("evt.type = connect and fd.nosuch = 1", "  bogus: 1\n"));
  EXPECT_EQ(results["name"], "f.yaml");
  EXPECT_EQ(results["successful"], false);
  EXPECT_FALSE(results.contains("schema_valid"));
  EXPECT_FALSE(results.contains("schema_warnings"));
  ASSERT_EQ(results["errors"].size(), 1U);
  const json& error = results["errors"][0];
  EXPECT_EQ(error["code"], "LOAD_ERR_COMPILE_CONDITION");
  EXPECT_EQ(error["codedesc"], "Error compiling condition");
  EXPECT_EQ(error["message"], "unknown field 'fd.nosuch'");
  EXPECT_EQ(error["context"]["snippet"],
            "  condition: evt.type = connect and fd.nosuch = 1\n"
            "                                    ^\n");
  ASSERT_EQ(results["warnings"].size(), 1U);
  EXPECT_EQ(results["warnings"][0]["code"], "LOAD_UNKNOWN_KEY");
  EXPECT_FALSE(results["warnings"][0].contains("deprecated_field"));
}

TEST(LoadResultsJson, OfAGoodFileIsSuccessful) {
  const json results = results_of(rule("evt.type = connect"));
  EXPECT_EQ(results["successful"], true);
  EXPECT_EQ(results["errors"], json::array());
  EXPECT_EQ(results["warnings"], json::array());
}

TEST(LoadResultsJson, LeadsFromTheFileToThePlaceInACondition) {
  const json results = results_of(rule("evt.type = connect and fd.nosuch = 1"));
  EXPECT_EQ(
      locations(results["errors"][0]),
      (Locations{"rules content @0:0+0", "rule r@0:2+2",
                 "rule condition @2:13+33", "condition expression @3:37+56"}));
}

TEST(LoadResultsJson, LeadsFromARuleToTheMacroItUses) {
  const json results = results_of("- macro: m\n  condition: fd.nosuch = 1\n" +
                                  rule("evt.type = connect and m"));
  EXPECT_EQ(
      locations(results["errors"][0]),
      (Locations{"rules content @0:0+0", "rule r@2:2+40", "macro m@0:2+2",
                 "macro condition @1:13+24", "condition expression @2:14+24"}));
}

TEST(LoadResultsJson, LeadsToTheKeyWhoseValueIsWrong) {
  EXPECT_EQ(locations(results_of("- list: l\n  items: 5\n")["errors"][0]),
            (Locations{"rules content @0:0+0", "list l@0:2+2",
                       "value for items@1:9+19"}));
  EXPECT_EQ(locations(results_of("- list: l\n  items: [a, {}]\n")["errors"][0]),
            (Locations{"rules content @0:0+0", "list l@0:2+2",
                       "value for items@1:9+19", "list item @1:13+23"}));
  EXPECT_EQ(locations(results_of("- list: l\n")["errors"][0]),
            (Locations{"rules content @0:0+0", "list l@0:2+2"}));
}

TEST(LoadResultsJson, LeadsToExceptionsAndOverrides) {
  EXPECT_EQ(
      locations(results_of(
          rule("evt.type = connect",
               "  exceptions: [{name: x, fields: [a.b]}]\n"))["errors"][0]),
      (Locations{"rules content @0:0+0", "rule r@0:2+2", "exceptions @5:14+95",
                 "exception x@5:15+96", "value for fields@5:33+114"}));
  EXPECT_EQ(locations(results_of(
                "- {rule: r, desc: d, override: {desc: x}}\n")["errors"][0]),
            (Locations{"rules content @0:0+0", "rule r@0:2+2",
                       "overrides @0:31+31", "overrides desc@0:32+32"}));
}

TEST(LoadResultsJson, LeadsToWhatIsNoItem) {
  EXPECT_EQ(locations(results_of("- x\n")["errors"][0]),
            (Locations{"rules content @0:0+0", "rules content item @0:2+2"}));
  EXPECT_EQ(locations(results_of("a: b\n")["errors"][0]),
            Locations{"rules content @0:0+0"});
}

TEST(LoadResultsJson, LeadsToWhereTheTextIsNoYaml) {
  EXPECT_EQ(locations(results_of("- a\n- [\n")["errors"][0]),
            (Locations{"rules content @0:0+0", "value for @2:0+8"}));
}

TEST(LoadResultsJson, LeadsToThePolicy) {
  const json results = results_of("policies:\n- name: p\n  rules: [nope]\n");
  EXPECT_EQ(locations(results["errors"][0]),
            (Locations{"rules content @0:0+0", "policy p@2:10+30"}));
}

TEST(LoadResultsJson, NamesDeprecatedFields) {
  const json results = results_of(
      "- rule: r\n  desc: d\n  condition: evt.type = connect and evt.dir = <\n"
      "  output: '%evt.dir'\n  priority: INFO\n");
  ASSERT_EQ(results["warnings"].size(), 2U);
  for (const json& warning : results["warnings"]) {
    EXPECT_EQ(warning["code"], "LOAD_DEPRECATED_ITEM");
    EXPECT_EQ(warning["deprecated_field"], "evt.dir");
  }
  EXPECT_FALSE(results_of(rule("evt.type = connect") +
                          "- {rule: r, enabled: true}\n")["warnings"][0]
                   .contains("deprecated_field"));
}

TEST(LoadResultsJson, BoundsTheSnippet) {
  const json results = results_of(
      rule("evt.type = connect and fd.nosuch = " + std::string(100'000, 'x')));
  EXPECT_LT(results.dump().size(), 4000U);
}

// A file for each code; what cannot be a file at all is missing here.
const std::vector<std::string> kSamples = {
    "[",
    "a: b",
    rule("fd.nosuch = 1"),
    rule("evt.type = connect").replace(0, 0, "- macro: m\n  condition: m\n"),
    "- rule: r\n  desc: d\n  condition: evt.type = connect\n"
    "  output: '%nope'\n  priority: INFO\n",
    rule("ka.verb = get", "  source: k8s_audit\n"),
    rule("proc.name = a"),
    rule("no.field = a", "  skip-if-unknown-filter: true\n"),
    "- macro: m\n  condition: evt.type = connect\n",
    "- list: l\n  items: [a]\n",
    "- nothing: known\n",
    rule("evt.type = connect") + "- {rule: r, enabled: true}\n",
    rule("evt.type = connect",
         "  exceptions: [{name: x, fields: proc.name, values: [a]}]\n") +
        "- {rule: r, exceptions: [{name: x}], override: {exceptions: "
        "append}}\n",
    rule("evt.type = connect",
         "  exceptions: [{name: x, fields: proc.name, values: [a]}, {name: x, "
         "fields: proc.name, values: [b]}]\n"),
    "- macro: test-macro\n  condition: evt.type = connect\n",
    "- list: test list\n  items: [a]\n",
    rule("evt.type = connect and fd.sport = 65536"),
    rule("evt.type = connect", "  bogus: 1\n"),
};

// All of codes.h, read from the file so that none is forgotten.
std::set<std::string> all_codes() {
  std::ifstream file("rules/base/codes.h");
  const std::string text((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  const std::regex code("\"(LOAD_[A-Z_]+)\"");
  std::set<std::string> codes;
  for (std::sregex_iterator i(text.begin(), text.end(), code), end; i != end;
       ++i) {
    codes.insert((*i)[1]);
  }
  return codes;
}

TEST(Codes, AreEachProducedAndDescribed) {
  std::set<std::string> produced;
  const auto take = [&](const json& results) {
    for (const char* kind : {"errors", "warnings"}) {
      for (const json& entry : results[kind]) {
        produced.insert(entry["code"].get<std::string>());
        EXPECT_NE(entry["codedesc"], "") << entry["code"];
      }
    }
  };
  for (const std::string& sample : kSamples) take(results_of(sample));
  const Loaded unreadable = load_files({"/nowhere/f.yaml"});
  take(json::parse(load_results_json(unreadable))["falco_load_results"][0]);
  EXPECT_EQ(produced, all_codes());
}

}  // namespace
}  // namespace bailiff::cli
