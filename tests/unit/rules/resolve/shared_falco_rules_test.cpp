// SPDX-License-Identifier: Apache-2.0
// Lists and conditions of Falco's own rule files.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rules/resolve/definitions.h"
#include "rules/resolve/lists.h"
#include "rules/resolve/paste_lists.h"

namespace bailiff {
namespace {

std::vector<std::string> messages(const Diagnostics& diagnostics) {
  std::vector<std::string> all;
  for (const Diagnostic& d : diagnostics.all()) all.push_back(d.message);
  return all;
}

TEST(SharedFalcoRules, KeepAllTheirListsAsReferences) {
  for (const char* name :
       {"falco_rules.yaml", "falco-incubating_rules.yaml",
        "falco-sandbox_rules.yaml", "falco-deprecated_rules.yaml"}) {
    std::ifstream file(std::string(BAILIFF_SHARED_DATA "/falco-rules/") + name);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    Diagnostics diagnostics;
    const auto stream = yaml::parse(text, 0, diagnostics);
    ASSERT_TRUE(stream) << name;
    const Definitions definitions =
        merge(read_rule_file(*stream, diagnostics), diagnostics);
    const ResolvedLists lists = resolve_lists(definitions.lists, diagnostics);
    ListPaster paster(definitions.lists, lists, diagnostics);
    for (std::size_t i = 0; i < definitions.lists.size(); ++i) {
      EXPECT_FALSE(lists.textual[i]) << definitions.lists[i].name.text;
    }
    const auto same = [&](const LocatedText& condition) {
      const auto pasted = paster.paste(condition, {});
      ASSERT_TRUE(pasted);
      EXPECT_EQ(pasted->text(), condition.text());
    };
    for (const RawMacro& macro : definitions.macros) same(macro.condition);
    for (const RawRule& rule : definitions.rules) same(rule.condition);
    EXPECT_EQ(messages(diagnostics), std::vector<std::string>{}) << name;
    const std::vector<bool> used = paster.used();
    EXPECT_EQ(std::count(used.begin(), used.end(), false), 0) << name;
  }
}

}  // namespace
}  // namespace bailiff
