// SPDX-License-Identifier: Apache-2.0
#include "rules/types/check.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "rules/syntax/parser.h"
#include "rules/types/event_set.h"

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
    return count(possible_events(*outcome.expr, [this](std::uint32_t list) {
      std::vector<std::string> items;
      for (const PlacedText& item : lists_[list].items) {
        items.push_back(item.text);
      }
      for (const std::uint32_t inner : lists_[list].includes) {
        for (const PlacedText& item : lists_[inner].items) {
          items.push_back(item.text);
        }
      }
      return items;
    }));
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
  EXPECT_EQ(typed("user.uid == +80"), "user.uid = 80");
  EXPECT_EQ(typed("fd.sport = https"), "fd.sport = 443");
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
  EXPECT_EQ(typed("fd.sport = htps"),
            "'htps' is neither a decimal number nor a service with a known "
            "port; write the port's number: names of services depend on the "
            "host");
  EXPECT_EQ(typed("container.privileged = 1"), "'1' is neither true nor false");
  EXPECT_EQ(typed("fd.sip = 1.2.3.0/24"),
            "'1.2.3.0/24' is not an IP address; compare fd.snet, not fd.sip, "
            "with networks");
  EXPECT_EQ(typed("fd.snet = 1.2.3.4"),
            "'1.2.3.4' is not an IP network; write '1.2.3.4/32'");
  EXPECT_EQ(typed("fd.snet in (::1)"),
            "'::1' is not an IP network; write '::1/128'");
  EXPECT_EQ(typed("fd.snet in (\"::/0\")"),
            "'::/0' is not an IP network; Falco takes no '::/0': write '::/1' "
            "and '8000::/1'");
  EXPECT_EQ(typed("fd.sip = ::ffff:1.2.3.4"),
            "'::ffff:1.2.3.4' is not an IP address; write the IPv4 address: "
            "1.2.3.4");
  EXPECT_EQ(typed("evt.buffer bcontains xy"),
            "'xy' is not a string of hexadecimal digits; write two digits for "
            "each byte, such as '7f454c46'");
  EXPECT_EQ(typed("proc.name = \"a\\x00b\""),
            "value with a NUL byte, which no text has");
  EXPECT_EQ(typed("proc.name regex \"a(\""),
            "invalid regular expression: missing ): a(");
}

TEST_F(CheckTest, HoldsTheTableOfOperatorsAndTypes) {
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"proc.name", "a"},    {"evt.buffer", "61"},
      {"fd.sport", "1"},     {"container.privileged", "true"},
      {"fd.sip", "1.1.1.1"}, {"fd.snet", "1.1.1.0/24"},
      {"thread.cpu", "1"},   {"fd.types", "a"},
  };
  // Which of text, buffer, number, boolean, address, network, fraction and list
  // each suits; '(' where a set of operands follows.
  const std::vector<std::pair<std::string, std::string>> table = {
      {"=", "yyyyyyyn"},
      {"!=", "yyyyyyyn"},
      {"contains", "yynnnnnn"},
      {"icontains", "ynnnnnnn"},
      {"startswith", "yynnnnnn"},
      {"endswith", "yynnnnnn"},
      {"glob", "ynnnnnnn"},
      {"iglob", "ynnnnnnn"},
      {"regex", "ynnnnnnn"},
      {"bcontains", "nynnnnnn"},
      {"bstartswith", "nynnnnnn"},
      {"in (", "yyyyyyyy"},
      {"intersects (", "yyyyyyyy"},
      {"pmatch (", "ynnnnnnn"},
  };
  for (const auto& [op, suits] : table) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const bool set = op.ends_with('(');
      std::string condition = fields[i].first;
      condition += " " + op + (set ? "" : " ") + fields[i].second;
      if (set) condition += ")";
      const std::string result = typed(condition);
      EXPECT_EQ(result == condition, suits[i] == 'y')
          << condition << ": " << result;
    }
  }
  for (const std::string op : {"<", "<=", ">", ">="}) {
    EXPECT_EQ(typed("proc.name " + op + " 5"), "proc.name " + op + " 5");
    EXPECT_EQ(typed("fd.sport " + op + " 5"), "fd.sport " + op + " 5");
    EXPECT_EQ(typed("thread.cpu " + op + " 5"), "thread.cpu " + op + " 5");
    EXPECT_EQ(typed("fd.sip " + op + " 5"),
              "operator '" + op +
                  "' does not work on 'fd.sip', which is an IP address");
  }
}

