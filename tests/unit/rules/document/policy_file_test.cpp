// SPDX-License-Identifier: Apache-2.0
#include "rules/document/policy_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

struct Read {
  std::vector<PolicyItem> items;
  std::vector<std::string> messages;
};

Read read(const std::string& text) {
  Read result;
  Diagnostics diagnostics;
  const auto stream = yaml::parse(text, 0, diagnostics);
  if (stream) result.items = read_policy_file(*stream, diagnostics);
  for (const Diagnostic& d : diagnostics.all()) {
    EXPECT_EQ(d.severity, Severity::kError);
    result.messages.push_back(d.message);
  }
  EXPECT_TRUE(result.messages.empty() || result.items.empty());
  return result;
}

// A policy with the further lines.
Read with(const std::string& lines) {
  return read("policies:\n- name: p\n  rules: [r]\n" + lines);
}

using Messages = std::vector<std::string>;

TEST(PolicyFile, ReadsEveryKey) {
  const Read file = read(R"(
policies:
  - name: p
    scope: container.image.repository endswith "/shop"
    rules: ["Some rule", "Launch *", {tags: [a, b]}, {priority: ">=WARNING"}]
    mode: monitor
    block: true
    response: kill
    on_loss: stop
    grace: 15s
    pause_limit: 30m
    pause_then: resume
    isolate_limit: 2h
    capture: true
    notify: [soc, oncall]
)");
  EXPECT_EQ(file.messages, Messages{});
  ASSERT_EQ(file.items.size(), 1U);
  const PolicyItem& item = file.items[0];
  EXPECT_EQ(item.scope->text(),
            "container.image.repository endswith \"/shop\"");
  ASSERT_EQ(item.rules.size(), 4U);
  EXPECT_EQ(item.rules[1].pattern->text, "Launch *");
  EXPECT_EQ(item.rules[2].tags->size(), 2U);
  EXPECT_EQ(item.rules[3].priority->text, ">=WARNING");
  EXPECT_TRUE(item.monitor);
  EXPECT_TRUE(item.capture);
  EXPECT_TRUE(item.block);
  EXPECT_EQ(item.response, Response::kKill);
  EXPECT_EQ(item.on_loss, Response::kStop);
  EXPECT_EQ(item.terms, (ResponseTerms{.grace_ms = 15'000,
                                       .pause_limit_ms = 1'800'000,
                                       .pause_then = PauseThen::kResume,
                                       .isolate_limit_ms = 7'200'000}));
  EXPECT_EQ(item.notify->size(), 2U);
}

TEST(PolicyFile, KeepsTheDefaults) {
  const Read file = with("");
  ASSERT_EQ(file.items.size(), 1U);
  EXPECT_FALSE(file.items[0].scope);
  EXPECT_FALSE(file.items[0].monitor);
  EXPECT_FALSE(file.items[0].block);
  EXPECT_EQ(file.items[0].response, Response::kNone);
  EXPECT_EQ(file.items[0].on_loss, Response::kNone);
  EXPECT_EQ(file.items[0].terms, ResponseTerms{});
  EXPECT_FALSE(file.items[0].notify);
}

TEST(PolicyFile, ReadsEveryResponse) {
  for (const Response response :
       {Response::kNone, Response::kKillProcess, Response::kIsolate,
        Response::kPause, Response::kStop, Response::kKill}) {
    const Read file =
        with("  response: " + std::string(to_string(response)) + "\n");
    ASSERT_EQ(file.items.size(), 1U);
    EXPECT_EQ(file.items[0].response, response);
  }
}

TEST(PolicyFile, ReadsEveryResponseToLosses) {
  for (const Response response :
       {Response::kNone, Response::kIsolate, Response::kPause, Response::kStop,
        Response::kKill}) {
    const Read file =
        with("  on_loss: " + std::string(to_string(response)) + "\n");
    ASSERT_EQ(file.items.size(), 1U);
    EXPECT_EQ(file.items[0].on_loss, response);
  }
}

TEST(PolicyFile, RefusesToKillTheProcessOfWhatIsNotKnown) {
  EXPECT_EQ(with("  on_loss: kill_process\n").messages,
            Messages{"'on_loss' must be none, kill, stop, pause or isolate, "
                     "not 'kill_process'"});
}

TEST(PolicyFile, RefusesABoundThatIsNone) {
  EXPECT_EQ(with("  response: pause\n  pause_limit: 0s\n").messages,
            Messages{"'pause_limit' must be from 1ms to 365d"});
  EXPECT_EQ(with("  response: isolate\n  isolate_limit: 400d\n").messages,
            Messages{"'isolate_limit' must be from 1ms to 365d"});
}

TEST(PolicyFile, RefusesBadValues) {
  EXPECT_EQ(with("  response: destroy\n  mode: observe\n  block: 1\n"
                 "  grace: soon\n  pause_then: kil\n  notify: soc\n")
                .messages,
            (Messages{"'mode' must be enforce or monitor, not 'observe'",
                      "'block' must be true or false, not '1'",
                      "'response' must be none, kill, kill_process, stop, "
                      "pause or isolate, not 'destroy'",
                      "'grace' must be a duration, not 'soon'",
                      "'pause_then' must be kill or resume, not 'kil'",
                      "'notify' must be a sequence, not a scalar"}));
}

TEST(PolicyFile, RefusesUnknownAndMissingKeys) {
  EXPECT_EQ(with("  respond: kill\n").messages,
            Messages{"unknown key 'respond'"});
  EXPECT_EQ(read("policies:\n- block: true\n").messages,
            (Messages{"item has no key 'name'", "item has no key 'rules'"}));
  EXPECT_EQ(read("policies:\n- name: p\n  rules: []\n").messages,
            Messages{"'rules' is empty: the policy would do nothing"});
  EXPECT_EQ(read("policies: 3\n").messages,
            Messages{"'policies' must be a sequence, not a scalar"});
  EXPECT_EQ(read("policies: []\nother: 1\n").messages,
            Messages{"unknown key 'other'"});
  EXPECT_EQ(read("policies:\n- name: p\n  rules: [[r], {}, {tag: x}]\n")
                .messages.size(),
            3U);
}

TEST(PolicyFile, IsToldFromARuleFile) {
  const auto is_policy = [](const std::string& text) {
    Diagnostics diagnostics;
    return is_policy_file(*yaml::parse(text, 0, diagnostics));
  };
  EXPECT_TRUE(is_policy("policies: []\n"));
  EXPECT_FALSE(is_policy("- list: a\n  items: []\n"));
  EXPECT_FALSE(is_policy("other: []\n"));
  EXPECT_FALSE(is_policy(""));
}

}  // namespace
}  // namespace bailiff
