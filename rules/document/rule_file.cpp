// SPDX-License-Identifier: Apache-2.0
#include "rules/document/rule_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "rules/base/codes.h"

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

// A version "major.minor.patch".
using Version = std::array<unsigned, 3>;

// The rule engine of Falco 0.44, whose language this is.
constexpr Version kEngineVersion = {0, 62, 0};

std::string to_string(const Version& version) {
  return std::to_string(version[0]) + "." + std::to_string(version[1]) + "." +
         std::to_string(version[2]);
}

// "1.2.3", perhaps with a semver suffix behind it.
std::optional<Version> parse_version(std::string_view text) {
  text = text.substr(0, std::min(text.find_first_of("-+"), text.size()));
  Version version{};
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), version[i]);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool last = i + 1 == version.size();
    if (last != text.empty()) return std::nullopt;
    if (!last) {
      if (text[0] != '.') return std::nullopt;
      text.remove_prefix(1);
    }
  }
  return version;
}

bool satisfies(const Version& have, const Version& wanted) {
  return have[0] == wanted[0] && have >= wanted;
}

// The keys an `override` may name.
struct Overridable {
  std::string_view key;
  bool appendable;
};
constexpr Overridable kListOverrides[] = {{"items", true}};
constexpr Overridable kMacroOverrides[] = {{"condition", true}};
constexpr Overridable kRuleOverrides[] = {
    {"condition", true},
    {"output", true},
    {"desc", true},
    {"tags", true},
    {"exceptions", true},
    {"priority", false},
    {"capture", false},
    {"capture_duration", false},
    {"enabled", false},
    {"warn_evttypes", false},
    {"skip-if-unknown-filter", false},
};

// How each key of one item changes what is there: `append: true` or the
// `override` mapping.
class Changes {
 public:
  template <std::size_t N>
  Changes(MappingReader& item, const Overridable (&keys)[N]) {
    read_append(item);
    read_override(item, keys, keys + N);
  }

  Change of(std::string_view key) const {
    if (appends_all_) return Change::kAppend;
    for (const auto& [name, change] : changes_) {
      if (name == key) return change;
    }
    return Change::kDefine;
  }
  bool good() const { return good_; }
  bool any() const { return appends_all_ || !changes_.empty(); }

 private:
  void read_append(MappingReader& item) {
    if (item.boolean("append").value_or(false)) {
      appends_all_ = true;
      item.warning(item.key_span("append"), codes::kWarnDeprecatedItem,
                   "'append' is deprecated",
                   "write 'override' with the keys to append");
    }
  }

  void read_override(MappingReader& item, const Overridable* begin,
                     const Overridable* end) {
    const Node* node = item.find("override");
    // Falco ignores an override that is no mapping.
    if (node == nullptr || node->kind != NodeKind::kMapping) {
      if (node != nullptr) {
        item.warning(node->span, codes::kWarnUnknownKey,
                     "'override' is no mapping, ignored");
      }
      return;
    }
    if (appends_all_) {
      refuse(item, node->span,
             "'override' and 'append: true' cannot be used together");
      return;
    }
    MappingReader override(item.stream(), *node, item.diagnostics());
    for (const Overridable* known = begin; known != end; ++known) {
      read_operation(item, override, *known);
    }
    override.finish(Severity::kError);
    if (changes_.empty()) return;
    for (const Overridable* known = begin; known != end; ++known) {
      if (item.has(known->key) && of(known->key) == Change::kDefine) {
        refuse(item, item.key_span(known->key),
               "unexpected key '" + std::string(known->key) +
                   "': 'override' does not name it");
      }
    }
  }

  void read_operation(MappingReader& item, MappingReader& override,
                      const Overridable& known) {
    const std::optional<PlacedText> operation = override.text(known.key);
    if (!operation) return;
    const std::string key = "'" + std::string(known.key) + "'";
    if (operation->text != "append" && operation->text != "replace") {
      refuse(item, operation->span,
             "override of " + key + " must be append or replace, not '" +
                 operation->text + "'");
      return;
    }
    if (operation->text == "append" && !known.appendable) {
      refuse(item, operation->span, "key " + key + " cannot be appended to",
             "use 'replace'");
      return;
    }
    if (!item.has(known.key)) {
      refuse(item, operation->span,
             "'override' names " + key + ", which the item does not have");
      return;
    }
    changes_.emplace_back(known.key, operation->text == "append"
                                         ? Change::kAppend
                                         : Change::kReplace);
  }

  void refuse(MappingReader& item, Span span, std::string message,
              std::string hint = {}) {
    good_ = false;
    item.error(span, std::move(message), std::move(hint));
  }

  bool appends_all_ = false;
  bool good_ = true;
  std::vector<std::pair<std::string_view, Change>> changes_;
};

