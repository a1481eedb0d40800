// SPDX-License-Identifier: Apache-2.0
#include "rules/document/service_config.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

// The messages of a configuration that is refused; empty when it is taken.
std::vector<std::string> refusals(const std::string& text) {
  Diagnostics diagnostics;
  const auto config = parse_service_config(text, 0, diagnostics);
  EXPECT_EQ(config.has_value(), !diagnostics.has_errors());
  std::vector<std::string> messages;
  for (const Diagnostic& d : diagnostics.all()) messages.push_back(d.message);
  return messages;
}

using Messages = std::vector<std::string>;

TEST(ServiceConfig, KeepsDefaultsOfAbsentKeys) {
  Diagnostics diagnostics;
  for (const std::string text : {"", "~\n", "{}\n", "# nothing\n"}) {
    const auto config = parse_service_config(text, 0, diagnostics);
    ASSERT_TRUE(config) << text;
    EXPECT_EQ(config->run_dir, "/run/bailiff");
    EXPECT_EQ(config->rules, std::vector<std::string>{"/etc/bailiff/rules.d"});
    EXPECT_EQ(config->on_failure, OnError::kDeny);
    EXPECT_TRUE(config->sinks.empty());
    EXPECT_EQ(config->append_output, default_append_output());
  }
}

TEST(ServiceConfig, ReadsEveryKey) {
  Diagnostics diagnostics;
  const auto config = parse_service_config(R"(
node: node-1
run_dir: /run/b
state_dir: /var/lib/b
bpf_dir: /sys/fs/bpf/b
rules: [/etc/b/rules.d, /etc/b/more.yaml]
policies: [/etc/b/policies.d]
api: {unix: /run/b/api.sock, tcp: "127.0.0.1:8686", group: wheel}
on_failure: allow
exempt: [kube-system/*, shop/cart-0, "id:0a1b"]
sinks:
  - {name: soc, type: webhook, url: "https://soc.example/hook", secret_file: /etc/b/key, min_priority: Warning}
evidence: {limit: 100ms, keep_for: 7d, keep_mib: 512, secrets: keep,
           checkpoint: true}
feeds: []
runtime: /usr/bin/crun
hook: /usr/libexec/b/bailiff-hook
hook_timeout: 5s
limits: {policy: 5, workload: 2, node: 9, per: 1m, rearm: 0s, cool_down: 30s}
isolate_allow: [192.0.2.7, "2001:db8::/32"]
)",
                                           0, diagnostics);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->node, "node-1");
  EXPECT_EQ(config->rules.size(), 2U);
  EXPECT_EQ(config->api_unix, "/run/b/api.sock");
  EXPECT_EQ(config->api_tcp, "127.0.0.1:8686");
  EXPECT_EQ(config->api_group, "wheel");
  EXPECT_EQ(config->on_failure, OnError::kAllow);
  EXPECT_EQ(config->exempt.size(), 3U);
  ASSERT_EQ(config->sinks.size(), 1U);
  EXPECT_EQ(config->sinks[0].min_priority, "warning");
  EXPECT_EQ(config->evidence,
            (EvidenceConfig{.limit_ms = 100,
                            .keep_for_ms = 7LL * 24 * 3'600'000,
                            .keep_mib = 512,
                            .keep_secrets = true,
                            .checkpoint = true}));
  EXPECT_EQ(config->runtime, "/usr/bin/crun");
  EXPECT_EQ(config->hook_timeout_seconds, 5U);
  EXPECT_EQ(config->limits, (ResponseLimits{.policy = 5,
                                            .workload = 2,
                                            .node = 9,
                                            .per_ms = 60'000,
                                            .rearm_ms = 0,
                                            .cool_down_ms = 30'000}));
  EXPECT_EQ(config->isolate_allow.size(), 2U);
}

TEST(ServiceConfig, RefusesBadBoundsOfEvidence) {
  EXPECT_EQ(refusals("evidence: yes\n"),
            Messages{"'evidence' must be a mapping, not a scalar"});
  EXPECT_EQ(refusals("evidence: {limit: 61s}\n"),
            Messages{"'limit' must be at most 1m: the response waits for it"});
  EXPECT_EQ(refusals("evidence: {keep_mib: 0}\n").size(), 1U);
  EXPECT_EQ(refusals("evidence: {secrets: hide}\n"),
            Messages{"'secrets' must be mask or keep, not 'hide'"});
  EXPECT_EQ(refusals("evidence: {place: /tmp}\n").size(), 1U);
}

TEST(ServiceConfig, ReadsWhatIsAppendedToOutputsInFalcosShape) {
  Diagnostics diagnostics;
  const auto config = parse_service_config(R"(
append_output:
  - match: {source: syscall, tags: [network, mitre], rule: "R"}
    extra_output: "on %evt.hostname"
    extra_fields: ["proc.aname[2]", {who: "%user.name!"}]
  - suggested_output: true
)",
                                           0, diagnostics);
  ASSERT_TRUE(config);
  const std::vector<AppendOutput> wanted = {
      {.source = "syscall",
       .tags = {"network", "mitre"},
       .rule = "R",
       .extra_output = "on %evt.hostname",
       .extra_fields = {{.name = "proc.aname[2]", .output = "%proc.aname[2]"},
                        {.name = "who",
                         .output = "%user.name!",
                         .formatted = true}}},
      {.suggested_output = true},
  };
  EXPECT_EQ(config->append_output, wanted);
  const auto none = parse_service_config("append_output: []\n", 0, diagnostics);
  EXPECT_TRUE(none->append_output.empty());
}

TEST(ServiceConfig, RefusesOtherShapesOfAppendOutput) {
  EXPECT_EQ(refusals("append_output: yes\n"),
            Messages{"'append_output' must be a sequence, not a scalar"});
  EXPECT_EQ(refusals("append_output: [a]\n"),
            Messages{"an entry of 'append_output' must be a mapping, not a "
                     "scalar"});
  EXPECT_EQ(refusals("append_output: [{match: a}]\n"),
            Messages{"'match' must be a mapping, not a scalar"});
  EXPECT_EQ(refusals("append_output: [{extra_fields: [[a]]}]\n"),
            Messages{"an extra field must be a field's name or one 'NAME: "
                     "OUTPUT'"});
  EXPECT_EQ(refusals("append_output: [{extra: a}]\n").size(), 1U);
}

TEST(ServiceConfig, RefusesWhatThisVersionDoesNotHave) {
  EXPECT_EQ(refusals("feeds: [{list: a, url: 'file:///x'}]\n"),
            Messages{"'feeds' is not available in this version"});
  EXPECT_EQ(refusals("api: {tls: {cert: /c}, tokens: /t}\n"),
            (Messages{"'tls' is not available in this version",
                      "'tokens' is not available in this version"}));
  EXPECT_EQ(refusals("sinks: [{name: m, type: mail, url: 'https://x'}]\n"),
            Messages{"sink type 'mail' is not available in this version"});
}

TEST(ServiceConfig, RefusesAddressesBeyondLoopback) {
  for (const std::string tcp :
       {"0.0.0.0:8686", "10.0.0.1:80", "127.0.0.1", "127.0.0.1:0",
        "127.0.0.1:65536", ":8686", "localhost:x", "127.0.0.1.example:1"}) {
    EXPECT_EQ(refusals("api: {tcp: '" + tcp + "'}\n"),
              Messages{"'tcp' must be a loopback address and port, not '" +
                       tcp + "'"});
  }
  EXPECT_EQ(refusals("api: {tcp: '[::1]:8686'}\n"), Messages{});
}

TEST(ServiceConfig, RefusesRelativePaths) {
  EXPECT_EQ(refusals("run_dir: run\n"),
            Messages{"'run_dir' must be an absolute path without '..', not "
                     "'run'"});
  EXPECT_EQ(refusals("rules: [/a/../b]\n").size(), 1U);
  EXPECT_EQ(refusals("hook: ''\n"), Messages{"'hook' is empty"});
}

TEST(ServiceConfig, RefusesUnknownKeysAndBadValues) {
  EXPECT_EQ(refusals("run_dri: /run\n"), Messages{"unknown key 'run_dri'"});
  EXPECT_EQ(refusals("on_failure: open\n"),
            Messages{"'on_failure' must be deny or allow, not 'open'"});
  EXPECT_EQ(refusals("hook_timeout: 500ms\n"),
            Messages{"'hook_timeout' must be whole seconds from 1s to 2m"});
  EXPECT_EQ(refusals("exempt: [kube-system]\n").size(), 1U);
  EXPECT_EQ(refusals("exempt: ['id:', 'a/b/c', '*/*']\n").size(), 3U);
  EXPECT_EQ(refusals("- a\n"),
            Messages{"a configuration must be a mapping, not a sequence"});
  EXPECT_EQ(refusals("node: a\n---\nnode: b\n"),
            Messages{"a configuration is one YAML document"});
}

TEST(ServiceConfig, ChecksSinks) {
  EXPECT_EQ(refusals("sinks: [{}]\n"),
            (Messages{"item has no key 'name'", "item has no key 'type'",
                      "item has no key 'url'"}));
  EXPECT_EQ(
      refusals("sinks:\n- {name: a, type: webhook, url: 'ftp://x'}\n").size(),
      1U);
  EXPECT_EQ(refusals("sinks:\n- {name: a, type: webhook, url: 'http://x'}\n"
                     "- {name: a, type: webhook, url: 'http://y'}\n"),
            Messages{"two sinks are named 'a'"});
  EXPECT_EQ(refusals("sinks:\n- {name: a, type: webhook, url: 'http://x', "
                     "min_priority: loud}\n"),
            Messages{"unknown priority 'loud'"});
}

}  // namespace
}  // namespace bailiff
