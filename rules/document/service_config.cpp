// SPDX-License-Identifier: Apache-2.0
#include "rules/document/service_config.h"

#include <algorithm>
#include <utility>

#include "rules/base/priority.h"
#include "rules/base/response.h"
#include "rules/document/mapping_reader.h"
#include "rules/document/yaml.h"

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

// A hook that takes longer than this holds up the container's start for longer
// than any runtime or kubelet waits.
constexpr std::int64_t kMaxHookTimeoutMs = 120'000;
// A container that is to be killed goes on until its capture's limit.
constexpr std::int64_t kMaxCaptureLimitMs = 60'000;
// A pebibyte, whose bytes fit any counter.
constexpr std::int64_t kMaxEvidenceMib = 1LL << 30;

// Responses that are remembered for each budget: 8 bytes each.
constexpr std::int64_t kMaxResponses = 100'000;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool is_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// "127.0.0.1:8686", "[::1]:8686" or "localhost:8686" with a port of 1..65535.
bool is_loopback_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host != "127.0.0.1" && host != "[::1]" && host != "localhost") {
    return false;
  }
  if (port.empty() || port.size() > 5) return false;
  unsigned number = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number >= 1 && number <= 65535;
}

class ConfigReader {
 public:
  ConfigReader(const yaml::Stream& stream, const Node& root,
               Diagnostics& diagnostics)
      : stream_(stream),
        diagnostics_(diagnostics),
        top_(stream, root, diagnostics) {}

  ServiceConfig read() {
    text("node", config_.node);
    path(top_, "run_dir", config_.run_dir);
    path(top_, "state_dir", config_.state_dir);
    path(top_, "bpf_dir", config_.bpf_dir);
    paths("rules", config_.rules);
    paths("policies", config_.policies);
    if (const Node* node = top_.find("api")) api(*node);
    if (const auto word = top_.one_of("on_failure", {"deny", "allow"})) {
      config_.on_failure = *word == 0 ? OnError::kDeny : OnError::kAllow;
    }
    exempt();
    if (const Node* node = top_.find("sinks")) sinks(*node);
    if (const Node* node = top_.find("limits")) limits(*node);
    if (auto allowed = top_.texts("isolate_allow")) {
      for (PlacedText& one : *allowed) {
        config_.isolate_allow.push_back(std::move(one.text));
      }
    }
    if (const Node* node = top_.find("append_output")) append_output(*node);
    if (const Node* node = top_.find("evidence")) evidence(*node);
    unavailable(top_, "feeds");
    path(top_, "runtime", config_.runtime);
    path(top_, "hook", config_.hook);
    hook_timeout();
    top_.finish(Severity::kError);
    return std::move(config_);
  }

 private:
  void text(std::string_view key, std::string& value) {
    if (auto found = top_.text(key)) value = std::move(found->text);
  }

  // Whether the path is one the service may use: absolute, without dot-dot.
  bool good_path(MappingReader& reader, const PlacedText& path,
                 std::string_view key) {
    const std::string whole = path.text + "/";
    if (whole[0] == '/' && whole.find("/../") == std::string::npos) return true;
    reader.error(path.span, "'" + std::string(key) +
                                "' must be an absolute path without '..', "
                                "not '" +
                                path.text + "'");
    return false;
  }

  void path(MappingReader& reader, std::string_view key, std::string& value) {
    auto found = reader.text(key);
    if (found && good_path(reader, *found, key)) {
      value = std::move(found->text);
    }
  }

  void paths(std::string_view key, std::vector<std::string>& values) {
    auto found = top_.texts(key);
    if (!found) return;
    values.clear();
    for (PlacedText& value : *found) {
      if (good_path(top_, value, key)) values.push_back(std::move(value.text));
    }
  }