class RuleFileReader {
 public:
  RuleFileReader(const yaml::Stream& stream, Diagnostics& diagnostics)
      : stream_(stream), diagnostics_(diagnostics) {}

  std::vector<RuleFileItem> read() && {
    for (const yaml::NodeId root : stream_.roots()) {
      const Node& document = stream_[root];
      if (document.kind == NodeKind::kNull) continue;
      if (document.kind != NodeKind::kSequence) {
        report_shape(diagnostics_, document.span,
                     "rules content must be a sequence of items");
        continue;
      }
      for (const yaml::NodeId child : document.children) item(stream_[child]);
    }
    return std::move(items_);
  }

 private:
  void item(const Node& node) {
    if (node.kind == NodeKind::kNull) return;
    if (node.kind != NodeKind::kMapping) {
      report_shape(diagnostics_, node.span,
                   "an item must be a mapping, not " +
                       std::string(yaml::to_string(node.kind)));
      return;
    }
    // The first of these keys that is there says what the item is.
    MappingReader probe(stream_, node, diagnostics_);
    if (probe.has("required_engine_version")) return engine_version(node);
    if (probe.has("required_plugin_versions")) return plugin_versions(node);
    if (probe.has("list")) return list(node);
    if (probe.has("macro")) return macro(node);
    if (probe.has("rule")) return rule(node);
    probe.warning(probe.span(), codes::kWarnUnknownItem,
                  "unknown item, ignored");
  }

  void engine_version(const Node& node) {
    MappingReader reader(stream_, node, diagnostics_,
                         "required_engine_version");
    const std::optional<PlacedText> text =
        reader.text("required_engine_version");
    reader.finish(Severity::kWarning);
    if (!text) return;
    // A number alone is the minor version, as it was before Falco 0.37.
    unsigned minor = 0;
    const char* end = text->text.data() + text->text.size();
    const auto parsed = std::from_chars(text->text.data(), end, minor);
    const bool number = parsed.ec == std::errc() && parsed.ptr == end;
    const std::optional<Version> version =
        number ? Version{0, minor, 0} : parse_version(text->text);
    if (!version) {
      reader.error(text->span, "engine version '" + text->text +
                                   "' is not of the form 'x.y.z'");
    } else if (!satisfies(kEngineVersion, *version)) {
      Diagnostic diagnostic;
      diagnostic.code = codes::kValidate;
      diagnostic.message =
          "rules require engine version " + to_string(*version) +
          ", but the engine version is " + to_string(kEngineVersion);
      diagnostic.span = text->span;
      diagnostics_.add(std::move(diagnostic));
    }
  }

  // Container fields are built in, whatever the version; no other plugin is.
  void plugin_versions(const Node& node) {
    MappingReader reader(stream_, node, diagnostics_,
                         "required_plugin_versions");
    const Node* entries = reader.find("required_plugin_versions");
    reader.finish(Severity::kWarning);
    if (entries->kind != NodeKind::kSequence) {
      reader.error(entries->span,
                   "'required_plugin_versions' must be a sequence");
      return;
    }
    for (const yaml::NodeId child : entries->children) {
      if (!plugin(stream_[child])) {
        reader.error(stream_[child].span,
                     "no required plugin is available, only 'container' is");
      }
    }
  }

  // Whether the plugin or one of its alternatives is there.
  bool plugin(const Node& node) {
    if (node.kind != NodeKind::kMapping) return false;
    MappingReader entry(stream_, node, diagnostics_,
                        "required_plugin_versions");
    const std::optional<PlacedText> name = entry.text("name");
    const std::optional<PlacedText> version = entry.text("version");
    if (version && !parse_version(version->text)) {
      entry.error(version->span, "plugin version '" + version->text +
                                     "' is not of the form 'x.y.z'");
    }
    bool available = name && name->text == "container";
    const Node* alternatives = entry.find("alternatives");
    entry.finish(Severity::kWarning);
    if (alternatives == nullptr) return available;
    for (const yaml::NodeId child : alternatives->children) {
      const Node& alternative = stream_[child];
      if (alternative.kind != NodeKind::kMapping) continue;
      MappingReader reader(stream_, alternative, diagnostics_);
      const std::optional<PlacedText> other = reader.text("name");
      available = available || (other && other->text == "container");
    }
    return available;
  }

  // The reader of an item and its name, or no name after a diagnostic.
  static std::string name_of(const Node* node) {
    return node != nullptr ? node->text : std::string();
  }
  MappingReader named_reader(const Node& node, const char* type) {
    MappingReader probe(stream_, node, diagnostics_);
    return {stream_, node, diagnostics_, type, name_of(probe.find(type))};
  }

  void broken(const char* type, const Node& node) {
    MappingReader probe(stream_, node, diagnostics_);
    items_.push_back(
        BrokenItem{.type = type, .name = name_of(probe.find(type))});
  }

