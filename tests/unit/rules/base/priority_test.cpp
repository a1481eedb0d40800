// SPDX-License-Identifier: Apache-2.0
#include "rules/base/priority.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

TEST(Priority, IsReadInAnyCase) {
  EXPECT_EQ(parse_priority("WARNING"), Priority::kWarning);
  EXPECT_EQ(parse_priority("warning"), Priority::kWarning);
  EXPECT_EQ(parse_priority("Info"), Priority::kInformational);
  EXPECT_EQ(parse_priority("INFORMATIONAL"), Priority::kInformational);
  EXPECT_EQ(parse_priority("emergency"), Priority::kEmergency);
  EXPECT_FALSE(parse_priority("WARN"));
  EXPECT_FALSE(parse_priority(""));
}

TEST(Priority, PrintsAsFalcosJson) {
  for (const char* name : {"Emergency", "Alert", "Critical", "Error", "Warning",
                           "Notice", "Informational", "Debug"}) {
    const auto priority = parse_priority(name);
    ASSERT_TRUE(priority) << name;
    EXPECT_EQ(to_string(*priority), name);
  }
}

}  // namespace
}  // namespace bailiff
