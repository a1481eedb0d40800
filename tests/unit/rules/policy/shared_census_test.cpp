// SPDX-License-Identifier: Apache-2.0
// What Falco's own engine says of its 97 rules, from the census: the events a
// rule is indexed by, its fields and its operators.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "rules/fields/event_type.h"
#include "rules/policy/load.h"
#include "rules/types/event_set.h"

namespace bailiff {
namespace {

using Words = std::set<std::string>;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Words split(const std::string& text, char separator) {
  Words words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, separator);) {
    if (!word.empty()) words.insert(word);
  }
  return words;
}

struct Census {
  std::string file;
  std::string priority;
  bool enabled = true;
  Words events, fields, operators;
};

std::map<std::string, Census> census() {
  std::map<std::string, Census> rules;
  std::istringstream lines(read(std::filesystem::path(BAILIFF_SHARED_DATA) /
                                "falco-rules-census.tsv"));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) {
      cells.push_back(cell);
    }
    rules[cells[1]] = {.file = cells[0],
                       .priority = cells[4],
                       .enabled = cells[3] == "true",
                       .events = split(cells[6], ','),
                       .fields = split(cells[7], ' '),
                       .operators = split(cells[8], ' ')};
  }
  return rules;
}

struct Leaves {
  Words fields, operators;

  void operator()(const Constant&) {}
  void operator()(const Check& check) {
    fields.insert(to_string(FieldReference{check.field, check.argument}));
    operators.insert(std::string(to_string(check.op)));
  }
  void operator()(const TermCheck&) { ADD_FAILURE() << "no rule has one"; }
  void operator()(const Not& node) { of(*node.operand); }
  void operator()(const And& node) { all(node.operands); }
  void operator()(const Or& node) { all(node.operands); }
  void all(const std::vector<Expr>& operands) {
    for (const Expr& operand : operands) of(operand);
  }
  void of(const Expr& expr) { std::visit(*this, expr.node); }
};

Words events_of(const Rule& rule, const std::vector<List>& lists) {
  const EventSet set = possible_events(
      rule.condition,
      [&lists](std::uint32_t list) { return flatten(lists, list); });
  Words names;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i]) names.insert(std::string(all_event_types()[i].name));
  }
  return names;
}

class Census97
    : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Census97, AgreesWithFalcosEngine) {
  const auto& [name, file] = GetParam();
  LoadInput input;
  input.files = {{.name = file,
                  .text = read(std::filesystem::path(BAILIFF_SHARED_DATA) /
                               "falco-rules" / file)}};
  const Loaded loaded = load(std::move(input));
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  std::size_t found = 0;
  for (auto& [rule_name, wanted] : census()) {
    if (wanted.file != name) continue;
    ++found;
    const Rule* rule = nullptr;
    for (const Rule& each : loaded.policy->rules) {
      if (each.name == rule_name) rule = &each;
    }
    ASSERT_NE(rule, nullptr) << rule_name;
    Leaves leaves;
    leaves.of(rule->condition);
    EXPECT_EQ(events_of(*rule, loaded.policy->lists), wanted.events)
        << rule_name;
    EXPECT_EQ(leaves.fields, wanted.fields) << rule_name;
    EXPECT_EQ(leaves.operators, wanted.operators) << rule_name;
    EXPECT_EQ(rule->enabled, wanted.enabled) << rule_name;
    EXPECT_EQ(parse_priority(wanted.priority), rule->priority) << rule_name;
  }
  EXPECT_EQ(found, loaded.policy->rules.size());
  EXPECT_GT(found, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Census97,
    ::testing::Values(std::pair("stable", "falco_rules.yaml"),
                      std::pair("incubating", "falco-incubating_rules.yaml"),
                      std::pair("sandbox", "falco-sandbox_rules.yaml"),
                      std::pair("deprecated", "falco-deprecated_rules.yaml")),
    [](const auto& test) { return std::string(test.param.first); });

}  // namespace
}  // namespace bailiff
