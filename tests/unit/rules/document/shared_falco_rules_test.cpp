// SPDX-License-Identifier: Apache-2.0
// Falco's own rule files, as documents.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

#include "rules/document/rule_file.h"

namespace bailiff {
namespace {

struct Census {
  const char* file;
  std::size_t lists;
  std::size_t macros;
  std::size_t rules;
};
constexpr Census kFiles[] = {
    {"falco_rules.yaml", 49, 87, 25},
    {"falco-incubating_rules.yaml", 54, 82, 31},
    {"falco-sandbox_rules.yaml", 60, 183, 37},
    {"falco-deprecated_rules.yaml", 9, 6, 4},
};

template <typename Item>
std::size_t count(const std::vector<RuleFileItem>& items) {
  std::size_t found = 0;
  for (const RuleFileItem& item : items) {
    if (std::holds_alternative<Item>(item)) ++found;
  }
  return found;
}

TEST(SharedFalcoRules, AreReadWithoutADiagnostic) {
  for (const Census& census : kFiles) {
    std::ifstream file(std::string(BAILIFF_SHARED_DATA "/falco-rules/") +
                       census.file);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    Diagnostics diagnostics;
    const auto stream = yaml::parse(text, 0, diagnostics);
    ASSERT_TRUE(stream) << census.file;
    const auto items = read_rule_file(*stream, diagnostics);
    for (const Diagnostic& d : diagnostics.all()) {
      ADD_FAILURE() << census.file << ": " << d.code << ": " << d.message;
    }
    EXPECT_EQ(count<ListItem>(items), census.lists) << census.file;
    EXPECT_EQ(count<MacroItem>(items), census.macros) << census.file;
    EXPECT_EQ(count<RuleItem>(items), census.rules) << census.file;
    EXPECT_EQ(count<BrokenItem>(items), 0U) << census.file;
  }
}

}  // namespace
}  // namespace bailiff
