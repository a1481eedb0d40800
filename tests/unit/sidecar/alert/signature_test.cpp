// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/signature.h"

#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

// printf '1566230400.{}' | openssl dgst -sha256 -hmac key
constexpr char kKnown[] =
    "sha256=f2a16f7e79733aa93af759d88e07127a"
    "beacf307a80c41d7d0f746972de9ec88";

TEST(Signature, IsHmacSha256OverTimestampAndBody) {
  EXPECT_EQ(sign("key", 1566230400, "{}"), kKnown);
}

TEST(Signature, ChangesWithKeyTimeAndBody) {
  EXPECT_NE(sign("kez", 1566230400, "{}"), kKnown);
  EXPECT_NE(sign("key", 1566230401, "{}"), kKnown);
  EXPECT_NE(sign("key", 1566230400, "{} "), kKnown);
}

TEST(Signature, MatchesOnlyItself) {
  EXPECT_TRUE(signature_matches(kKnown, kKnown));
  EXPECT_FALSE(signature_matches(kKnown, ""));
  EXPECT_FALSE(signature_matches(kKnown, std::string(kKnown) + "0"));
  EXPECT_FALSE(signature_matches(kKnown, sign("kez", 1566230400, "{}")));
}

}  // namespace
}  // namespace bailiff::sidecar
