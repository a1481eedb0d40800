// SPDX-License-Identifier: Apache-2.0
// What load() makes of lists and exceptions in conditions; load_test.cpp has
// the rest.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/policy/load.h"

namespace bailiff {
namespace {

Loaded load_text(const std::string& text) {
  LoadInput input;
  input.files.push_back({.name = "f.yaml", .text = text});
  return load(std::move(input));
}

std::string rule(const std::string& condition, const std::string& more = "") {
  return "- rule: r\n  desc: d\n  condition: " + condition +
         "\n  output: o\n  priority: WARNING\n" + more;
}

// The compiled condition of the last rule, or what the user sees.
std::string compiled(const std::string& text) {
  const Loaded loaded = load_text(text);
  if (!loaded.policy) return render(loaded.diagnostics, loaded.sources);
  std::vector<std::string> names;
  for (const List& list : loaded.policy->lists) names.push_back(list.name);
  return to_string(loaded.policy->rules.back().condition, names);
}

using Codes = std::vector<std::string>;

Codes codes(const std::string& text) {
  Codes all;
  const Loaded loaded = load_text(text);
  for (const Diagnostic& d : loaded.diagnostics.all()) {
    all.push_back(d.code);
  }
  return all;
}

TEST(LoadLists, ReferToLongListsAndPasteTheRest) {
  EXPECT_EQ(
      compiled("- {list: shells, items: [sh, bash]}\n"
               "- {list: ssh, items: [ssh]}\n" +
               rule("evt.type = connect and proc.name in (shells) and "
                    "proc.name != ssh and proc.name contains \"a ssh b\"")),
      "evt.type = connect and proc.name in (shells) and proc.name != "
      "\"ssh\" and proc.name contains \"a ssh b\"");
}

TEST(LoadLists, AListOfTheOperandsNameIsPastedForIt) {
  EXPECT_EQ(compiled("- {list: sshd, items: [ssh, scp]}\n" +
                     rule("evt.type = connect and proc.name = sshd")),
            "f.yaml:4:49: error: unexpected ',', expected 'and', 'or' or the "
            "end of the condition, in rule 'r' [LOAD_ERR_COMPILE_CONDITION]\n"
            "    4 |   condition: evt.type = connect and proc.name = sshd\n"
            "      |                                                 ^~~~\n"
            "hint: a value with blanks or any of ( ) = , needs quotes\n");
}

TEST(LoadLists, AnItemThatIsNoValueIsAMistakeWhereItIsUsed) {
  const std::string list = "- list: login\n  items:\n  - su\n  - (systemd)\n";
  EXPECT_EQ(codes(list), Codes{"LOAD_UNUSED_LIST"});
  const std::string seen =
      compiled(list + rule("evt.type = connect and proc.name in (login)"));
  EXPECT_EQ(seen.substr(0, seen.find('\n')),
            "f.yaml:4:5: error: unexpected '(systemd)', expected a value, in "
            "rule 'r' [LOAD_ERR_COMPILE_CONDITION]");
}

std::string shown(const std::string& text) {
  const Loaded loaded = load_text(text);
  return render(loaded.diagnostics, loaded.sources);
}

TEST(LoadLists, AnItemThatIsNoAddressIsToldWithItsLineAndList) {
  const std::string seen =
      shown("- list: c2\n  items:\n  - 203.0.113.66\n  - 203.0.113.266\n" +
            rule("evt.type = connect and fd.sip in (c2)"));
  EXPECT_EQ(seen.substr(0, seen.find('\n')),
            "f.yaml:4:5: error: '203.0.113.266' is not an IP address, in list "
            "'c2' used for 'fd.sip', in rule 'r' "
            "[LOAD_ERR_COMPILE_CONDITION]");
}

TEST(LoadLists, ANetworkWithHostBitsIsTakenAndTold) {
  const std::string list =
      "- list: nets\n  items:\n  - 10.0.0.0/8\n  - 10.1.2.3/16\n";
  const std::string text =
      list + rule("evt.type = connect and fd.snet in (nets)");
  EXPECT_TRUE(load_text(text).policy);
  const std::string seen = shown(text);
  EXPECT_EQ(seen.substr(0, seen.find('\n')),
            "f.yaml:4:5: warning: '10.1.2.3/16' has bits behind its length: it "
            "is taken for '10.1.0.0/16', in list 'nets', in rule 'r' "
            "[LOAD_COMPILE_CONDITION]");
  EXPECT_EQ(codes(rule("evt.type = connect and fd.snet = 10.1.2.3/16")),
            Codes{"LOAD_COMPILE_CONDITION"});
  EXPECT_EQ(codes(rule("evt.type = connect and fd.snet = 10.1.0.0/16")),
            Codes{});
}

TEST(LoadLists, AnItemThatIsListedBeforeIsToldWithItsLineAndList) {
  const std::string text =
      "- list: c2\n  items:\n  - 203.0.113.66\n  - 203.0.113.67\n"
      "  - 203.0.113.66\n" +
      rule("evt.type = connect and fd.sip in (c2)");
  EXPECT_TRUE(load_text(text).policy);
  const std::string seen = shown(text);
  EXPECT_EQ(seen.substr(0, seen.find('\n')),
            "f.yaml:5:5: warning: '203.0.113.66' is listed before, in list "
            "'c2', in rule 'r' [LOAD_COMPILE_CONDITION]");
}

// As feeds write them: a bar is no special character, of conditions or YAML.
TEST(LoadLists, AnItemMayHaveAPort) {
  const Loaded loaded = load_text(
      "- list: c2\n  items: [203.0.113.66|443, \"203.0.113.67:80\", "
      "\"[2001:db8::1]:443\", \"2001:db8::2|443\"]\n" +
      rule("evt.type = connect and fd.sip in (c2)"));
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  EXPECT_EQ(loaded.policy->lists[0].items,
            (std::vector<std::string>{"203.0.113.66|443", "203.0.113.67:80",
                                      "[2001:db8::1]:443", "2001:db8::2|443"}));
  EXPECT_EQ(loaded.policy->rules[0].condition,
            load_text("- list: c2\n  items: [203.0.113.66]\n" +
                      rule("evt.type = connect and fd.sip in (c2)"))
                .policy->rules[0]
                .condition);
  ASSERT_EQ(loaded.diagnostics.all().size(), 1U);
  EXPECT_EQ(loaded.diagnostics.all()[0].message,
            "'203.0.113.66|443' has a port, in list 'c2': Falco takes no such "
            "item");
}

TEST(LoadLists, TwoValuesInOneItemAreTwoValues) {
  EXPECT_EQ(compiled("- {list: l, items: ['sh,bash']}\n" +
                     rule("evt.type = connect and proc.name in (l)")),
            "evt.type = connect and proc.name in (sh, bash)");
}

TEST(LoadLists, ArePastedIntoMacrosAndScopes) {
  const Loaded loaded =
      load({.files = {{"r.yaml",
                       "- {list: shop, items: [shop]}\n"
                       "- {macro: m, condition: proc.name = shop}\n" +
                           rule("evt.type = connect and m")},
                      {"p.yaml",
                       "policies:\n- name: p\n  rules: [r]\n"
                       "  scope: container.name = shop\n"}}});
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  EXPECT_TRUE(loaded.diagnostics.all().empty());
}

TEST(LoadLists, AreUsedByQuotedStringsAndByListsInUse) {
  EXPECT_EQ(codes("- {list: a, items: [b]}\n- {list: b, items: [x]}\n"
                  "- {list: c, items: [x]}\n- {list: d, items: [x]}\n" +
                  rule("evt.type = connect and proc.name in (a) and proc.name "
                       "!= \"x c y\"")),
            Codes{"LOAD_UNUSED_LIST"});
}

TEST(LoadLists, NothingIsUnusedBesideMistakes) {
  EXPECT_EQ(codes("- {list: a, items: [b]}\n- {macro: m, condition: m}\n" +
                  rule("evt.type = connect", "  tags:\n")),
            (Codes{"LOAD_ERR_YAML_VALIDATE", "LOAD_ERR_VALIDATE"}));
}

TEST(LoadLists, AListThatCannotBeReadIsOneMistake) {
  EXPECT_EQ(codes("- {list: l}\n- {list: m, items: [l, 1.2.3.4]}\n" +
                  rule("evt.type = connect and fd.sip in (l, m) and proc.name "
                       "= l")),
            Codes{"LOAD_ERR_YAML_VALIDATE"});
}

TEST(LoadLists, AMacroThatIsTooLargeIsOneMistake) {
  std::string text = "- list: big\n  items:\n";
  for (int i = 0; i < 5000; ++i) text += "  - " + std::string(300, 'x') + "\n";
  EXPECT_EQ(codes(text + "- {macro: m, condition: proc.name = big}\n" +
                  rule("evt.type = connect and m")),
            Codes{"LOAD_ERR_COMPILE_CONDITION"});
}

TEST(LoadExceptions, NarrowTheRule) {
  EXPECT_EQ(compiled(rule("evt.type = connect or proc.name = a",
                          "  exceptions:\n"
                          "  - name: x\n    fields: [proc.name, fd.sport]\n"
                          "    values: [[b, 80], [c, 443]]\n"
                          "  - {name: y, fields: proc.name, values: [d e]}\n")),
            "(evt.type = connect or proc.name = a) and not (proc.name = b and "
            "fd.sport = 80 or proc.name = c and fd.sport = 443) and not "
            "proc.name in (\"d e\")");
}

TEST(LoadExceptions, MayNameLists) {
  EXPECT_EQ(compiled("- {list: ok, items: [a, b]}\n" +
                     rule("evt.type = connect",
                          "  exceptions:\n  - name: x\n"
                          "    fields: [proc.name, proc.name]\n"
                          "    comps: [in, in]\n    values: [[ok, (ok)]]\n")),
            "evt.type = connect and not (proc.name in (ok) and proc.name in "
            "(ok))");
}

TEST(LoadExceptions, PutTheCaretUnderTheirValue) {
  const std::string seen =
      compiled(rule("evt.type = connect",
                    "  exceptions:\n"
                    "  - {name: x, fields: [fd.sport], values: [[htp]]}\n"));
  EXPECT_EQ(seen.substr(0, seen.find(',')),
            "f.yaml:7:45: error: 'htp' is neither a decimal number nor a "
            "service with a known port");
}

TEST(LoadExceptions, AreNoCompiledRuleWhenTheyAreWrong) {
  EXPECT_EQ(codes(rule("evt.type = connect",
                       "  exceptions:\n  - {name: x, fields: [fd.sport, "
                       "proc.name], values: [[1]]}\n")),
            Codes{"LOAD_ERR_VALIDATE"});
}

}  // namespace
}  // namespace bailiff