  void list(const Node& node) {
    MappingReader reader = named_reader(node, "list");
    const std::optional<PlacedText> name = reader.text("list");
    reader.require("items");
    std::optional<std::vector<PlacedText>> items = reader.texts("items");
    const Changes changes(reader, kListOverrides);
    reader.finish(Severity::kWarning);
    if (!name || !items || !changes.good()) return broken("list", node);
    items_.push_back(ListItem{
        .name = *name, .items = {*std::move(items), changes.of("items")}});
  }

  void macro(const Node& node) {
    MappingReader reader = named_reader(node, "macro");
    const std::optional<PlacedText> name = reader.text("macro");
    reader.require("condition");
    std::optional<LocatedText> condition = reader.located("condition");
    const Changes changes(reader, kMacroOverrides);
    reader.finish(Severity::kWarning);
    if (!name || !condition || !changes.good()) return broken("macro", node);
    items_.push_back(MacroItem{
        .name = *name,
        .condition = {*std::move(condition), changes.of("condition")}});
  }

  template <typename T>
  static std::optional<Keyed<T>> keyed(std::optional<T> value, Change change) {
    if (!value) return std::nullopt;
    return Keyed<T>{.value = *std::move(value), .change = change};
  }

  void rule(const Node& node) {
    MappingReader reader = named_reader(node, "rule");
    const std::size_t errors_before = diagnostics_.error_count();
    const std::optional<PlacedText> name = reader.text("rule");
    const Changes changes(reader, kRuleOverrides);

    RuleItem item;
    item.condition =
        keyed(reader.located("condition"), changes.of("condition"));
    item.output = keyed(reader.located("output"), changes.of("output"));
    item.description = keyed(reader.located("desc"), changes.of("desc"));
    item.priority = keyed(reader.text("priority"), changes.of("priority"));
    item.source = reader.text("source");
    item.tags = keyed(reader.texts("tags"), changes.of("tags"));
    item.enabled = keyed(reader.boolean("enabled"), changes.of("enabled"));
    item.warn_evttypes =
        keyed(reader.boolean("warn_evttypes"), changes.of("warn_evttypes"));
    item.skip_if_unknown_filter =
        keyed(reader.boolean("skip-if-unknown-filter"),
              changes.of("skip-if-unknown-filter"));
    exceptions(reader);
    capture(reader);
    reader.finish(Severity::kWarning);

    item.only_enabled = item.enabled && node.children.size() == 4;
    if (!item.only_enabled && !changes.any()) {
      for (const std::string_view key :
           {"condition", "output", "desc", "priority"}) {
        reader.require(key);
      }
    }
    if (item.only_enabled) {
      reader.warning(reader.key_span("enabled"), codes::kWarnDeprecatedItem,
                     "a rule with nothing but 'enabled' is deprecated",
                     "write 'override: {enabled: replace}'");
    }
    if (!name || !changes.good()) return broken("rule", node);
    item.broken = diagnostics_.error_count() != errors_before;
    item.name = *name;
    item.change = whole_change(item, changes);
    items_.push_back(std::move(item));
  }

  static Change whole_change(const RuleItem& item, const Changes& changes) {
    if (item.only_enabled) return Change::kReplace;
    if (!changes.any()) return Change::kDefine;
    for (const Overridable& known : kRuleOverrides) {
      if (changes.of(known.key) == Change::kReplace) return Change::kReplace;
    }
    return Change::kAppend;
  }

  // Exceptions narrow a rule: ignoring one would enforce where the user said
  // not to, so any that is given is refused.
  static void exceptions(MappingReader& reader) {
    const Node* node = reader.find("exceptions");
    if (node == nullptr || node->kind == NodeKind::kNull) return;
    if (node->kind != NodeKind::kSequence) {
      reader.error(node->span, "'exceptions' must be a sequence");
    } else if (!node->children.empty()) {
      reader.error(reader.key_span("exceptions"),
                   "rule exceptions are not available in this version",
                   "write them into the condition: 'and not (...)'");
    }
  }

  // Falco's capture of system calls to a file: not what ours is, and nothing
  // is weaker without it.
  static void capture(MappingReader& reader) {
    const bool wanted = reader.boolean("capture").value_or(false);
    reader.number("capture_duration", 0, UINT32_MAX);
    if (wanted) {
      reader.warning(reader.key_span("capture"), codes::kWarnUnknownKey,
                     "'capture' of a rule has no effect, ignored",
                     "write 'capture' in the policy");
    }
  }

  const yaml::Stream& stream_;
  Diagnostics& diagnostics_;
  std::vector<RuleFileItem> items_;
};

}  // namespace

std::vector<RuleFileItem> read_rule_file(const yaml::Stream& stream,
                                         Diagnostics& diagnostics) {
  return RuleFileReader(stream, diagnostics).read();
}

}  // namespace bailiff
