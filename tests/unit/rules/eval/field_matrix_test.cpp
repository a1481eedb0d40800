// SPDX-License-Identifier: Apache-2.0
//
// Every field of fields.def with every operator, quantifier and transformer: a
// cell is either refused, or both evaluators are asked about values for which
// the answer is written down in tests/harness/operator_samples.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/eval/matcher.h"
#include "rules/syntax/parser.h"
#include "rules/types/check.h"
#include "tests/harness/operator_samples.h"

namespace bailiff::test {
namespace {

using syntax::Transform;

using Values = std::vector<Value>;

// A field as it may be written, and the argument that is.
struct Spelling {
  std::string text;
  std::string argument;
  Kind kind;
};

// An event with nothing but the values of one field.
class OneField final : public FieldSource {
 public:
  OneField(FieldId field, std::string argument, Values values)
      : field_(field),
        argument_(std::move(argument)),
        values_(std::move(values)) {}

  Values extract(FieldId field, std::string_view argument) const override {
    return field == field_ && argument == argument_ ? values_ : Values();
  }

 private:
  FieldId field_;
  std::string argument_;
  Values values_;
};

Kind kind_of(const Field& field) {
  if (field.id == FieldId::kEvtType) return Kind::kEventType;
  switch (field.type) {
    case FieldType::kString:
    case FieldType::kDynamic:
      return Kind::kText;
    case FieldType::kNumber:
      return Kind::kNumber;
    case FieldType::kBool:
      return Kind::kBool;
    case FieldType::kAddress:
      return Kind::kAddress;
    case FieldType::kNetwork:
      return Kind::kNetwork;
    case FieldType::kBytes:
      return Kind::kBytes;
    case FieldType::kDouble:
      return Kind::kDouble;
  }
  return Kind::kText;
}

std::vector<Spelling> spellings(const Field& field) {
  const std::string name(field.name);
  const Kind kind = kind_of(field);
  const Spelling bare = {name, "", kind};
  const Spelling index = {name + "[1]", "1", kind};
  const Spelling key = {name + "[app]", "app", kind};
  switch (field.argument) {
    case FieldArgument::kNone:
      return {bare};
    case FieldArgument::kOptionalIndex:
      return {bare, index};
    case FieldArgument::kOptionalKey:
      return {bare, key};
    case FieldArgument::kOptionalIndexOrKey:
      return {bare, index, key};
    case FieldArgument::kOptionalPathSide:
      return {bare, {name + ".src", "src", kind}};
    case FieldArgument::kEventType:
      return {{name + ".open", "open", kind}};
    case FieldArgument::kParameter:
      return {{name + ".flags", "flags", kind}, index};
    case FieldArgument::kParameterName:
      return {{name + ".res", "res", Kind::kNumber},
              {name + ".exe", "exe", Kind::kText},
              {name + ".args", "args", Kind::kBytes}};
    case FieldArgument::kSubsystem:
      return {{name + ".cpuset", "cpuset", kind}};
    case FieldArgument::kKey:
      return {key, {name + ".app", "app", kind}};
    case FieldArgument::kIndexOrKey:
      return {index, {name + "[/x/*]", "/x/*", kind}};
  }
  return {};
}

// A condition, and whether it holds for an event with such values.
struct Case {
  std::string condition;
  Values values;
  bool holds;
};

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string list_of(const std::vector<SampleOperand>& operands) {
  std::string text;
  for (const SampleOperand& operand : operands) {
    text += (text.empty() ? "" : ", ") + quoted(operand.text);
  }
  return "(" + text + ")";
}

// The first holds, the last does not.
std::vector<std::vector<SampleOperand>> choices(
    const std::vector<SampleOperand>& operands) {
  const SampleOperand& first = operands.front();
  const SampleOperand& last = operands.back();
  return {{}, {first}, {last}, {last, first}, operands};
}

bool is_true(const SampleOperand& operand) { return operand.holds; }

enum class Takes { kNothing, kNumber, kText, kSet };
Takes takes(Operator op) {
  switch (op) {
    case Operator::kExists:
      return Takes::kNothing;
    case Operator::kLt:
    case Operator::kLe:
    case Operator::kGt:
    case Operator::kGe:
      return Takes::kNumber;
    case Operator::kEq:
    case Operator::kNe:
    case Operator::kGlob:
    case Operator::kIglob:
    case Operator::kContains:
    case Operator::kIcontains:
    case Operator::kBcontains:
    case Operator::kStartswith:
    case Operator::kBstartswith:
    case Operator::kEndswith:
    case Operator::kRegex:
      return Takes::kText;
    case Operator::kIntersects:
    case Operator::kIn:
    case Operator::kPmatch:
      return Takes::kSet;
  }
  return Takes::kNothing;
}

// With a quantifier of as many operands as hold.
bool quantified(syntax::Quantifier quantifier, std::size_t held,
                std::size_t all) {
  switch (quantifier) {
    case syntax::Quantifier::kNone:
    case syntax::Quantifier::kAnyof:
      return held > 0;
    case syntax::Quantifier::kOneof:
      return held == 1;
    case syntax::Quantifier::kAllof:
      return held > 0 && held == all;
  }
  return false;
}

void add_cases(const std::string& field, const OperatorSample& sample,
               std::vector<Case>& cases) {
  const std::string left = field + " " + std::string(to_string(sample.op));
  const Values values = {sample.value};
  const Takes right = takes(sample.op);
  if (right == Takes::kNothing) cases.push_back({left, values, true});
  for (const SampleOperand& operand : sample.operands) {
    if (right == Takes::kNumber) {
      cases.push_back({left + " " + operand.text, values, operand.holds});
    } else if (right == Takes::kText) {
      cases.push_back(
          {left + " " + quoted(operand.text), values, operand.holds});
    }
  }
  if (right != Takes::kText && right != Takes::kSet) return;
  for (const auto& operands : choices(sample.operands)) {
    const auto held = static_cast<std::size_t>(
        std::count_if(operands.begin(), operands.end(), is_true));
    if (right == Takes::kSet) {
      cases.push_back({left + " " + list_of(operands), values, held > 0});
      continue;
    }
    for (const syntax::Quantifier quantifier : syntax::kQuantifiers) {
      cases.push_back({left + " " + std::string(to_string(quantifier)) + " " +
                           list_of(operands),
                       values, quantified(quantifier, held, operands.size())});
    }
  }
}

// Of an event with several values, the operator wants one that does, or each.
void add_several(const Field& field, const std::string& name, Kind kind,
                 std::vector<Case>& cases) {
  const std::set<std::string_view> both = {"fd.ip", "fd.net", "fd.port",
                                           "fd.proto"};
  const bool each = both.contains(field.name);
  const OperatorSample equal = operator_samples(kind).front();
  const std::string same = quoted(equal.operands.front().text);
  const std::string other = quoted(equal.operands.back().text);
  Value second;
  switch (kind) {
    case Kind::kText:
    case Kind::kEventType:
    case Kind::kBytes:
      second = "stat";
      break;
    case Kind::kNumber:
      second = std::int64_t{7};
      break;
    case Kind::kDouble:
      second = 7.5;
      break;
    case Kind::kBool:
      return;  // every value is one or the other
    case Kind::kAddress:
    case Kind::kNetwork:
      second = address("192.0.2.1");
      break;
  }
  for (const Values& values :
       {Values{equal.value, second}, Values{second, equal.value}}) {
    cases.push_back({name + " = " + same, values, true});
    cases.push_back({name + " = " + other, values, false});
    cases.push_back({name + " != " + same, values, !each});
    cases.push_back({name + " != " + other, values, true});
    cases.push_back({name + " in (" + same + ")", values, true});
    cases.push_back({name + " intersects (" + other + ")", values, false});
  }
}

// The typed condition, or nullopt after a mistake with the right code.
std::optional<Expr> typed(const std::string& condition) {
  LocatedText text;
  text.push_run(condition, 0, 0);
  const syntax::Owner owner = {.type = "rule", .name = "r"};
  Diagnostics diagnostics;
  const auto node = syntax::parse_condition(text, owner, diagnostics);
  Checker checker({}, diagnostics);
  std::optional<Expr> expr;
  if (node) expr = checker.check(*node, owner).expr;
  EXPECT_EQ(expr.has_value(), !diagnostics.has_errors()) << condition;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != Severity::kError) continue;
    EXPECT_EQ(diagnostic.code, "LOAD_ERR_COMPILE_CONDITION") << condition;
    EXPECT_EQ(diagnostic.item_name, "r") << condition;
  }
  return expr;
}

