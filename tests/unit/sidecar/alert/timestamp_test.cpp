// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/timestamp.h"

#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kExample = 1566230400 * kSecond + 20'000'000;

TEST(Timestamp, WritesNineDigitsAndZ) {
  EXPECT_EQ(format_timestamp(kExample), "2019-08-19T16:00:00.020000000Z");
  EXPECT_EQ(format_timestamp(0), "1970-01-01T00:00:00.000000000Z");
}

TEST(Timestamp, WritesTheClockInUtc) {
  EXPECT_EQ(format_clock(kExample), "16:00:00.020000000");
}

TEST(Timestamp, ReadsWhatItWrites) {
  for (const std::uint64_t time :
       {std::uint64_t(0), kExample, std::uint64_t(951782399999999999)}) {
    EXPECT_EQ(parse_timestamp(format_timestamp(time)), time);
  }
}

TEST(Timestamp, ReadsOffsets) {
  EXPECT_EQ(parse_timestamp("2019-08-19T18:00:00.02+02:00"), kExample);
  EXPECT_EQ(parse_timestamp("2019-08-19T11:30:00.02-04:30"), kExample);
  EXPECT_EQ(parse_timestamp("2019-08-19T16:00:00.020000000+0000"), kExample);
}

TEST(Timestamp, DropsWhatIsFinerThanNanoseconds) {
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.0000000019Z"), 1u);
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2019-08-19", "2019-08-19T16:00:00", "2019-13-01T00:00:00Z",
        "2019-02-29T00:00:00Z", "2019-08-19T24:00:00Z", "2019-08-19T16:60:00Z",
        "2019-08-19T16:00:61Z", "2019-08-19T16:00:00.Z",
        "2019-08-19T16:00:00Zx", "2019-08-19T16:00:00+24:00",
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
        "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-019-08-19T16:00:00Z",
        "2019-08-19T16:00:00.1 Z"}) {
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
  }
}

TEST(Timestamp, ReadsHowLongAgo) {
  const std::uint64_t now = kExample;
  EXPECT_EQ(parse_since("90s", now), now - 90 * kSecond);
  EXPECT_EQ(parse_since("10m", now), now - 600 * kSecond);
  EXPECT_EQ(parse_since("1h", now), now - 3600 * kSecond);
  EXPECT_EQ(parse_since("2d", now), now - 2 * 86400 * kSecond);
}

TEST(Timestamp, ReadsAPointInTimeAsSince) {
  EXPECT_EQ(parse_since("2019-08-19T16:00:00.02Z", 0), kExample);
}

TEST(Timestamp, TakesMoreThanAllTimeAsTheBeginning) {
  EXPECT_EQ(parse_since("18446744073709551615d", kExample), 0u);
}

TEST(Timestamp, RefusesOtherSinces) {
  for (const char* text : {"", "10", "m", "10w", "-1h", "1h30m", "1 h"}) {
    EXPECT_EQ(parse_since(text, kExample), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bailiff::sidecar