TEST_F(CheckTest, QuantifiersTakeListsOfOperands) {
  list("shells", {"bash", "zsh"});
  for (const std::string condition :
       {"proc.name = anyof (a, b)", "proc.name startswith oneof (a, shells)",
        "proc.name != allof ()", "evt.buffer bcontains anyof (61, 62)",
        "fd.sip = anyof (1.1.1.1, 2.2.2.2)"}) {
    EXPECT_EQ(typed(condition), condition);
  }
  EXPECT_EQ(typed("fd.types in (a) and fd.types = anyof (a)"),
            "operator '=' does not work on 'fd.types', which is a list; lists "
            "have 'exists', 'in' and 'intersects'");
  EXPECT_EQ(typed("proc.name regex anyof (a+b, \"(\")"),
            "invalid regular expression: missing ): (");
}

TEST_F(CheckTest, TransformersTakeWhatSuitsThem) {
  for (const std::string condition :
       {"tolower(proc.name) = java", "len(proc.args) > 5", "len(fd.types) = 2",
        "basename(toupper(proc.exepath)) in (A, B)",
        "b64(evt.buffer) contains x", "proc.name = val(proc.pname)",
        "proc.name startswith tolower(proc.pname)",
        "tolower(fd.types) in (file)",
        "join(\",\", (proc.name, proc.pname)) = \"a,b\"",
        "concat(proc.name, \"x\") = ax",
        "proc.name = concat(proc.pname, \"x\")",
        "getopt((\"-n\"), \"n\")[\"n\"] exists",
        "getopt((\"-n\"), \"n\") in (n)",
        "concat(proc.aname[2], \"x\") = ax"}) {
    EXPECT_EQ(typed(condition), condition);
  }
}

TEST_F(CheckTest, RefusesWhatTransformersDoNotTake) {
  EXPECT_EQ(typed("tolower(fd.sport) = 1"),
            "'tolower' takes text, and 'fd.sport' is a number");
  EXPECT_EQ(typed("tolower(fd.snet) = a"),
            "field 'fd.snet' cannot be transformed");
  EXPECT_EQ(typed("tolower(proc.aname) = a"),
            "field 'proc.aname' cannot be transformed");
  // This one crashes Falco's engine.
  EXPECT_EQ(typed("tolower(evt.type) = open"),
            "field 'evt.type' cannot be transformed");
  EXPECT_EQ(typed("tolower(proc.name, proc.pname) = a"),
            "'tolower' takes one argument");
  EXPECT_EQ(typed("len(fd.sport) = 1"),
            "'len' takes text or a list, and 'fd.sport' is a number");
  EXPECT_EQ(typed("join(\",\", proc.name) = a"),
            "'join' takes a list second, and 'proc.name' is text");
  EXPECT_EQ(typed("concat(proc.name) = a"), "'concat' takes two or more texts");
  EXPECT_EQ(typed("concat(proc.name, len(proc.name)) = a"),
            "'concat' takes texts, and 'len(proc.name)' is a number");
  EXPECT_EQ(typed("getopt(proc.name, \"n\") in (n)"),
            "'getopt' takes a list of texts first, and 'proc.name' is text");
  EXPECT_EQ(typed("getopt((\"-n\"), \"n\")[\"nn\"] = n"),
            "'getopt' takes one option letter in brackets");
  EXPECT_EQ(typed("tolower(proc.name)[1] = n"),
            "'tolower' takes no argument in brackets");
  EXPECT_EQ(typed("len(proc.name) contains a"),
            "operator 'contains' does not work on 'len(proc.name)', which is "
            "a number");
}