  // A key of a later version: refused unless it asks for nothing, since to
  // ignore it would leave the user less safe than the file says.
  void unavailable(MappingReader& reader, std::string_view key) {
    const Node* node = reader.find(key);
    if (node == nullptr || node->kind == NodeKind::kNull) return;
    if (node->kind != NodeKind::kScalar && node->children.empty()) return;
    reader.error(reader.key_span(key),
                 "'" + std::string(key) +
                     "' is not available in this "
                     "version",
                 "leave it out");
  }

  void api(const Node& node) {
    if (node.kind != NodeKind::kMapping) {
      top_.error(node.span, "'api' must be a mapping, not " +
                                std::string(to_string(node.kind)));
      return;
    }
    MappingReader api(stream_, node, diagnostics_, "api");
    path(api, "unix", config_.api_unix);
    if (auto group = api.text("group")) {
      config_.api_group = std::move(group->text);
    }
    if (auto tcp = api.text("tcp")) {
      if (is_loopback_endpoint(tcp->text)) {
        config_.api_tcp = std::move(tcp->text);
      } else {
        api.error(tcp->span,
                  "'tcp' must be a loopback address and port, not '" +
                      tcp->text + "'",
                  "127.0.0.1:8686, [::1]:8686 or localhost:8686; other "
                  "addresses need TLS, which is not available in this "
                  "version");
      }
    }
    unavailable(api, "tls");
    unavailable(api, "tokens");
    api.finish(Severity::kError);
  }

  void evidence(const Node& node) {
    if (node.kind != NodeKind::kMapping) {
      top_.error(node.span, "'evidence' must be a mapping, not " +
                                std::string(to_string(node.kind)));
      return;
    }
    MappingReader reader(stream_, node, diagnostics_, "evidence");
    EvidenceConfig& evidence = config_.evidence;
    if (const auto limit = reader.duration_ms("limit")) {
      if (*limit > kMaxCaptureLimitMs) {
        reader.error(reader.find("limit")->span,
                     "'limit' must be at most 1m: the response waits for it");
      }
      evidence.limit_ms = *limit;
    }
    if (const auto age = reader.duration_ms("keep_for")) {
      evidence.keep_for_ms = *age;
    }
    if (const auto size = reader.number("keep_mib", 1, kMaxEvidenceMib)) {
      evidence.keep_mib = *size;
    }
    if (const auto word = reader.one_of("secrets", {"mask", "keep"})) {
      evidence.keep_secrets = *word == 1;
    }
    if (const auto checkpoint = reader.boolean("checkpoint")) {
      evidence.checkpoint = *checkpoint;
    }
    reader.finish(Severity::kError);
  }

  // NAMESPACE/*, NAMESPACE/POD or id:PREFIX.
  static bool is_exemption(std::string_view text) {
    if (text.starts_with("id:")) {
      const std::string_view id = text.substr(3);
      return !id.empty() && is_name(id);
    }
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    const std::string_view scope = text.substr(0, slash);
    const std::string_view pod = text.substr(slash + 1);
    return !scope.empty() && is_name(scope) && !pod.empty() &&
           (pod == "*" || is_name(pod));
  }

  void exempt() {
    auto entries = top_.texts("exempt");
    if (!entries) return;
    for (PlacedText& entry : *entries) {
      if (is_exemption(entry.text)) {
        config_.exempt.push_back(std::move(entry.text));
      } else {
        top_.error(entry.span, "exemption '" + entry.text +
                                   "' must be NAMESPACE/*, NAMESPACE/POD or "
                                   "id:PREFIX");
      }
    }
  }

  void sinks(const Node& node) {
    for (const Node* entry : mappings(node, "sinks")) sink(*entry);
  }

