// SPDX-License-Identifier: Apache-2.0
#include "rules/types/compare.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::network;

TEST(Compare, NullFulfilsNothing) {
  EXPECT_FALSE(compare(Op::kEq, Null{}, Null{}));
  EXPECT_FALSE(compare(Op::kNe, Null{}, "x"));
  EXPECT_FALSE(compare(Op::kExists, Null{}, Null{}));
  EXPECT_TRUE(compare(Op::kExists, "x", Null{}));
}

TEST(Compare, NumbersAreSigned) {
  EXPECT_TRUE(compare(Op::kLt, std::int64_t{-1}, std::int64_t{0}));
  EXPECT_TRUE(compare(Op::kGe, std::int64_t{443}, std::int64_t{443}));
  EXPECT_FALSE(compare(Op::kGt, std::int64_t{443}, std::int64_t{443}));
  EXPECT_TRUE(compare(Op::kNe, std::int64_t{1}, std::int64_t{2}));
}

TEST(Compare, StringsAreBytesComparedUnsigned) {
  EXPECT_TRUE(compare(Op::kLt, "a", "b"));
  EXPECT_TRUE(compare(Op::kLt, "a", "\xff"));
  EXPECT_TRUE(compare(Op::kLt, "a", "ab"));
  EXPECT_TRUE(compare(Op::kContains, "docker", "ock"));
  EXPECT_TRUE(compare(Op::kContains, "docker", ""));
  EXPECT_FALSE(compare(Op::kContains, "docker", "OCK"));
  EXPECT_TRUE(compare(Op::kStartswith, "docker", "doc"));
  EXPECT_FALSE(compare(Op::kStartswith, "doc", "docker"));
  EXPECT_TRUE(compare(Op::kEndswith, "docker", "ker"));
}

TEST(Compare, IgnoringCaseFoldsAsciiOnly) {
  EXPECT_TRUE(compare(Op::kIcontains, "DoCKer", "ock"));
  EXPECT_TRUE(compare(Op::kIcontains, "docker", "OCK"));
  EXPECT_TRUE(compare(Op::kIcontains, "docker", ""));
  EXPECT_FALSE(compare(Op::kIcontains, "@[", "`{"));
  // Latin-1 E with acute accent, large and small.
  EXPECT_FALSE(compare(Op::kIcontains, "\xc9", "\xe9"));
}

TEST(Compare, AddressesOfDifferentFamiliesAreUnequal) {
  const Value four = address("0.0.0.0");
  const Value six = address("::");
  EXPECT_FALSE(compare(Op::kEq, four, six));
  EXPECT_TRUE(compare(Op::kNe, four, six));
  EXPECT_TRUE(compare(Op::kEq, address("::ffff:1.2.3.4"), address("1.2.3.4")));
}

TEST(Compare, AnAddressEqualsTheNetworkItIsIn) {
  const Value host = address("10.1.2.3");
  EXPECT_TRUE(compare(Op::kEq, host, network("10.0.0.0/8")));
  EXPECT_FALSE(compare(Op::kNe, host, network("10.0.0.0/8")));
  EXPECT_FALSE(compare(Op::kEq, host, network("11.0.0.0/8")));
  EXPECT_TRUE(compare(Op::kNe, host, network("::/0")));
  EXPECT_TRUE(compare(Op::kIn, host, network("0.0.0.0/0")));
}

TEST(Compare, DifferentTypesAndUnknownOperatorsNeverHold) {
  EXPECT_FALSE(compare(Op::kEq, std::int64_t{1}, "1"));
  EXPECT_FALSE(compare(Op::kNe, std::int64_t{1}, "1"));
  EXPECT_FALSE(compare(Op::kContains, std::int64_t{11}, std::int64_t{1}));
  EXPECT_FALSE(compare(Op::kLt, false, true));
  EXPECT_FALSE(compare(Op::kLt, address("1.1.1.1"), address("2.2.2.2")));
}

TEST(ParseItem, TakesTheTypeOfTheField) {
  EXPECT_EQ(parse_item(FieldType::kString, "443"), Value("443"));
  EXPECT_EQ(parse_item(FieldType::kNumber, "443"), Value(std::int64_t{443}));
  EXPECT_EQ(parse_item(FieldType::kNumber, "+5"), Value(std::int64_t{5}));
  EXPECT_EQ(parse_item(FieldType::kNumber, "-5"), Value(std::int64_t{-5}));
  EXPECT_EQ(parse_item(FieldType::kBool, "true"), Value(true));
  EXPECT_EQ(parse_item(FieldType::kAddress, "1.2.3.4"),
            Value(address("1.2.3.4")));
  EXPECT_EQ(parse_item(FieldType::kNetwork, "10.9.8.7/8"),
            Value(network("10.0.0.0/8")));
}

TEST(ParseItem, RefusesWhatIsNotOfTheType) {
  EXPECT_FALSE(parse_item(FieldType::kNumber, "0x1bb"));
  EXPECT_FALSE(parse_item(FieldType::kNumber, "4.5"));
  EXPECT_FALSE(parse_item(FieldType::kNumber, ""));
  EXPECT_FALSE(parse_item(FieldType::kNumber, "+-5"));
  EXPECT_FALSE(parse_item(FieldType::kNumber, "9223372036854775808"));
  EXPECT_FALSE(parse_item(FieldType::kBool, "TRUE"));
  EXPECT_FALSE(parse_item(FieldType::kAddress, "1.2.3.4/32"));
  EXPECT_FALSE(parse_item(FieldType::kNetwork, "1.2.3.4"));
}

}  // namespace
}  // namespace bailiff