TEST_F(CheckTest, RefusesRightSidesOfAnotherType) {
  EXPECT_EQ(typed("proc.name = val(fd.sport)"),
            "'fd.sport' is a number, and 'proc.name' is text");
  EXPECT_EQ(typed("user.uid = val(proc.pid)"),
            "'proc.pid' is a number of another kind than 'user.uid'");
  EXPECT_EQ(typed("fd.snet = val(fd.sip)"),
            "field 'fd.snet' cannot be compared with a field");
  EXPECT_EQ(typed("proc.name = val(proc.aname[2])"),
            "field 'proc.aname[2]' cannot be compared with a field");
  EXPECT_EQ(typed("evt.type = val(proc.name)"),
            "field 'evt.type' cannot be compared with a field");
  EXPECT_EQ(typed("proc.name regex val(proc.pname)"),
            "operator 'regex' takes no field on its right");
  EXPECT_EQ(typed("proc.name in val(fd.types)"),
            "field 'fd.types' cannot be compared with a field");
}

TEST_F(CheckTest, WarnsOfWhatIsLikelyNotMeant) {
  EXPECT_EQ(typed("proc.name = proc.pname"), "proc.name = proc.pname");
  EXPECT_EQ(messages_,
            (std::vector<std::string>{
                "'proc.pname' is the name of a field, and a text here; write "
                "'val(proc.pname)' to compare with the field"}));
  typed("proc.name = \"tolower(proc.pname)\"");
  EXPECT_EQ(messages_,
            (std::vector<std::string>{
                "'tolower(proc.pname)' is a transformer, and a text here; "
                "write it without quotes"}));
  typed("proc.name regex \".*java\"");
  EXPECT_EQ(messages_,
            (std::vector<std::string>{
                "regular expression '.*java' can be a simpler operator; '=', "
                "'contains', 'startswith' or 'endswith' is cheaper"}));
  typed("proc.name regex \"ja*va\"");
  EXPECT_TRUE(messages_.empty());
}

TEST_F(CheckTest, TakesAddressesWithPortsWhereAnyWillDo) {
  list("feed", {"1.2.3.4|443", "5.6.7.8:22", "9.9.9.9"});
  EXPECT_EQ(typed("fd.sip in (feed)"), "fd.sip in (feed)");
  EXPECT_EQ(messages_,
            std::vector<std::string>{"'1.2.3.4|443' has a port, in list "
                                     "'feed': Falco takes no such item"});
  EXPECT_EQ(typed("fd.cip in (1.2.3.4:443)"), "fd.cip in (1.2.3.4|443)");
  EXPECT_EQ(messages_,
            std::vector<std::string>{
                "'1.2.3.4:443' has a port: Falco takes no such operand"});
  EXPECT_EQ(typed("fd.sip = 1.2.3.4|443"),
            "'1.2.3.4|443' has a port, and 'fd.sip' is compared with addresses "
            "alone here; only 'in' and 'intersects' take it, for a field such "
            "as fd.sip");
  EXPECT_EQ(typed("fd.sip != allof (feed)").substr(0, 26),
            "'1.2.3.4|443' has a port, ");
}

TEST_F(CheckTest, SaysWhatIsWrongWithAPort) {
  EXPECT_EQ(typed("fd.sip in (1.2.3.4|0)"),
            "'1.2.3.4|0' is not an IP address; with a port an item is "
            "ADDRESS|PORT, and a port is 1 to 65535");
  EXPECT_EQ(typed("fd.snet in (10.0.0.0/8|443)"),
            "'10.0.0.0/8|443' is not an IP network; a port is of an address, "
            "not of a network");
  EXPECT_EQ(typed("fd.sip in (\"[::ffff:1.2.3.4]:443\")"),
            "'[::ffff:1.2.3.4]:443' is not an IP address; write the IPv4 "
            "address: 1.2.3.4|443");
}