void expect_refused(const std::string& condition) {
  EXPECT_FALSE(typed(condition)) << condition;
}

// Asks both evaluators about each case, and of an event without the field.
void judge(const Field& field, const std::string& argument,
           const std::vector<Case>& cases) {
  CompiledPolicy policy;
  for (const Case& one : cases) {
    std::optional<Expr> expr = typed(one.condition);
    ASSERT_TRUE(expr) << one.condition;
    policy.rules.emplace_back().condition = *std::move(expr);
  }
  const Matcher matcher(policy);
  const ListIndex lists(policy);
  MatchMemory memory;
  const OneField nothing(field.id, argument, {});
  EXPECT_TRUE(matcher.match(nothing, memory).empty()) << field.name;
  std::map<Values, std::set<std::uint32_t>> fired;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& one = cases[i];
    const Expr& condition = policy.rules[i].condition;
    const OneField event(field.id, argument, one.values);
    EXPECT_EQ(evaluate(condition, event, lists), one.holds) << one.condition;
    EXPECT_FALSE(evaluate(condition, nothing, lists)) << one.condition;
    EXPECT_TRUE(evaluate(negated(condition), nothing, lists)) << one.condition;
    const auto [known, first] = fired.try_emplace(one.values);
    if (first) {
      const auto rules = matcher.match(event, memory);
      known->second.insert(rules.begin(), rules.end());
    }
    EXPECT_EQ(known->second.contains(static_cast<std::uint32_t>(i)), one.holds)
        << "matcher: " << one.condition;
  }
}

