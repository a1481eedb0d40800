// SPDX-License-Identifier: Apache-2.0
#include "rules/types/compare.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

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

TEST(Compare, NumbersAreComparedByTheirWorth) {
  const Value great = number_value(std::uint64_t{1} << 63);
  EXPECT_TRUE(compare(Op::kGt, great, std::int64_t{INT64_MAX}));
  EXPECT_TRUE(compare(Op::kLt, std::int64_t{-1}, great));
  EXPECT_FALSE(compare(Op::kEq, std::int64_t{INT64_MIN}, great));
  EXPECT_TRUE(compare(Op::kEq, great, great));
  EXPECT_TRUE(compare(Op::kGt, 2.5, std::int64_t{2}));
  EXPECT_TRUE(compare(Op::kEq, 2.0, std::int64_t{2}));
  EXPECT_EQ(number_value(7), Value(std::int64_t{7}));
}

// fnmatch(3) without flags.
TEST(Compare, GlobsAreOfBytes) {
  EXPECT_TRUE(compare(Op::kGlob, "/etc/a/b", "/etc/*"));
  EXPECT_TRUE(compare(Op::kGlob, "/etc/.x", "/etc/*"));
  EXPECT_TRUE(compare(Op::kGlob, "abc", "a[a-c]?"));
  EXPECT_FALSE(compare(Op::kGlob, "abc", "a{b,x}c"));
  EXPECT_FALSE(compare(Op::kGlob, "abc", "ab"));
  EXPECT_FALSE(compare(Op::kGlob, "\xc3\xa9", "?"));
  EXPECT_TRUE(compare(Op::kGlob, "\xc3\xa9", "??"));
  EXPECT_FALSE(compare(Op::kGlob, "ABC", "a*"));
  EXPECT_TRUE(compare(Op::kIglob, "ABC", "a*"));
}

TEST(Compare, RegularExpressionsMatchTheWholeText) {
  EXPECT_TRUE(compare(Op::kRegex, "/bin/nc", "/bin/n.*"));
  EXPECT_FALSE(compare(Op::kRegex, "x/bin/nc", "/bin/n.*"));
  EXPECT_FALSE(compare(Op::kRegex, "/bin/ncx", "/bin/nc"));
  EXPECT_TRUE(compare(Op::kRegex, "\xc3\xa9", "."));
  // A byte that is no UTF-8 counts as one character.
  EXPECT_TRUE(compare(Op::kRegex, "a\xff", "a."));
  EXPECT_FALSE(compare(Op::kRegex, "a", "("));
}

TEST(Compare, PathsMatchByComponents) {
  EXPECT_TRUE(path_matches("/var/run", "/var/run"));
  EXPECT_TRUE(path_matches("/var/run", "/var/run/docker"));
  EXPECT_FALSE(path_matches("/var/run", "/var/runx"));
  EXPECT_FALSE(path_matches("/var/run", "/var"));
  EXPECT_TRUE(path_matches("/var/*/x", "/var/a/x/y"));
  EXPECT_FALSE(path_matches("/var/*/x", "/var/a/b/x"));
  EXPECT_TRUE(path_matches("var/run/", "//var///run/x"));
  EXPECT_TRUE(path_matches("/", "/etc"));
  EXPECT_TRUE(path_matches("", ""));
  EXPECT_FALSE(path_matches("/etc", ""));
}

TEST(Compare, BuffersAreSearchedForBytes) {
  const std::string buffer(
      "\x7f"
      "ELF\0\1",
      6);
  EXPECT_TRUE(compare(Op::kBstartswith, buffer,
                      "\x7f"
                      "EL"));
  EXPECT_TRUE(compare(Op::kBcontains, buffer, std::string("F\0", 2)));
  EXPECT_FALSE(compare(Op::kBcontains, buffer, std::string("\1\1", 2)));
}

