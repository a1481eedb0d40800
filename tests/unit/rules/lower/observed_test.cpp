// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/observed.h"

#include <gtest/gtest.h>

#include "rules/fields/event_type.h"

namespace bailiff {
namespace {

TEST(Observed, EachCallIsAnEventTypeOfFalco) {
  for (int i = 0; i < BAILIFF_CALL_COUNT; ++i) {
    const auto call = static_cast<bailiff_call>(i);
    const std::string type(event_type_of(call));
    EXPECT_TRUE(find_event_type(type)) << type;
    EXPECT_EQ(observed_call(type), call);
  }
  EXPECT_FALSE(observed_call("read"));
}

TEST(Observed, ParametersAreToldByNameAndByPlace) {
  EXPECT_TRUE(is_told(BAILIFF_CALL_OPENAT, "flags"));
  EXPECT_TRUE(is_told(BAILIFF_CALL_MOUNT, "dev"));
  EXPECT_FALSE(is_told(BAILIFF_CALL_MOUNT, "type"));
  EXPECT_FALSE(is_told(BAILIFF_CALL_MOUNT, "3"));
  // One it does not have is none for every event.
  EXPECT_TRUE(is_told(BAILIFF_CALL_MOUNT, "nothing"));
  EXPECT_TRUE(is_told(BAILIFF_CALL_MOUNT, "99"));
}

}  // namespace
}  // namespace bailiff
