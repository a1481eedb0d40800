// SPDX-License-Identifier: Apache-2.0
#include "rules/types/check.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "rules/syntax/parser.h"

namespace bailiff {
namespace {

LocatedText located(const std::string& text) {
  LocatedText result;
  result.push_run(text, 0, 0);
  return result;
}

// Checks one condition against some lists.
class CheckTest : public ::testing::Test {
 protected:
  void list(std::string name, std::vector<std::string> items,
            std::vector<std::uint32_t> includes = {}) {
    ListDefinition definition;
    definition.name.text = std::move(name);
    for (std::string& item : items) {
      definition.items.push_back({.text = std::move(item), .span = {}});
    }
    definition.includes = std::move(includes);
    lists_.push_back(std::move(definition));
  }

  // The typed condition as text, or the first diagnostic with its hint.
  std::string typed(const std::string& condition) {
    Diagnostics diagnostics;
    const syntax::Owner owner = {.type = "rule", .name = "r"};
    const auto node =
        syntax::parse_condition(located(condition), owner, diagnostics);
    Checker checker(lists_, diagnostics);
    std::optional<Expr> expr;
    if (node) expr = checker.check(*node, owner).expr;
    messages_.clear();
    for (const Diagnostic& diagnostic : diagnostics.all()) {
      messages_.push_back(diagnostic.message + (diagnostic.hint.empty()
                                                    ? ""
                                                    : "; " + diagnostic.hint));
    }
    EXPECT_EQ(expr.has_value(), !diagnostics.has_errors());
    if (!expr) return messages_.empty() ? "no message" : messages_.front();
    std::vector<std::string> names;
    for (const ListDefinition& definition : lists_) {
      names.push_back(definition.name.text);
    }
    return to_string(*expr, names);
  }

  std::size_t event_types(const std::string& condition) {
    Diagnostics diagnostics;
    const syntax::Owner owner;
    const auto node =
        syntax::parse_condition(located(condition), owner, diagnostics);
    Checker checker(lists_, diagnostics);
    const Checker::Outcome outcome = checker.check(*node, owner);
    return event_type_count(*outcome.expr, lists_);
  }

