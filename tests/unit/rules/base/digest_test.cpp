// SPDX-License-Identifier: Apache-2.0
#include "rules/base/digest.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

// The published XXH3 128-bit hash of the empty input: the same on every host.
TEST(Digest, IsTheSameOnEveryHost) {
  EXPECT_EQ(digest_of("").hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Digest, TellsTextsApart) {
  EXPECT_NE(digest_of("a"), digest_of("b"));
  EXPECT_EQ(digest_of("a"), digest_of("a"));
}

TEST(Digest, ShortIdIsItsFirstEightBytes) {
  EXPECT_EQ(digest_of("").short_id(), 0x99aa06d3014798d8ULL);
}

}  // namespace
}  // namespace bailiff
