// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

Term text(std::string value) { return {std::move(value)}; }
Term of(FieldId field) {
  return {FieldReference{.field = field, .argument = ""}};
}
Term list(std::vector<Term> items) { return {ListTerm{std::move(items)}}; }
Term call(Transform transform, std::vector<Term> arguments,
          std::string option = "") {
  return {CallTerm{.transform = transform,
                   .arguments = std::move(arguments),
                   .option = std::move(option)}};
}

class TermTest : public ::testing::Test {
 protected:
  // The values as "a|b", or "(nothing)".
  std::string ask(const Term& term) const {
    const auto values =
        evaluate_term(term, [this](const FieldReference& field) {
          const auto found = fields_.find(field.field);
          return found == fields_.end() ? std::vector<Value>() : found->second;
        });
    if (!values) return "(nothing)";
    std::string joined;
    for (const Value& value : *values) {
      joined += (joined.empty() ? "" : "|") + to_string(value);
    }
    return joined;
  }

  std::map<FieldId, std::vector<Value>> fields_ = {
      {FieldId::kProcName, {Value("JAVA")}},
      {FieldId::kProcExepath, {Value("/usr/bin/java")}},
      {FieldId::kProcPid, {Value(std::int64_t{7})}},
      {FieldId::kFdTypes, {Value("File"), Value("ipv4")}},
  };
};

TEST_F(TermTest, ChangesTheCaseOfAscii) {
  EXPECT_EQ(ask(call(Transform::kTolower, {of(FieldId::kProcName)})), "java");
  EXPECT_EQ(ask(call(Transform::kToupper, {text("a\xc3\xa9")})), "A\xc3\xa9");
  EXPECT_EQ(ask(call(Transform::kTolower, {of(FieldId::kFdTypes)})),
            "file|ipv4");
}

TEST_F(TermTest, GivesNothingOfNothing) {
  EXPECT_EQ(ask(call(Transform::kTolower, {of(FieldId::kProcPname)})),
            "(nothing)");
  EXPECT_EQ(ask(call(Transform::kConcat, {text("a"), of(FieldId::kProcPname)})),
            "(nothing)");
  EXPECT_EQ(ask(list({text("a"), of(FieldId::kProcPname)})), "(nothing)");
}

TEST_F(TermTest, DecodesBase64) {
  const auto decoded = [&](const char* encoded) {
    return ask(call(Transform::kB64, {text(encoded)}));
  };
  EXPECT_EQ(decoded("aGVsbG8="), "hello");
  EXPECT_EQ(decoded("aGVsbG8"), "hello");
  EXPECT_EQ(decoded("aGk="), "hi");
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("a"), "(nothing)");
  EXPECT_EQ(decoded("aGVsbG9="), "(nothing)");  // bits past the last byte
  EXPECT_EQ(decoded("aG k="), "(nothing)");
}

TEST_F(TermTest, TakesTheBasename) {
  EXPECT_EQ(ask(call(Transform::kBasename, {of(FieldId::kProcExepath)})),
            "java");
  EXPECT_EQ(ask(call(Transform::kBasename, {text("java")})), "java");
  EXPECT_EQ(ask(call(Transform::kBasename, {text("/usr/")})), "");
}

TEST_F(TermTest, CountsBytesAndElements) {
  EXPECT_EQ(ask(call(Transform::kLen, {text("\xc3\xa9")})), "2");
  EXPECT_EQ(ask(call(Transform::kLen, {of(FieldId::kFdTypes)})), "2");
  EXPECT_EQ(ask(call(Transform::kLen, {list({})})), "0");
}

TEST_F(TermTest, JoinsAndConcatenates) {
  EXPECT_EQ(ask(call(Transform::kJoin,
                     {text(", "), list({text("a"), of(FieldId::kProcPid)})})),
            "a, 7");
  EXPECT_EQ(ask(call(Transform::kJoin, {text("/"), of(FieldId::kFdTypes)})),
            "File/ipv4");
  EXPECT_EQ(ask(call(Transform::kConcat, {text("x"), of(FieldId::kProcName)})),
            "xJAVA");
}