// What a call comes to for a text or buffer; nullopt: it takes none.
std::optional<Case> call_case(Transform transform, const std::string& field,
                              Kind kind) {
  const bool text = kind == Kind::kText;
  const auto of_text = [&](const std::string& right, const char* value) {
    return text ? std::optional<Case>({right, {value}, true}) : std::nullopt;
  };
  switch (transform) {
    case Transform::kTolower:
      return of_text("tolower(" + field + ") = java", "JaVa");
    case Transform::kToupper:
      return of_text("toupper(" + field + ") = JAVA", "JaVa");
    case Transform::kBasename:
      return of_text("basename(" + field + ") = sh", "/bin/sh");
    case Transform::kConcat:
      return of_text("concat(" + field + ", \"-x\") = sh-x", "sh");
    case Transform::kB64:
      if (!text && kind != Kind::kBytes) return std::nullopt;
      return Case{"b64(" + field + ") = sh", {"c2g="}, true};
    case Transform::kLen:
      if (!text && kind != Kind::kBytes) return std::nullopt;
      return Case{"len(" + field + ") = 4", {"java"}, true};
    case Transform::kJoin:
    case Transform::kGetopt:
      return std::nullopt;  // of lists
    case Transform::kVal:
      break;
  }
  const OperatorSample equal = operator_samples(kind).front();
  return Case{field + " = val(" + field + ")", {equal.value}, true};
}

std::string any_call(Transform transform, const std::string& field) {
  const std::string name(to_string(transform));
  switch (transform) {
    case Transform::kTolower:
    case Transform::kToupper:
    case Transform::kB64:
    case Transform::kBasename:
    case Transform::kLen:
      return name + "(" + field + ") exists";
    case Transform::kConcat:
      return name + "(" + field + ", \"x\") exists";
    case Transform::kJoin:
      return name + "(\",\", " + field + ") exists";
    case Transform::kGetopt:
      return name + "(" + field + ", \"ab\") exists";
    case Transform::kVal:
      break;
  }
  return field + " = val(" + field + ")";
}

