// SPDX-License-Identifier: Apache-2.0
// Falco's own texts: the cases of its parser's tests, and its rules.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "rules/document/yaml.h"
#include "rules/syntax/parser.h"
#include "rules/syntax/printer.h"
#include "tests/harness/condition_places.h"

namespace bailiff::syntax {
namespace {

LocatedText located(const std::string& condition) {
  LocatedText located;
  located.push_run(condition, 0, 0);
  return located;
}

void expect_to_come_back(const Node& node) {
  const std::string text = print(node);
  Diagnostics diagnostics;
  const auto again = parse_condition(located(text), {}, diagnostics);
  EXPECT_TRUE(again && *again == node) << text;
}

TEST(SharedFalco, ConditionsGetItsParsersVerdict) {
  std::ifstream file(BAILIFF_SHARED_DATA "/falco-parser-vectors.jsonl");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const nlohmann::json vector = nlohmann::json::parse(line);
    const std::string kind = vector.at("kind");
    const std::string input = vector.at("input");
    SCOPED_TRACE(input);
    EXPECT_TRUE(kind == "accept" || kind == "reject" || kind == "reject_msg");

    Diagnostics diagnostics;
    const auto node = parse_condition(located(input), {}, diagnostics);
    ASSERT_EQ(node.has_value(), kind == "accept");
    if (node) {
      EXPECT_TRUE(test::ConditionPlaces(input).are_exact(*node));
      expect_to_come_back(*node);
    } else if (kind == "reject_msg") {
      const std::string message = vector.at("msg");
      const std::string ours = diagnostics.all().back().message;
      EXPECT_NE(ours.find(message), std::string::npos) << ours;
    }
  }
  EXPECT_GE(count, 530U);
}

TEST(SharedFalco, RulesAreParsed) {
  const std::filesystem::path folder(BAILIFF_SHARED_DATA "/falco-rules");
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path());
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    Diagnostics diagnostics;
    const auto stream = yaml::parse(text, 0, diagnostics);
    ASSERT_TRUE(stream);
    for (const yaml::NodeId id : (*stream)[stream->roots().front()].children) {
      const yaml::Node& item = (*stream)[id];
      for (std::size_t i = 0; i + 1 < item.children.size(); i += 2) {
        if ((*stream)[item.children[i]].text != "condition") continue;
        const LocatedText condition =
            stream->locate((*stream)[item.children[i + 1]]);
        const auto node = parse_condition(condition, {}, diagnostics);
        ASSERT_TRUE(node) << condition.text();
        expect_to_come_back(*node);
        ++count;
      }
    }
    EXPECT_TRUE(diagnostics.all().empty());
  }
  EXPECT_GE(count, 400U);
}

}  // namespace
}  // namespace bailiff::syntax
