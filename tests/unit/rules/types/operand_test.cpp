// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "rules/types/compare.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::network;

std::optional<Value> parse(FalcoType type, std::string_view text) {
  return parse_operand(type, Op::kEq, text);
}

TEST(ParseOperand, TakesTheTypeOfTheField) {
  EXPECT_EQ(parse(FalcoType::kCharbuf, "443"), Value("443"));
  EXPECT_EQ(parse(FalcoType::kInt64, "443"), Value(std::int64_t{443}));
  EXPECT_EQ(parse(FalcoType::kInt64, "+5"), Value(std::int64_t{5}));
  EXPECT_EQ(parse(FalcoType::kInt64, "-5"), Value(std::int64_t{-5}));
  EXPECT_EQ(parse(FalcoType::kBool, "true"), Value(true));
  EXPECT_EQ(parse(FalcoType::kDouble, "5"), Value(std::int64_t{5}));
  EXPECT_EQ(parse(FalcoType::kIpaddr, "1.2.3.4"), Value(address("1.2.3.4")));
  EXPECT_EQ(parse(FalcoType::kIpnet, "10.9.8.7/8"),
            Value(network("10.0.0.0/8")));
  EXPECT_EQ(parse(FalcoType::kIpnet, "0.0.0.0/0"), Value(network("0.0.0.0/0")));
}

TEST(ParseOperand, RefusesWhatIsNotOfTheType) {
  EXPECT_FALSE(parse(FalcoType::kInt64, "0x1bb"));
  EXPECT_FALSE(parse(FalcoType::kInt64, "4.5"));
  EXPECT_FALSE(parse(FalcoType::kInt64, ""));
  EXPECT_FALSE(parse(FalcoType::kInt64, "+-5"));
  EXPECT_FALSE(parse(FalcoType::kInt64, "--5"));
  EXPECT_FALSE(parse(FalcoType::kInt64, "18446744073709551616"));
  EXPECT_FALSE(parse(FalcoType::kDouble, "1.5"));
  EXPECT_FALSE(parse(FalcoType::kBool, "TRUE"));
  EXPECT_FALSE(parse(FalcoType::kIpaddr, "1.2.3.4/32"));
  EXPECT_FALSE(parse(FalcoType::kIpnet, "1.2.3.4"));
  EXPECT_FALSE(parse(FalcoType::kCharbuf, std::string("a\0b", 3)));
}

TEST(ParseOperand, TakesAnAddressWithAPort) {
  const Value four(IpEndpoint{address("1.2.3.4"), 443});
  const Value six(IpEndpoint{address("2001:db8::1"), 65535});
  for (const FalcoType type : {FalcoType::kIpaddr, FalcoType::kIpnet}) {
    EXPECT_EQ(parse(type, "1.2.3.4|443"), four);
    EXPECT_EQ(parse(type, "1.2.3.4:443"), four);
    EXPECT_EQ(parse(type, "2001:db8::1|65535"), six);
    EXPECT_EQ(parse(type, "[2001:db8::1]:65535"), six);
    EXPECT_EQ(parse(type, "[2001:db8::1]|65535"), six);
    for (const char* none :
         {"1.2.3.4|", "1.2.3.4|0", "1.2.3.4|65536", "1.2.3.4|+1", "1.2.3.4|x",
          "1.2.3.4| 1", "1.2.3.4|1|2", "|443", "10.0.0.0/8|443",
          "[1.2.3.4]|443", "[1.2.3.4]:443", "[2001:db8::1]", "[]:1",
          "[2001:db8::1:65535", "1.2.3.4:https", "evil.example|443",
          "::ffff:1.2.3.4|443", "[::ffff:1.2.3.4]:443"}) {
      EXPECT_FALSE(parse(type, none)) << none;
    }
  }
  // One address, as it is without a port as well.
  EXPECT_EQ(parse(FalcoType::kIpaddr, "2001:db8::1:443"),
            Value(address("2001:db8::1:443")));
  EXPECT_EQ(parse(FalcoType::kCharbuf, "1.2.3.4|443"), Value("1.2.3.4|443"));
}

// What Falco's engine makes of them, executed.
TEST(ParseOperand, ReadsTheEdgesAsFalcoDoes) {
  EXPECT_EQ(parse(FalcoType::kUint32, "-1"), Value(std::int64_t{4294967295}));
  EXPECT_EQ(parse(FalcoType::kUint64, "9223372036854775808"),
            Value(std::uint64_t{1} << 63));
  EXPECT_EQ(parse(FalcoType::kUint64, "-1"), Value(UINT64_MAX));
  EXPECT_EQ(parse(FalcoType::kInt64, "-9223372036854775808"),
            Value(std::int64_t{INT64_MIN}));
  EXPECT_EQ(parse(FalcoType::kPort, "65536"), Value(std::int64_t{65536}));
  EXPECT_FALSE(parse(FalcoType::kIpnet, "::/0"));
  EXPECT_FALSE(parse(FalcoType::kIpaddr, "::ffff:1.2.3.4"));
  EXPECT_FALSE(parse(FalcoType::kIpaddr, "::ffff:102:304"));
  EXPECT_FALSE(parse(FalcoType::kIpnet, "::ffff:1.2.3.0/120"));
}

TEST(ParseOperand, KnowsTheServicesOfPorts) {
  EXPECT_EQ(parse(FalcoType::kPort, "https"), Value(std::int64_t{443}));
  EXPECT_EQ(parse(FalcoType::kPort, "22"), Value(std::int64_t{22}));
  EXPECT_FALSE(parse(FalcoType::kPort, "no-such-service"));
  EXPECT_FALSE(parse(FalcoType::kPort, "-1"));
}

TEST(ParseOperand, TurnsHexadecimalDigitsIntoBytes) {
  const auto bytes = [](std::string_view text) {
    return parse_operand(FalcoType::kBytebuf, Op::kBcontains, text);
  };
  EXPECT_EQ(bytes("7f454C46"), Value("\x7f"
                                     "ELF"));
  EXPECT_EQ(bytes("00"), Value(std::string(1, '\0')));
  EXPECT_EQ(bytes(""), Value(""));
  EXPECT_FALSE(bytes("7"));
  EXPECT_FALSE(bytes("7g"));
  EXPECT_FALSE(bytes("0x7f"));
  EXPECT_EQ(parse(FalcoType::kBytebuf, "7f"), Value("7f"));
}

}  // namespace
}  // namespace bailiff