TEST_F(CheckTest, WarnsOfItemsThatAreListedBefore) {
  list("feed", {"1.2.3.4", "1.2.3.4|80", "5.6.7.8", "1.2.3.4", "2001:db8::1",
                "1.2.3.4:80", "2001:DB8:0::1"});
  list("nets", {"10.0.0.0/8", "10.1.0.0/8", "10.0.0.0/9"});
  EXPECT_EQ(typed("fd.sip in (feed)"), "fd.sip in (feed)");
  EXPECT_EQ(messages_, (std::vector<std::string>{
                           "'1.2.3.4|80' has a port, in list 'feed': Falco "
                           "takes no such item",
                           "'1.2.3.4' is listed before, in list 'feed'",
                           "'1.2.3.4:80' is listed before, in list 'feed'",
                           "'2001:DB8:0::1' is listed before, in list 'feed'",
                       }));
  EXPECT_EQ(typed("fd.snet in (nets)"), "fd.snet in (nets)");
  EXPECT_EQ(messages_.size(), 2U);
  EXPECT_EQ(messages_.back(), "'10.1.0.0/8' is listed before, in list 'nets'");
}

// What is told of one list hides nothing else.
TEST_F(CheckTest, CountsWhatAListHasTooOftenToTell) {
  list("same", std::vector<std::string>(1000, "1.2.3.4"));
  EXPECT_EQ(typed("fd.sip in (same)"), "fd.sip in (same)");
  // Of one place, here, the same is told once.
  ASSERT_EQ(messages_.size(), 2U);
  EXPECT_EQ(messages_.back(),
            "989 more items are listed before, in list 'same'");
  list("odd", {});
  for (int i = 0; i < 100; ++i) {
    lists_.back().items.push_back(
        {.text = "10.0." + std::to_string(i) + ".1/24", .span = {}});
  }
  EXPECT_EQ(typed("fd.snet in (odd)"), "fd.snet in (odd)");
  ASSERT_EQ(messages_.size(), kMaxItemWarnings + 1);
  EXPECT_EQ(messages_.back(),
            "90 more items have bits behind their length, in list 'odd'");
}

TEST_F(CheckTest, OutputOnlyFieldsAreNoConditions) {
  EXPECT_EQ(typed("evt.outputtime = x"),
            "field 'evt.outputtime' is for outputs only");
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
            "'malicous_c2' is neither a list nor an IP address; did you mean "
            "'malicious_c2'?");
}

TEST_F(CheckTest, TakesANameWithoutAListForItsOnlyItem) {
  list("shell_binaries", {"sh"});
  EXPECT_EQ(typed("proc.name in shel_binaries"),
            "proc.name in (shel_binaries)");
  EXPECT_EQ(messages_, (std::vector<std::string>{
                           "'shel_binaries' is no list, and the only item "
                           "here; did you mean 'shell_binaries'?"}));
  EXPECT_EQ(typed("proc.name pmatch bash"), "proc.name pmatch (bash)");
  EXPECT_EQ(
      messages_,
      (std::vector<std::string>{"'bash' is no list, and the only item here"}));
  EXPECT_EQ(typed("proc.name in (shel_binaries)"),
            "proc.name in (shel_binaries)");
  EXPECT_TRUE(messages_.empty());
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
  // As Falco: a name, whatever the operator.
  EXPECT_EQ(typed("evt.type startswith ope"),
            "unknown event type 'ope'; did you mean 'open'?");
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
  EXPECT_EQ(event_types("evt.type startswith openat"), 2U);
  EXPECT_EQ(event_types("evt.type = oneof (open, connect)"), 2U);
  EXPECT_EQ(event_types("syscall.type = connect"), 1U);
}

}  // namespace
}  // namespace bailiff
