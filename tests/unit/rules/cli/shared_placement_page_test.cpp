// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "rules/cli/load_files.h"
#include "rules/cli/placement_page.h"

namespace bailiff::cli {
namespace {

TEST(PlacementsPage, OfFalcosRulesIsCommittedAsItIs) {
  const std::string folder = BAILIFF_SHARED_DATA "/falco-rules/";
  const Loaded loaded = load_files({folder + "falco_rules.yaml",
                                    folder + "falco-incubating_rules.yaml",
                                    folder + "falco-sandbox_rules.yaml",
                                    folder + "falco-deprecated_rules.yaml"});
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  EXPECT_EQ(loaded.policy->rules.size(), 97U);
  std::ifstream file("rules/lower/FALCO_RULES.md");
  std::ostringstream page;
  page << file.rdbuf();
  EXPECT_TRUE(page.str() == placements_page(place_all(*loaded.policy, Facts{}),
                                            *loaded.policy))
      << "run 'make docs'";
}

}  // namespace
}  // namespace bailiff::cli