TEST_F(TermTest, NestsCalls) {
  EXPECT_EQ(ask(call(Transform::kToupper, {call(Transform::kBasename,
                                                {of(FieldId::kProcExepath)})})),
            "JAVA");
}

TEST_F(TermTest, ReadsOptionsAsGetoptDoes) {
  const auto options = [&](std::vector<Term> words, const char* known,
                           std::string wanted = "") {
    return ask(call(Transform::kGetopt, {list(std::move(words)), text(known)},
                    std::move(wanted)));
  };
  EXPECT_EQ(options({text("-n"), text("-t"), text("5"), text("x"), text("-n")},
                    "nt:"),
            "n|t|5");
  EXPECT_EQ(options({text("-nt5")}, "nt:"), "n|t|5");
  EXPECT_EQ(options({text("-x")}, "nt:"), "?");
  EXPECT_EQ(options({text("--long"), text("-n")}, "n"), "n");
  EXPECT_EQ(options({text("--"), text("-n")}, "n"), "");
  EXPECT_EQ(options({text("-t")}, "t:"), "");
  EXPECT_EQ(options({text("-t1"), text("-t"), text("2")}, "t:", "t"), "2");
  EXPECT_EQ(options({text("-n")}, "nt:", "n"), "n");
  EXPECT_EQ(options({text("-n")}, "nt:", "t"), "(nothing)");
  EXPECT_EQ(options({text("-t")}, "t:", "t"), "");
}

class NoOperands : public Operands {
 public:
  bool contains(const Value&) const override { return false; }
  void for_each(const std::function<bool(const Value&)>&) const override {}
};

TEST(TermCheck, ComparesFieldsWithFields) {
  TermCheck check;
  check.left = of(FieldId::kProcName);
  check.right = {of(FieldId::kProcPname)};
  std::vector<Value> parent = {Value("sh")};
  const auto extract = [&](const FieldReference& field) {
    return field.field == FieldId::kProcName ? std::vector<Value>{Value("sh")}
                                             : parent;
  };
  EXPECT_TRUE(holds(check, extract, NoOperands()));
  check.op = Op::kNe;
  EXPECT_FALSE(holds(check, extract, NoOperands()));
  parent = {};
  EXPECT_FALSE(holds(check, extract, NoOperands()));
}

TEST(TermCheck, AListWithoutElementsIsInEverySet) {
  TermCheck check;
  check.left = call(Transform::kGetopt, {list({text("x")}), text("n")});
  check.op = Op::kIn;
  const auto nothing = [](const FieldReference&) {
    return std::vector<Value>();
  };
  EXPECT_TRUE(holds(check, nothing, NoOperands()));
  check.op = Op::kIntersects;
  EXPECT_FALSE(holds(check, nothing, NoOperands()));
  check.op = Op::kExists;
  EXPECT_TRUE(holds(check, nothing, NoOperands()));
}

TEST(TermType, IsThatOfTheOutermostCall) {
  EXPECT_EQ(type_of(of(FieldId::kFdSip)).type, FalcoType::kIpaddr);
  EXPECT_TRUE(type_of(of(FieldId::kFdTypes)).is_list);
  EXPECT_EQ(type_of(call(Transform::kLen, {of(FieldId::kProcName)})).type,
            FalcoType::kUint64);
  EXPECT_FALSE(type_of(call(Transform::kLen, {of(FieldId::kFdTypes)})).is_list);
  EXPECT_TRUE(type_of(call(Transform::kGetopt, {list({}), text("n")})).is_list);
  EXPECT_FALSE(
      type_of(call(Transform::kGetopt, {list({}), text("n")}, "n")).is_list);
}

}  // namespace
}  // namespace bailiff