  void sink(const Node& node) {
    MappingReader probe(stream_, node, diagnostics_);
    const Node* name = probe.find("name");
    MappingReader reader(stream_, node, diagnostics_, "sink",
                         name != nullptr ? name->text : std::string());
    SinkConfig sink;
    for (const std::string_view key : {"name", "type", "url"}) {
      reader.require(key);
    }
    if (auto text = reader.text("name")) {
      sink.name = std::move(text->text);
      const bool taken = std::any_of(
          config_.sinks.begin(), config_.sinks.end(),
          [&](const SinkConfig& other) { return other.name == sink.name; });
      if (taken) {
        reader.error(text->span, "two sinks are named '" + sink.name + "'");
      }
    }
    if (auto text = reader.text("type")) {
      sink.type = std::move(text->text);
      if (sink.type != "webhook") {
        reader.error(
            text->span,
            "sink type '" + sink.type + "' is not available in this version",
            "use webhook");
      }
    }
    if (auto text = reader.text("url")) {
      sink.url = std::move(text->text);
      if (!is_url(sink.url)) {
        reader.error(text->span,
                     "'url' must begin with http:// or https:// "
                     "and name a host, not '" +
                         sink.url + "'");
      }
    }
    path(reader, "secret_file", sink.secret_file);
    if (auto text = reader.text("min_priority")) {
      sink.min_priority = lower(text->text);
      if (!parse_priority(text->text)) {
        reader.error(text->span, "unknown priority '" + text->text + "'",
                     "one of emergency, alert, critical, error, warning, "
                     "notice, info, debug");
      }
    }
    reader.finish(Severity::kError);
    config_.sinks.push_back(std::move(sink));
  }