// What fields.def says against it.
bool may_call(Transform transform, const Field& field,
              const Spelling& spelling) {
  if (field.id == FieldId::kEvtType || field.id == FieldId::kSyscallType) {
    return false;
  }
  if (transform == Transform::kVal) {
    return !field.has(FieldFlag::kNoRightSide) &&
           field.type != FieldType::kNetwork;
  }
  // One ancestor is a text like any other where several are put together.
  if (transform == Transform::kConcat && !spelling.argument.empty()) {
    return field.type == FieldType::kString;
  }
  return !field.has(FieldFlag::kNoTransformer);
}

class FieldMatrix : public ::testing::TestWithParam<FieldClass> {
 protected:
  // Calls visit(field, spelling) for all of this class.
  template <typename Visit>
  static void each(const Visit& visit) {
    std::size_t visited = 0;
    for (const Field& field : all_fields()) {
      if (field.cls != GetParam()) continue;
      const std::vector<Spelling> all = spellings(field);
      EXPECT_FALSE(all.empty()) << field.name;
      for (const Spelling& spelling : all) visit(field, spelling);
      ++visited;
    }
    EXPECT_GT(visited, 0U);
  }
  // Texts a list would be made of have the operators of lists.
  static bool is_plain(const Field& field) {
    return !field.is_list() && field.usable_in_condition();
  }
};

TEST_P(FieldMatrix, OperatorsDoWhatIsWrittenDownOrAreRefused) {
  each([](const Field& field, const Spelling& spelling) {
    if (!is_plain(field)) return;
    std::vector<Case> cases;
    std::set<Operator> tested;
    for (const OperatorSample& sample : operator_samples(spelling.kind)) {
      add_cases(spelling.text, sample, cases);
      tested.insert(sample.op);
    }
    add_several(field, spelling.text, spelling.kind, cases);
    for (const Operator op : syntax::kOperators) {
      const std::string left =
          spelling.text + " " + std::string(to_string(op)) + " ";
      if (is_impossible(op, spelling.kind)) {
        expect_refused(left + (takes(op) == Takes::kSet ? "(1)" : "1"));
      } else {
        EXPECT_TRUE(tested.contains(op)) << left;
      }
      if (takes(op) == Takes::kText && !is_impossible(op, spelling.kind)) {
        continue;
      }
      for (const syntax::Quantifier quantifier : syntax::kQuantifiers) {
        expect_refused(left + std::string(to_string(quantifier)) + " (1)");
      }
    }
    judge(field, spelling.argument, cases);
  });
}

TEST_P(FieldMatrix, TransformersDoWhatIsWrittenDownOrAreRefused) {
  each([](const Field& field, const Spelling& spelling) {
    if (!is_plain(field)) return;
    std::vector<Case> cases;
    for (const Transform transform : syntax::kTransforms) {
      const std::optional<Case> one =
          call_case(transform, spelling.text, spelling.kind);
      if (one && may_call(transform, field, spelling)) {
        cases.push_back(*one);
        Case otherwise = *one;
        otherwise.condition.replace(otherwise.condition.find(" = "), 3, " != ");
        otherwise.holds = false;
        cases.push_back(otherwise);
      } else {
        expect_refused(any_call(transform, spelling.text));
      }
    }
    judge(field, spelling.argument, cases);
  });
}

