// SPDX-License-Identifier: Apache-2.0
#include "rules/types/expr.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

Expr check(FieldId field, Op op, std::vector<Value> values,
           std::vector<std::uint32_t> lists = {}) {
  Check check;
  check.field = field;
  check.op = op;
  check.values = std::move(values);
  check.lists = std::move(lists);
  return {check};
}

Expr type_is(const char* name) {
  return check(FieldId::kEvtType, Op::kEq, {std::string(name)});
}

TEST(ExprPrinter, UsesTheFewestParentheses) {
  const Expr either = {Or{{type_is("a"), type_is("b")}}};
  const Expr both = {And{{type_is("c"), either}}};
  EXPECT_EQ(to_string(both, {}),
            "evt.type = c and (evt.type = a or evt.type = b)");
  const Expr any = {Or{{both, type_is("d")}}};
  EXPECT_EQ(to_string(any, {}),
            "evt.type = c and (evt.type = a or evt.type = b) or evt.type = d");
  EXPECT_EQ(to_string({Not{either}}, {}), "not (evt.type = a or evt.type = b)");
  EXPECT_EQ(to_string({Not{type_is("a")}}, {}), "not evt.type = a");
}

TEST(ExprPrinter, PrintsListsByName) {
  EXPECT_EQ(to_string(check(FieldId::kFdSip, Op::kIn,
                            {*parse_address("1.2.3.4")}, {1}),
                      {"a", "c2"}),
            "fd.sip in (1.2.3.4, c2)");
  EXPECT_EQ(to_string(check(FieldId::kFdSip, Op::kIn, {}), {}), "fd.sip in ()");
}

TEST(ExprPrinter, QuotesWhatWouldNotBeReadBack) {
  EXPECT_EQ(
      to_string(check(FieldId::kProcName, Op::kEq, {std::string("a \"b\"\n")}),
                {}),
      R"(proc.name = "a \"b\"\x0a")");
  EXPECT_EQ(to_string(check(FieldId::kProcName, Op::kIn, {std::string("c2")}),
                      {"c2"}),
            R"(proc.name in ("c2"))");
  EXPECT_EQ(to_string(check(FieldId::kProcName, Op::kEq, {std::string()}), {}),
            R"(proc.name = "")");
}

TEST(ExprPrinter, PrintsEveryOperator) {
  EXPECT_EQ(to_string(check(FieldId::kProcName, Op::kExists, {}), {}),
            "proc.name exists");
  for (const Op op : {Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe}) {
    EXPECT_EQ(to_string(check(FieldId::kFdSport, op, {std::int64_t{80}}), {}),
              "fd.sport " + std::string(to_string(op)) + " 80");
  }
  EXPECT_EQ(to_string(Op::kIcontains), "icontains");
  EXPECT_EQ(to_string(Op::kStartswith), "startswith");
  EXPECT_EQ(to_string(Op::kEndswith), "endswith");
  EXPECT_EQ(to_string(Op::kContains), "contains");
}

TEST(ExprPrinter, PrintsQuantifiersAndBytes) {
  Expr some = check(FieldId::kFdName, Op::kGlob, {"/etc/*", "/var/*"});
  std::get<Check>(some.node).quantifier = Quantifier::kAnyof;
  EXPECT_EQ(to_string(some, {}), "fd.name glob anyof (/etc/*, /var/*)");
  EXPECT_EQ(to_string(check(FieldId::kEvtBuffer, Op::kBcontains,
                            {"\x7f"
                             "E"}),
                      {}),
            "evt.buffer bcontains 7f45");
}

TEST(ExprPrinter, PrintsTerms) {
  const Term name = {FieldReference{.field = FieldId::kProcName}};
  const Term second = {
      FieldReference{.field = FieldId::kProcAname, .argument = "2"}};
  TermCheck check;
  check.left = {
      CallTerm{.transform = Transform::kTolower, .arguments = {name}}};
  check.right = {name};
  EXPECT_EQ(to_string({check}, {}), "tolower(proc.name) = val(proc.name)");
  check.left = {CallTerm{
      .transform = Transform::kJoin,
      .arguments = {Term{std::string(",")}, Term{ListTerm{{name, second}}}}}};
  check.right = {};
  check.op = Op::kIn;
  check.values = {"a"};
  check.lists = {0};
  EXPECT_EQ(to_string({check}, {"l"}),
            "join(\",\", (proc.name, proc.aname[2])) in (a, l)");
  check.left = {
      CallTerm{.transform = Transform::kGetopt,
               .arguments = {Term{ListTerm{{name}}}, Term{std::string("n:")}},
               .option = "n"}};
  check.op = Op::kExists;
  check.values = {};
  check.lists = {};
  EXPECT_EQ(to_string({check}, {}),
            "getopt((proc.name), \"n:\")[\"n\"] exists");
}

TEST(Expr, EqualityIgnoresPlaces) {
  Check one = std::get<Check>(type_is("connect").node);
  Check other = one;
  other.span = {.source = 0, .begin = 3, .end = 9};
  EXPECT_EQ(Expr{one}, Expr{other});
  other.op = Op::kNe;
  EXPECT_NE(Expr{one}, Expr{other});
}

}  // namespace
}  // namespace bailiff