  std::vector<ListDefinition> lists_;
  std::vector<std::string> messages_;
};

TEST_F(CheckTest, GivesOperandsTheFieldsType) {
  for (const std::string condition :
       {"evt.type = connect and fd.sip in (203.0.113.66, 2001:db8::1)",
        "fd.snet in (10.0.0.0/8, 2001:db8::/32)",
        "fd.sport >= 1024 or not fd.sport = 443", "container.privileged = true",
        "proc.name in (nc, ncat)", "proc.name exists", "user.uid != 0",
        "fd.sip in ()", "container.image.repository endswith /shop"}) {
    EXPECT_EQ(typed(condition), condition);
  }
  EXPECT_EQ(typed("fd.sport == +80"), "fd.sport = 80");
  EXPECT_EQ(typed("fd.sip = ::ffff:1.2.3.4"), "fd.sip = 1.2.3.4");
  EXPECT_EQ(typed("fd.snet = 10.1.2.3/8"), "fd.snet = 10.0.0.0/8");
}

TEST_F(CheckTest, RefusesUnknownFieldWithSuggestion) {
  EXPECT_EQ(typed("fd.spi = 1.2.3.4"),
            "unknown field 'fd.spi'; did you mean 'fd.sip'?");
  EXPECT_EQ(typed("some.thing_else = 1"), "unknown field 'some.thing_else'");
}

TEST_F(CheckTest, RefusesArgumentOfPlainField) {
  EXPECT_EQ(typed("proc.name[1] = a"), "field 'proc.name' takes no argument");
}

TEST_F(CheckTest, RefusesOperandsOfAnotherType) {
  EXPECT_EQ(typed("user.uid = root"), "'root' is not a decimal number");
  EXPECT_EQ(typed("user.uid = 0x10"), "'0x10' is not a decimal number");
  EXPECT_EQ(typed("user.uid > 1.5"), "'1.5' is not a decimal number");
  EXPECT_EQ(typed("user.uid = +-1"), "'+-1' is not a decimal number");
  EXPECT_EQ(typed("fd.sport = https"),
            "'https' is not a decimal number; write the port's number: names "
            "of services depend on the host");
  EXPECT_EQ(typed("container.privileged = 1"), "'1' is neither true nor false");
  EXPECT_EQ(typed("fd.sip = 1.2.3.0/24"),
            "'1.2.3.0/24' is not an IP address; compare fd.snet, not fd.sip, "
            "with networks");
  EXPECT_EQ(typed("fd.snet = 1.2.3.4"),
            "'1.2.3.4' is not an IP network; write '1.2.3.4/32'");
  EXPECT_EQ(typed("fd.snet in (::1)"),
            "'::1' is not an IP network; write '::1/128'");
}

TEST_F(CheckTest, HoldsTheTableOfOperatorsAndTypes) {
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"proc.name", "a"},
      {"fd.sport", "1"},
      {"container.privileged", "true"},
      {"fd.sip", "1.1.1.1"},
      {"fd.snet", "1.1.1.0/24"},
  };
  // Which of text, number, boolean, address and network each suits.
  const std::vector<std::pair<std::string, std::vector<bool>>> table = {
      {"=", {true, true, true, true, true}},
      {"!=", {true, true, true, true, true}},
      {"contains", {true, false, false, false, false}},
      {"icontains", {true, false, false, false, false}},
      {"startswith", {true, false, false, false, false}},
      {"endswith", {true, false, false, false, false}},
  };
  for (const auto& [op, suits] : table) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      std::string condition = fields[i].first;
      condition += " " + op + " " + fields[i].second;
      const std::string result = typed(condition);
      EXPECT_EQ(result == condition, suits[i]) << condition << ": " << result;
    }
  }
  for (const std::string op : {"<", "<=", ">", ">="}) {
    EXPECT_EQ(typed("proc.name " + op + " 5"), "proc.name " + op + " 5");
    EXPECT_EQ(typed("fd.sport " + op + " 5"), "fd.sport " + op + " 5");
    EXPECT_EQ(typed("fd.sip " + op + " 5"),
              "operator '" + op +
                  "' does not work on 'fd.sip', which is an IP address");
  }
}

TEST_F(CheckTest, RefusesOperatorsOfLaterVersionsByName) {
  for (const std::string op :
       {"glob", "iglob", "regex", "bcontains", "bstartswith"}) {
    EXPECT_EQ(typed("proc.name " + op + " a"),
              "operator '" + op + "' is not available in this version");
  }
  for (const std::string op : {"intersects", "pmatch"}) {
    EXPECT_EQ(typed("proc.name " + op + " (a)"),
              "operator '" + op + "' is not available in this version");
  }
}

TEST_F(CheckTest, RefusesTransformersAndQuantifiers) {
  for (const std::string condition :
       {"tolower(proc.name) = a", "proc.name = val(proc.pname)",
        "proc.name in len(proc.pname)", "proc.name = oneof (a)"}) {
    EXPECT_EQ(typed(condition),
              "transformers, oneof, anyof and allof are not available in this "
              "version");
  }
}

TEST_F(CheckTest, NamesListsOnlyInIn) {
  list("c2", {"1.2.3.4"});
  EXPECT_EQ(typed("fd.sip in (c2)"), "fd.sip in (c2)");
  EXPECT_EQ(typed("fd.sip in c2"), "fd.sip in (c2)");
  EXPECT_EQ(typed("fd.sip in (9.9.9.9, c2)"), "fd.sip in (9.9.9.9, c2)");
  EXPECT_EQ(typed("proc.name in (\"c2\")"), "proc.name in (\"c2\")");
  EXPECT_EQ(typed("fd.sip = c2"),
            "'c2' is not an IP address; it is a list: write 'in (c2)'");
}