TEST_P(FieldMatrix, ListsHaveTheOperatorsOfSets) {
  each([](const Field& field, const Spelling& spelling) {
    if (!field.is_list()) return;
    ASSERT_EQ(spelling.kind, Kind::kText) << "no samples for lists of these";
    const std::string& name = spelling.text;
    const Values two = {"a", "b"};
    judge(field, spelling.argument,
          {{name + " exists", two, true},
           {name + " in (a, b, c)", two, true},
           {name + " in (a, c)", two, false},
           {name + " in ()", two, false},
           {name + " intersects (b, c)", two, true},
           {name + " intersects (c, d)", two, false},
           {name + " intersects ()", two, false},
           {"len(" + name + ") = 2", two, true},
           {"len(" + name + ") = 1", {"aa"}, true},
           {"join(\"-\", " + name + ") = a-b", two, true},
           {"tolower(" + name + ") in (a, b)", {"A", "b"}, true},
           {"toupper(" + name + ") intersects (B)", two, true},
           {"basename(" + name + ") in (sh)", {"/bin/sh", "sh"}, true},
           {"b64(" + name + ") in (sh)", {"c2g="}, true},
           {"getopt(" + name + ", \"ab:\")[b] = c", {"-a", "-b", "c"}, true}});
    for (const Operator op : syntax::kOperators) {
      const bool set = op == Operator::kExists || op == Operator::kIn ||
                       op == Operator::kIntersects;
      const std::string left = name + " " + std::string(to_string(op)) + " ";
      if (!set) {
        expect_refused(left + (takes(op) == Takes::kSet ? "(1)" : "1"));
      }
      for (const syntax::Quantifier quantifier : syntax::kQuantifiers) {
        expect_refused(left + std::string(to_string(quantifier)) + " (1)");
      }
    }
    expect_refused(any_call(Transform::kConcat, name));
    expect_refused(name + " in val(" + name + ")");
  });
}

TEST_P(FieldMatrix, FieldsForOutputsAreRefused) {
  each([](const Field& field, const Spelling& spelling) {
    if (field.usable_in_condition()) return;
    for (const Operator op : syntax::kOperators) {
      const std::string left =
          spelling.text + " " + std::string(to_string(op)) + " ";
      if (takes(op) == Takes::kNothing) expect_refused(left);
      expect_refused(left + (takes(op) == Takes::kSet ? "(1)" : "1"));
    }
    for (const Transform transform : syntax::kTransforms) {
      expect_refused(any_call(transform, spelling.text));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    Classes, FieldMatrix,
    ::testing::Values(FieldClass::kEvent, FieldClass::kSyscall,
                      FieldClass::kProcess, FieldClass::kUser,
                      FieldClass::kGroup, FieldClass::kDescriptor,
                      FieldClass::kPath, FieldClass::kPoll,
                      FieldClass::kUtility, FieldClass::kContainer,
                      FieldClass::kKubernetes));

TEST(OperatorSamples, AreThereForAllThatIsPossible) {
  for (const Kind kind : kKinds) {
    std::map<Operator, std::set<bool>> answers;
    for (const OperatorSample& sample : operator_samples(kind)) {
      std::set<bool>& known = answers[sample.op];
      if (sample.operands.empty()) known = {true, false};
      if (known.empty()) {
        EXPECT_TRUE(sample.operands.front().holds) << to_string(sample.op);
        EXPECT_FALSE(sample.operands.back().holds) << to_string(sample.op);
      }
      for (const SampleOperand& operand : sample.operands) {
        known.insert(operand.holds);
      }
    }
    for (const Operator op : syntax::kOperators) {
      EXPECT_EQ(answers[op].size(), is_impossible(op, kind) ? 0U : 2U)
          << static_cast<int>(kind) << " " << to_string(op);
    }
  }
}

// The tables the tests above go through are whole: an enumerator that is not in
// them has the name of none.
TEST(OperatorSamples, GoThroughEverything) {
  EXPECT_EQ(std::size(syntax::kOperators),
            static_cast<std::size_t>(Operator::kPmatch) + 1);
  EXPECT_EQ(std::size(syntax::kTransforms),
            static_cast<std::size_t>(Transform::kVal) + 1);
  EXPECT_EQ(std::size(syntax::kQuantifiers),
            static_cast<std::size_t>(syntax::Quantifier::kAllof));
  std::set<FieldClass> classes;
  for (const Field& field : all_fields()) classes.insert(field.cls);
  EXPECT_EQ(classes.size(),
            static_cast<std::size_t>(FieldClass::kKubernetes) + 1);
}

}  // namespace
}  // namespace bailiff::test
