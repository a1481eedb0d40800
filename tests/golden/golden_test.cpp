// SPDX-License-Identifier: Apache-2.0
//
// cases/NAME.txt is a rule file, a policy file, optionally facts of a container
// and the flavour to show, and behind "--- becomes" what the compiler makes of
// it.  Behaviour is not proved here: tests/differential does that.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "rules/emit/program.h"
#include "rules/emit/task_table.h"
#include "rules/lower/lower.h"
#include "rules/policy/load.h"
#include "rules/types/compare.h"

namespace bailiff::test {
namespace {

// Set by `make golden`.
bool rewriting() { return std::getenv("BAILIFF_UPDATE_GOLDEN") != nullptr; }

constexpr std::string_view kFolder = "tests/golden/cases";
constexpr std::string_view kResult = "--- becomes\n";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The parts of a case by the word on their "--- WORD" line.
std::map<std::string, std::string> parts_of(const std::string& text) {
  std::map<std::string, std::string> parts;
  std::istringstream lines(text);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("--- ")) {
      name = line.substr(4);
    } else {
      parts[name] += line + "\n";
    }
  }
  return parts;
}

Facts facts_of(const std::string& part) {
  Facts facts;
  std::istringstream lines(part);
  for (std::string line; std::getline(lines, line);) {
    facts.complete = true;
    const std::size_t equals = line.find('=');
    const std::string name = line.substr(0, equals);
    facts.values[name] = {*parse_operand(field(*find_field(name)).falco_type,
                                         Op::kEq, line.substr(equals + 1))};
  }
  return facts;
}

// The instructions up to where a rule has been hit; the way on, which is the
// same for all rules, is shown by the one case that asks for "whole".
std::string without_cold_path(const std::string& listing) {
  std::istringstream lines(listing);
  std::string shown;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with(": r8 = 1")) return shown + "       …\n";
    shown += line + "\n";
  }
  return shown;
}

// Without what finds an address in a list: long, and the same for all lists of
// a family.
std::string without_look_ups(const std::string& listing) {
  std::istringstream lines(listing);
  std::string shown;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (!inside) shown += line + "\n";
    if (line.find(" = list '") != std::string::npos) {
      shown += "       … r0 = whether it has the address\n";
      inside = true;
    }
    if (line.ends_with(": r0 &= 1")) inside = false;
  }
  return shown;
}

std::string program_of(const Plan& plan, const CompiledPolicy& policy,
                       const std::string& part) {
  std::string text;
  for (const HookPoint hook : kHookPoints) {
    const emit::Flavour flavour = emit::flavour_of(hook);
    if (part.find(to_string(flavour)) == std::string::npos) continue;
    const emit::TaskTable table = emit::make_task_table(plan, policy.lists);
    const auto program = emit::emit_program(
        plan.rules_at(hook), policy.lists, flavour, 0, &table,
        {.id = emit::frames_id(plan, policy.lists, 0)});
    if (!program) return program.error().message + "\n";
    const std::string listing = emit::disassemble(*program);
    const bool whole = part.find("whole") != std::string::npos;
    text += std::string(to_string(flavour)) + "\n" +
            (whole ? listing : without_look_ups(without_cold_path(listing)));
  }
  return text;
}

std::string result_of(const std::string& input) {
  const auto parts = parts_of(input);
  const auto part = [&](const char* name) {
    const auto found = parts.find(name);
    return found == parts.end() ? std::string() : found->second;
  };
  const Loaded loaded = load({.files = {{"rules.yaml", part("rules")},
                                        {"policy.yaml", part("policy")}},
                              .on_failure = OnError::kDeny});
  std::string text = render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return text;
  const CompiledPolicy& policy = *loaded.policy;
  std::vector<std::string> names;
  for (const List& list : policy.lists) names.push_back(list.name);

  const Plan plan = lower(policy, facts_of(part("container")));
  for (const Placement& placement : plan.placements) {
    text += policy.rules[placement.rule].name + ": " +
            std::string(to_string(placement.enforcement)) + ", " +
            placement.reason + "\n  " + placement.folded + "\n";
  }
  const auto show = [&](const char* where,
                        const std::vector<KernelRule>& rules) {
    for (const KernelRule& rule : rules) {
      text += std::string("at ") + where + ": " +
              (rule.deny        ? "deny"
               : rule.candidate ? "candidate"
                                : "report") +
              " when " + to_string(rule.condition, names) + "\n";
    }
  };
  show("connect", plan.connect);
  show("sendmsg", plan.send);
  show("egress and frame", plan.packet);
  show("ingress", plan.arrival);
  show("post_bind", plan.bind);
  show("sock_create", plan.socket);
  show("exec", plan.exec);
  if (plan.connect.empty() && plan.bind.empty()) return text;
  return text + program_of(plan, policy, part("show"));
}

TEST(Golden, EveryCaseBecomesWhatItSays) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  ASSERT_FALSE(paths.empty());
  for (const auto& path : paths) {
    SCOPED_TRACE(path);
    const std::string text = read(path);
    const std::size_t at = text.find(kResult);
    const std::string input = text.substr(0, at);
    const std::string result = result_of(input);
    if (rewriting()) {
      std::ofstream(path) << input << kResult << result;
      continue;
    }
    ASSERT_NE(at, std::string::npos) << "no '--- becomes' line";
    EXPECT_EQ(result, text.substr(at + kResult.size()));
  }
}

}  // namespace
}  // namespace bailiff::test
