// SPDX-License-Identifier: Apache-2.0
#include "rules/types/value.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bailiff {
namespace {

std::string round_trip(std::string_view text) {
  const auto address = parse_address(text);
  return address ? to_string(*address) : "refused";
}

TEST(Address, ParsesDottedQuad) {
  const auto address = parse_address("203.0.113.66");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->family, 4);
  EXPECT_EQ(address->bytes[0], 203);
  EXPECT_EQ(address->bytes[3], 66);
  EXPECT_EQ(address->bytes[4], 0);
}

TEST(Address, PrintsAsRfc5952) {
  EXPECT_EQ(round_trip("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(round_trip("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(round_trip("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(round_trip("fe80:0:0:0:0:0:0:0"), "fe80::");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(round_trip("::102:304"), "::102:304");
}

TEST(Address, OfNat64ReachesAnIpv4Host) {
  const auto reached = [](std::string_view text) {
    return to_string(reached_host(*parse_address(text)));
  };
  EXPECT_EQ(reached("64:ff9b::203.0.113.66"), "203.0.113.66");
  EXPECT_EQ(reached("64:ff9b:1::203.0.113.66"), "64:ff9b:1::cb00:7142");
  EXPECT_EQ(reached("203.0.113.66"), "203.0.113.66");
}

TEST(Address, MappedAddressIsIpv4) {
  EXPECT_EQ(round_trip("::ffff:203.0.113.66"), "203.0.113.66");
  EXPECT_EQ(round_trip("::ffff:cb00:7142"), "203.0.113.66");
  EXPECT_EQ(parse_address("::ffff:1.2.3.4"), parse_address("1.2.3.4"));
  EXPECT_NE(parse_address("::1.2.3.4"), parse_address("1.2.3.4"));
}

TEST(Address, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ",
        "1.2.3.4:80", "[::1]", "fe80::1%eth0", "localhost", "1.2.3.4/32",
        ":::", "1::2::3", "12345::", "0x7f.1", "2130706433"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
  EXPECT_EQ(round_trip(std::string_view("1.2.3.4\0", 8)), "refused");
  EXPECT_EQ(round_trip(std::string(5000, '1')), "refused");
}

TEST(Network, ContainsItsAddressesOnly) {
  const auto network = parse_network("10.1.0.0/20");
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->contains(*parse_address("10.1.15.255")));
  EXPECT_FALSE(network->contains(*parse_address("10.1.16.0")));
  EXPECT_FALSE(network->contains(*parse_address("2001:db8::1")));
  EXPECT_TRUE(parse_network("0.0.0.0/0")->contains(*parse_address("9.9.9.9")));
  EXPECT_FALSE(parse_network("::/0")->contains(*parse_address("9.9.9.9")));
  EXPECT_TRUE(
      parse_network("2001:db8::/33")->contains(*parse_address("2001:db8::7")));
  EXPECT_FALSE(parse_network("2001:db8::/33")
                   ->contains(*parse_address("2001:db8:8000::")));
}

TEST(Network, ClearsHostBitsUnlessStrict) {
  EXPECT_EQ(to_string(*parse_network("10.1.2.3/8")), "10.0.0.0/8");
  EXPECT_EQ(to_string(*parse_network("2001:db8::ff/121")), "2001:db8::80/121");
  EXPECT_FALSE(parse_network("10.1.2.3/8", true));
  EXPECT_TRUE(parse_network("10.0.0.0/8", true));
  EXPECT_EQ(to_string(*parse_network("1.2.3.4/32", true)), "1.2.3.4/32");
}

TEST(Network, MappedNetworkIsIpv4WhenItLiesInTheMappedBlock) {
  EXPECT_EQ(to_string(*parse_network("::ffff:10.0.0.0/104")), "10.0.0.0/8");
  EXPECT_EQ(to_string(*parse_network("::ffff:0:0/96")), "0.0.0.0/0");
  EXPECT_EQ(parse_network("::ffff:0:0/95")->base.family, 6);
}

TEST(Network, RefusesBadPrefixes) {
  for (const std::string_view text :
       {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
        "10.0.0.0/ 8", "::/129", "/8", "10.0.0.0/8/8", "x/8",
        "10.0.0.0/99999999999999999999"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

TEST(Value, PrintsAsFalcoDoes) {
  EXPECT_EQ(to_string(Value(Null{})), "<NA>");
  EXPECT_EQ(to_string(Value(true)), "true");
  EXPECT_EQ(to_string(Value(std::int64_t{-115})), "-115");
  EXPECT_EQ(to_string(Value(std::string("nc"))), "nc");
  EXPECT_EQ(to_string(Value(*parse_address("::1"))), "::1");
  EXPECT_EQ(to_string(Value(*parse_network("10.0.0.0/8"))), "10.0.0.0/8");
}

TEST(IpEndpoint, IsPrintedAsItIsRead) {
  for (const char* text : {"1.2.3.4|443", "2001:db8::1|1"}) {
    EXPECT_EQ(to_string(*parse_endpoint(text)), text);
    EXPECT_EQ(to_string(Value(*parse_endpoint(text))), text);
  }
}

}  // namespace
}  // namespace bailiff