// The table of which operators each type of value has, cell by cell: those
// that hold for some pair of values.
TEST(Compare, HasTheOperatorsOfEachType) {
  const std::vector<Op> all = {
      Op::kExists,     Op::kEq,        Op::kNe,         Op::kLt,
      Op::kLe,         Op::kGt,        Op::kGe,         Op::kIn,
      Op::kContains,   Op::kIcontains, Op::kStartswith, Op::kEndswith,
      Op::kGlob,       Op::kIglob,     Op::kRegex,      Op::kPmatch,
      Op::kIntersects, Op::kBcontains, Op::kBstartswith};
  struct Row {
    std::vector<Value> values;
    std::string operators;
  };
  const std::vector<Row> rows = {
      {{Value("a"), Value("b")},
       "exists = != < <= > >= in contains icontains startswith endswith glob "
       "iglob regex pmatch intersects bcontains bstartswith "},
      {{Value(std::int64_t{1}), Value(std::int64_t{2})},
       "exists = != < <= > >= in intersects "},
      {{Value(true), Value(false)}, "exists = != in intersects "},
      {{Value(address("1.1.1.1")), Value(address("::1"))},
       "exists = != in intersects "},
      {{Value(1.5), Value(2.5)}, "exists = != < <= > >= in intersects "},
  };
  for (const Row& row : rows) {
    std::string found;
    for (const Op op : all) {
      bool holds = false;
      for (const Value& value : row.values) {
        for (const Value& operand : row.values) {
          holds = holds || compare(op, value, operand);
        }
      }
      if (holds) found += std::string(to_string(op)) + " ";
    }
    EXPECT_EQ(found, row.operators);
  }
}

class FixedOperands : public Operands {
 public:
  explicit FixedOperands(std::vector<Value> values)
      : values_(std::move(values)) {}
  bool contains(const Value& value) const override {
    for (const Value& one : values_) {
      if (compare(Op::kEq, value, one)) return true;
    }
    return false;
  }
  void for_each(const std::function<bool(const Value&)>& visit) const override {
    for (const Value& value : values_) {
      if (!visit(value)) return;
    }
  }

 private:
  std::vector<Value> values_;
};

TEST(Holds, QuantifiersCountOperands) {
  const auto ask = [](Op op, Quantifier quantifier, const char* value,
                      std::vector<Value> operands) {
    return holds(op, quantifier, Several::kAny, {Value(value)},
                 FixedOperands(std::move(operands)));
  };
  using enum Quantifier;
  EXPECT_TRUE(ask(Op::kStartswith, kAnyof, "abc", {"x", "ab"}));
  EXPECT_FALSE(ask(Op::kStartswith, kAnyof, "abc", {"x", "y"}));
  EXPECT_TRUE(ask(Op::kStartswith, kAllof, "abc", {"a", "ab"}));
  EXPECT_FALSE(ask(Op::kStartswith, kAllof, "abc", {"a", "x"}));
  EXPECT_TRUE(ask(Op::kStartswith, kOneof, "abc", {"a", "x"}));
  EXPECT_FALSE(ask(Op::kStartswith, kOneof, "abc", {"a", "ab"}));
  EXPECT_TRUE(ask(Op::kEq, kAnyof, "a", {"a", "b"}));
  EXPECT_TRUE(ask(Op::kNe, kAllof, "c", {"a", "b"}));
  EXPECT_FALSE(ask(Op::kNe, kAllof, "a", {"a", "b"}));
  EXPECT_TRUE(ask(Op::kNe, kAnyof, "a", {"a", "b"}));
  EXPECT_TRUE(ask(Op::kRegex, kAnyof, "ab", {"x", "a."}));
}

TEST(Holds, OfNoOperandsNothingDoes) {
  using enum Quantifier;
  for (const Quantifier quantifier : {kOneof, kAnyof, kAllof}) {
    for (const Op op : {Op::kEq, Op::kNe, Op::kContains}) {
      EXPECT_FALSE(holds(op, quantifier, Several::kAny, {Value("a")},
                         FixedOperands({})));
    }
  }
}