  static bool is_url(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!text.starts_with(scheme) || text.size() == scheme.size()) continue;
      const bool blank =
          text.find_first_of(" \t\r\n") != std::string_view::npos;
      return !blank && text[scheme.size()] != '/';
    }
    return false;
  }

  // The entries of a sequence that are mappings; reports the others.
  std::vector<const Node*> mappings(const Node& node, const std::string& key) {
    std::vector<const Node*> entries;
    if (node.kind != NodeKind::kSequence) {
      top_.error(node.span, "'" + key + "' must be a sequence, not " +
                                std::string(to_string(node.kind)));
      return entries;
    }
    for (const yaml::NodeId child : node.children) {
      const Node& entry = stream_[child];
      if (entry.kind == NodeKind::kMapping) {
        entries.push_back(&entry);
      } else {
        top_.error(entry.span, "an entry of '" + key +
                                   "' must be a mapping, not " +
                                   std::string(to_string(entry.kind)));
      }
    }
    return entries;
  }

  void limits(const Node& node) {
    if (node.kind != NodeKind::kMapping) {
      top_.error(node.span, "'limits' must be a mapping, not " +
                                std::string(to_string(node.kind)));
      return;
    }
    MappingReader reader(stream_, node, diagnostics_, "limits");
    ResponseLimits& limits = config_.limits;
    const auto count = [&](std::string_view key, std::uint32_t& value) {
      if (const auto found = reader.number(key, 1, kMaxResponses)) {
        value = static_cast<std::uint32_t>(*found);
      }
    };
    count("policy", limits.policy);
    count("workload", limits.workload);
    count("node", limits.node);
    const auto time = [&](std::string_view key, std::int64_t least,
                          std::int64_t& value) {
      const auto found = reader.duration_ms(key);
      if (!found) return;
      if (*found < least || *found > kMaxTermMs) {
        reader.error(reader.find(key)->span,
                     "'" + std::string(key) + "' must be from " +
                         std::to_string(least) + "ms to 365d");
        return;
      }
      value = *found;
    };
    time("per", 1, limits.per_ms);
    time("rearm", 0, limits.rearm_ms);
    time("cool_down", 0, limits.cool_down_ms);
    reader.finish(Severity::kError);
  }

  void append_output(const Node& node) {
    config_.append_output.clear();
    if (node.kind == NodeKind::kNull) return;
    for (const Node* entry : mappings(node, "append_output")) {
      MappingReader reader(stream_, *entry, diagnostics_, "append_output");
      AppendOutput append;
      if (const Node* match = reader.find("match")) {
        append_match(reader, *match, append);
      }
      if (auto output = reader.text("extra_output")) {
        append.extra_output = std::move(output->text);
      }
      if (const Node* fields = reader.find("extra_fields")) {
        extra_fields(reader, *fields, append);
      }
      append.suggested_output =
          reader.boolean("suggested_output").value_or(false);
      reader.finish(Severity::kError);
      config_.append_output.push_back(std::move(append));
    }
  }

  void append_match(MappingReader& reader, const Node& node,
                    AppendOutput& append) {
    if (node.kind != NodeKind::kMapping) {
      reader.error(node.span, "'match' must be a mapping, not " +
                                  std::string(to_string(node.kind)));
      return;
    }
    MappingReader match(stream_, node, diagnostics_, "append_output");
    if (auto source = match.text("source")) {
      append.source = std::move(source->text);
    }
    if (auto rule = match.text("rule")) append.rule = std::move(rule->text);
    if (auto tags = match.texts("tags")) {
      for (PlacedText& tag : *tags) append.tags.push_back(std::move(tag.text));
    }
    match.finish(Severity::kError);
  }

  // A field's name, or {NAME: template}.
  void extra_fields(MappingReader& reader, const Node& node,
                    AppendOutput& append) {
    if (node.kind != NodeKind::kSequence) {
      reader.error(node.span, "'extra_fields' must be a sequence, not " +
                                  std::string(to_string(node.kind)));
      return;
    }
    if (node.simple != Node::kNotSimple) {
      reader.error(node.span, "too many extra fields");
      return;
    }
    for (const yaml::NodeId child : node.children) {
      const Node& entry = stream_[child];
      const bool pair = entry.kind == NodeKind::kMapping &&
                        entry.children.size() == 2 &&
                        stream_[entry.children[1]].kind == NodeKind::kScalar;
      if (pair) {
        append.extra_fields.push_back(
            {.name = std::string(stream_[entry.children[0]].text),
             .output = std::string(stream_[entry.children[1]].text),
             .formatted = true});
      } else if (entry.kind == NodeKind::kScalar) {
        const std::string name(entry.text);
        append.extra_fields.push_back({.name = name, .output = "%" + name});
      } else {
        reader.error(entry.span,
                     "an extra field must be a field's name or one 'NAME: "
                     "OUTPUT'");
      }
    }
  }

  void hook_timeout() {
    const auto timeout = top_.duration_ms("hook_timeout");
    if (!timeout) return;
    if (*timeout < 1000 || *timeout > kMaxHookTimeoutMs ||
        *timeout % 1000 != 0) {
      top_.error(top_.find("hook_timeout")->span,
                 "'hook_timeout' must be whole seconds from 1s to 2m");
      return;
    }
    config_.hook_timeout_seconds = static_cast<std::uint32_t>(*timeout / 1000);
  }

  const yaml::Stream& stream_;
  Diagnostics& diagnostics_;
  MappingReader top_;
  ServiceConfig config_;
};

}  // namespace

std::optional<ServiceConfig> parse_service_config(std::string_view text,
                                                  std::uint32_t source,
                                                  Diagnostics& diagnostics) {
  const std::optional<yaml::Stream> stream =
      yaml::parse(text, source, diagnostics);
  if (!stream) return std::nullopt;
  const std::size_t errors_before = diagnostics.error_count();
  if (stream->roots().size() > 1) {
    report_shape(diagnostics, (*stream)[stream->roots()[1]].span,
                 "a configuration is one YAML document");
    return std::nullopt;
  }
  if (stream->roots().empty()) return ServiceConfig{};
  const Node& root = (*stream)[stream->roots()[0]];
  if (root.kind == NodeKind::kNull) return ServiceConfig{};
  if (root.kind != NodeKind::kMapping) {
    report_shape(diagnostics, root.span,
                 "a configuration must be a mapping, not " +
                     std::string(to_string(root.kind)));
    return std::nullopt;
  }
  ServiceConfig config = ConfigReader(*stream, root, diagnostics).read();
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  return config;
}

}  // namespace bailiff
