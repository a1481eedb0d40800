// SPDX-License-Identifier: Apache-2.0
#include "rules/document/policy_file.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

class PolicyFileReader {
 public:
  PolicyFileReader(const yaml::Stream& stream, Diagnostics& diagnostics)
      : stream_(stream), diagnostics_(diagnostics) {}

  std::vector<PolicyItem> read() && {
    for (const yaml::NodeId root : stream_.roots()) {
      const Node& document = stream_[root];
      if (document.kind == NodeKind::kNull) continue;
      if (document.kind != NodeKind::kMapping) {
        report_shape(diagnostics_, document.span,
                     "a policy file must be a mapping, not " +
                         std::string(to_string(document.kind)));
        continue;
      }
      MappingReader file(stream_, document, diagnostics_);
      file.require("policies");
      const Node* policies = file.find("policies");
      file.finish(Severity::kError);
      if (policies != nullptr) sequence(*policies);
    }
    return std::move(policies_);
  }

 private:
  void sequence(const Node& node) {
    if (node.kind != NodeKind::kSequence) {
      report_shape(diagnostics_, node.span,
                   "'policies' must be a sequence, not " +
                       std::string(to_string(node.kind)));
      return;
    }
    for (const yaml::NodeId child : node.children) policy(stream_[child]);
  }

  void policy(const Node& node) {
    if (node.kind != NodeKind::kMapping) {
      report_shape(diagnostics_, node.span,
                   "a policy must be a mapping, not " +
                       std::string(to_string(node.kind)));
      return;
    }
    const std::size_t errors_before = diagnostics_.error_count();
    MappingReader probe(stream_, node, diagnostics_);
    const Node* name = probe.find("name");
    MappingReader reader(stream_, node, diagnostics_, "policy",
                         name != nullptr ? name->text : std::string());
    reader.require("name");
    reader.require("rules");

    PolicyItem item;
    item.name = reader.text("name").value_or(PlacedText{});
    item.scope = reader.located("scope");
    if (const Node* rules = reader.find("rules"))
      selectors(reader, *rules, item);
    item.monitor = reader.one_of("mode", {"enforce", "monitor"}) == 1;
    item.block = reader.boolean("block").value_or(false);
    response(reader, item);
    item.capture = reader.boolean("capture").value_or(false);
    item.notify = reader.texts("notify");
    reader.finish(Severity::kError);
    if (diagnostics_.error_count() == errors_before) {
      policies_.push_back(std::move(item));
    }
  }

  static void response(MappingReader& reader, PolicyItem& item) {
    // In the order of the message for anything else.
    static constexpr std::array kWords = {
        Response::kNone, Response::kKill,  Response::kKillProcess,
        Response::kStop, Response::kPause, Response::kIsolate};
    if (const auto word = reader.one_of(
            "response",
            {"none", "kill", "kill_process", "stop", "pause", "isolate"})) {
      item.response = kWords[*word];
    }
    // No kill_process: of what was lost nobody knows the process.
    static constexpr std::array kLossWords = {Response::kNone, Response::kKill,
                                              Response::kStop, Response::kPause,
                                              Response::kIsolate};
    if (const auto word = reader.one_of(
            "on_loss", {"none", "kill", "stop", "pause", "isolate"})) {
      item.on_loss = kLossWords[*word];
    }
    ResponseTerms& terms = item.terms;
    duration(reader, "grace", terms.grace_ms);
    duration(reader, "pause_limit", terms.pause_limit_ms);
    duration(reader, "isolate_limit", terms.isolate_limit_ms);
    if (const auto then = reader.one_of("pause_then", {"kill", "resume"})) {
      terms.pause_then = *then == 0 ? PauseThen::kKill : PauseThen::kResume;
    }
  }

  // A bound of a response.
  static void duration(MappingReader& reader, std::string_view key,
                       std::int64_t& value) {
    const std::optional<std::int64_t> found = reader.duration_ms(key);
    if (!found) return;
    if (*found < 1 || *found > kMaxTermMs) {
      reader.error(reader.find(key)->span,
                   "'" + std::string(key) + "' must be from 1ms to 365d");
      return;
    }
    value = *found;
  }

  void selectors(MappingReader& reader, const Node& node, PolicyItem& item) {
    if (node.kind != NodeKind::kSequence) {
      reader.error(node.span, "'rules' must be a sequence, not " +
                                  std::string(to_string(node.kind)));
      return;
    }
    if (node.children.empty()) {
      reader.error(node.span, "'rules' is empty: the policy would do nothing");
    }
    for (const yaml::NodeId child : node.children) {
      selector(reader, stream_[child], item);
    }
  }

  void selector(MappingReader& reader, const Node& node, PolicyItem& item) {
    RuleSelector selector;
    selector.span = node.span;
    if (node.kind == NodeKind::kScalar && !node.text.empty()) {
      selector.pattern = PlacedText{.text = node.text, .span = node.span};
    } else if (node.kind == NodeKind::kMapping && !node.children.empty()) {
      MappingReader keys(stream_, node, diagnostics_, "policy", item.name.text);
      selector.span = keys.span();
      selector.tags = keys.texts("tags");
      selector.priority = keys.text("priority");
      keys.finish(Severity::kError);
    } else {
      reader.error(node.span,
                   "a rule must be a name, {tags: [..]} or {priority: ..}, "
                   "not " +
                       std::string(to_string(node.kind)));
      return;
    }
    item.rules.push_back(std::move(selector));
  }

  const yaml::Stream& stream_;
  Diagnostics& diagnostics_;
  std::vector<PolicyItem> policies_;
};

}  // namespace

bool is_policy_file(const yaml::Stream& stream) {
  for (const yaml::NodeId root : stream.roots()) {
    const Node& document = stream[root];
    if (document.kind != NodeKind::kMapping) continue;
    for (std::size_t i = 0; i < document.children.size(); i += 2) {
      if (stream[document.children[i]].text == "policies") return true;
    }
  }
  return false;
}

std::vector<PolicyItem> read_policy_file(const yaml::Stream& stream,
                                         Diagnostics& diagnostics) {
  return PolicyFileReader(stream, diagnostics).read();
}

}  // namespace bailiff