TEST(Holds, BothEndsOfAConnectionMustDiffer) {
  const std::vector<Value> ends = {Value(address("10.0.0.1")),
                                   Value(address("8.8.8.8"))};
  const FixedOperands one({Value(address("8.8.8.8"))});
  const FixedOperands none({Value(address("9.9.9.9"))});
  const auto ask = [&](Op op, const Operands& operands) {
    return holds(op, Quantifier::kNone, Several::kBoth, ends, operands);
  };
  EXPECT_TRUE(ask(Op::kEq, one));
  EXPECT_FALSE(ask(Op::kNe, one));
  EXPECT_TRUE(ask(Op::kNe, none));
  EXPECT_TRUE(ask(Op::kIn, one));
  EXPECT_TRUE(ask(Op::kIntersects, one));
  EXPECT_FALSE(ask(Op::kIn, none));
}

TEST(Holds, AListIsInASetWithAllOfItsElements) {
  const std::vector<Value> list = {Value("a"), Value("b")};
  const auto ask = [&](Op op, std::vector<Value> operands) {
    return holds(op, Quantifier::kNone, Several::kList, list,
                 FixedOperands(std::move(operands)));
  };
  EXPECT_FALSE(ask(Op::kIn, {"a"}));
  EXPECT_TRUE(ask(Op::kIn, {"a", "b", "c"}));
  EXPECT_TRUE(ask(Op::kIntersects, {"a"}));
  EXPECT_FALSE(ask(Op::kIntersects, {"c"}));
}

TEST(Several, AreWhatTheFieldMakesThem) {
  EXPECT_EQ(several_of(FieldId::kProcAname), Several::kAny);
  EXPECT_EQ(several_of(FieldId::kFdIp), Several::kBoth);
  EXPECT_EQ(several_of(FieldId::kFdNet), Several::kBoth);
  EXPECT_EQ(several_of(FieldId::kFdPort), Several::kBoth);
  EXPECT_EQ(several_of(FieldId::kFdTypes), Several::kList);
}

TEST(Endpoints, AreOperandsOfWhetherAnEndIsAnyOfThem) {
  using enum FieldId;
  EXPECT_TRUE(takes_endpoints(kFdSip, Op::kIn, Quantifier::kNone));
  EXPECT_TRUE(takes_endpoints(kFdIp, Op::kIntersects, Quantifier::kNone));
  EXPECT_TRUE(takes_endpoints(kFdRnet, Op::kEq, Quantifier::kAnyof));
  EXPECT_FALSE(takes_endpoints(kFdSip, Op::kEq, Quantifier::kNone));
  EXPECT_FALSE(takes_endpoints(kFdSip, Op::kNe, Quantifier::kAnyof));
  EXPECT_FALSE(takes_endpoints(kFdSip, Op::kEq, Quantifier::kAllof));
  EXPECT_FALSE(takes_endpoints(kFdSport, Op::kIn, Quantifier::kNone));
}

TEST(Endpoints, PairAddressesAndPortsOfOneEnd) {
  const Value client(address("10.0.0.1"));
  const Value server(address("10.0.0.2"));
  std::vector<Value> values = {client, server};
  add_endpoints(values, {std::int64_t{40000}, std::int64_t{443}});
  EXPECT_EQ(values, (std::vector<Value>{client, server,
                                        IpEndpoint{address("10.0.0.1"), 40000},
                                        IpEndpoint{address("10.0.0.2"), 443}}));
  values = {client, Null{}};
  add_endpoints(values, {Null{}, std::int64_t{443}});
  EXPECT_EQ(values, (std::vector<Value>{client, Null{}}));
  values = {client, server};
  add_endpoints(values, {std::int64_t{443}});
  EXPECT_EQ(values, (std::vector<Value>{client, server}));
  values = {server};
  add_endpoints(values, {std::int64_t{65536}});
  EXPECT_EQ(values, std::vector<Value>{server});
}

}  // namespace
}  // namespace bailiff