TEST_F(CheckTest, SaysWhenANameIsNeitherListNorAddress) {
  list("malicious_c2", {"1.2.3.4"});
  EXPECT_EQ(typed("fd.sip in (malicous_c2)"),
            "'malicous_c2' is neither a list nor an IP address; did you mean "
            "'malicious_c2'?");
  EXPECT_EQ(typed("fd.sip in malicous_c2"),
            "unknown list 'malicous_c2'; did you mean 'malicious_c2'?");
}

TEST_F(CheckTest, ChecksEveryItemOfNestedListsOnce) {
  list("inner", {"1.2.3.4", "host.example"});
  list("outer", {"5.6.7.8/32"}, {0});
  typed("fd.sip in (outer) and fd.sip in (inner) and fd.sip in (outer)");
  EXPECT_EQ(messages_,
            (std::vector<std::string>{
                "'5.6.7.8/32' is not an IP address, in list 'outer' used for "
                "'fd.sip'; compare fd.snet, not fd.sip, with networks",
                "'host.example' is not an IP address, in list 'inner' used "
                "for 'fd.sip'"}));
}

TEST_F(CheckTest, KnowsEventTypes) {
  EXPECT_EQ(typed("evt.type in (connect, container, openat2)"),
            "evt.type in (connect, container, openat2)");
  EXPECT_EQ(typed("evt.type = conect"),
            "unknown event type 'conect'; did you mean 'connect'?");
  EXPECT_EQ(typed("evt.type startswith open"), "evt.type startswith open");
}

TEST_F(CheckTest, WarnsOfDeprecatedDirection) {
  EXPECT_EQ(typed("evt.dir = <"), "evt.dir = <");
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_NE(messages_[0].find("'evt.dir' is deprecated"), std::string::npos);
}

TEST_F(CheckTest, WarnsOfPortNoConnectionHas) {
  EXPECT_EQ(typed("fd.sport = 65536"), "fd.sport = 65536");
  EXPECT_EQ(messages_.size(), 1U);
  typed("fd.sport = 65535 or fd.sport = 0");
  EXPECT_TRUE(messages_.empty());
}

TEST_F(CheckTest, ReportsEveryMistakeOfACondition) {
  typed("a.b = 1 and (c.d = 2 or fd.sip = x)");
  EXPECT_EQ(messages_.size(), 3U);
}

TEST_F(CheckTest, ForgivesUnknownNamesOnRequest) {
  Diagnostics diagnostics;
  const syntax::Owner owner;
  Checker checker(lists_, diagnostics);
  const auto unknown = syntax::parse_condition(
      located("some.field = 1 or evt.type = nonesuch"), owner, diagnostics);
  const Checker::Outcome outcome = checker.check(*unknown, owner, true);
  EXPECT_FALSE(outcome.expr);
  EXPECT_EQ(outcome.forgiven, "unknown field 'some.field'");
  EXPECT_FALSE(diagnostics.has_errors());
  const auto wrong = syntax::parse_condition(
      located("some.field = 1 or fd.sip = x"), owner, diagnostics);
  EXPECT_TRUE(checker.check(*wrong, owner, true).forgiven.empty());
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST_F(CheckTest, CountsThePossibleEventTypes) {
  list("opens", {"open", "openat"});
  list("more", {"creat"}, {0});
  EXPECT_EQ(event_types("evt.type = connect and proc.name = a"), 1U);
  EXPECT_EQ(event_types("evt.type in (connect, more)"), 4U);
  EXPECT_EQ(event_types("evt.type = open or evt.type = openat"), 2U);
  EXPECT_EQ(event_types("evt.type = open and evt.type = openat"), 0U);
  EXPECT_EQ(event_types("not (evt.type != connect or proc.name = a)"), 1U);
  EXPECT_EQ(event_types("evt.num = 0"), 0U);
  EXPECT_GT(event_types("not evt.num = 0"), 100U);
  EXPECT_GT(event_types("proc.name = a"), 100U);
  EXPECT_GT(event_types("evt.type = connect or proc.name = a"), 100U);
  EXPECT_GT(event_types("evt.type != connect"), 100U);
}

}  // namespace
}  // namespace bailiff
