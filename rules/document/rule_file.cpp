// SPDX-License-Identifier: Apache-2.0
#include "rules/document/rule_file.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "rules/base/codes.h"
#include "rules/document/required_versions.h"

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
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
  Changes(MappingReader& item, const Overridable (&keys)[N])
      : item_(item), begin_(keys), end_(keys + N) {
    read_append();
    read_override();
  }

  Change of(std::string_view key) const {
    if (appends_all_) return Change::kAppend;
    for (const auto& [name, change] : changes_) {
      if (name == key) return change;
    }
    return Change::kDefine;
  }
  // Whether nothing was wrong.
  bool good() const { return good_; }
  bool appends_all() const { return appends_all_; }
  // Whether there is an override, be it a wrong one.
  bool overrides() const { return overrides_; }

 private:
  void read_append() {
    if (!item_.boolean("append").value_or(false)) return;
    appends_all_ = true;
    item_.warning(item_.key_span("append"), codes::kWarnDeprecatedItem,
                  "'append' is deprecated",
                  "write 'override' with the keys to append");
  }

  void read_override() {
    const Node* node = item_.find("override");
    if (node == nullptr || node->kind == NodeKind::kNull) return;
    if (node->kind == NodeKind::kScalar) {
      // In Falco such an item defines, in silence, what it was to append to.
      item_.warning(node->span, codes::kWarnUnknownKey,
                    "'override' is no mapping, ignored",
                    "write 'override: {KEY: append}'");
      return;
    }
    if (node->kind != NodeKind::kMapping) {
      refuse(node->span, "'override' must be a mapping, not a sequence");
      return;
    }
    if (node->children.empty()) return;
    overrides_ = true;
    const Span place = item_.stream()[node->children[0]].span;
    if (appends_all_) {
      refuse(place, "'override' and 'append: true' cannot be used together",
             "write 'override' alone, with the keys to append");
      return;
    }
    for (std::size_t i = 0; i + 1 < node->children.size(); i += 2) {
      read_operation(item_.stream()[node->children[i]],
                     item_.stream()[node->children[i + 1]]);
    }
    if (changes_.empty()) return;
    for (const Overridable* known = begin_; known != end_; ++known) {
      if (item_.has(known->key) && !named_.contains(known->key)) {
        refuse(item_.key_span(known->key), "unexpected key " +
                                               quoted(known->key) +
                                               ": 'override' does not name it");
      }
    }
  }

  void read_operation(const Node& key, const Node& operation) {
    if (key.kind != NodeKind::kScalar) {
      refuse(key.span, "a key must be a scalar, not " +
                           std::string(yaml::to_string(key.kind)));
      return;
    }
    if (!named_.insert(key.text).second) return;  // the first one counts
    const Overridable* known = begin_;
    while (known != end_ && known->key != key.text) ++known;
    const bool replaceable = known != end_;
    const bool appendable = replaceable && known->appendable;
    const std::string name = quoted(key.text);
    if (operation.text != "append" && operation.text != "replace") {
      refuse(operation.span,
             "override of " + name + " must be append or replace, not " +
                 (operation.kind == NodeKind::kScalar
                      ? quoted(operation.text)
                      : std::string(yaml::to_string(operation.kind))));
      return;
    }
    const bool append = operation.text == "append";
    if (append && !appendable) {
      refuse(key.span, "key " + name + " cannot be appended to",
             replaceable ? "use 'replace'" : "");
      return;
    }
    if (!append && !replaceable) {
      refuse(key.span, "key " + name + " cannot be replaced");
      return;
    }
    if (!item_.has(known->key)) {
      refuse(key.span, "an override of " + name +
                           " is given, but the item has no key " + name);
      return;
    }
    changes_.emplace_back(known->key,
                          append ? Change::kAppend : Change::kReplace);
  }

  void refuse(Span span, std::string message, std::string hint = {}) {
    good_ = false;
    item_.error(span, std::move(message), std::move(hint));
  }

  MappingReader& item_;
  const Overridable* begin_;
  const Overridable* end_;
  bool appends_all_ = false;
  bool overrides_ = false;
  bool good_ = true;
  std::unordered_set<std::string_view> named_;  // keys of the override so far
  std::vector<std::pair<std::string_view, Change>> changes_;
};

// Names Falco's conditions can use: its grammar's Identifier, and BareStr.
bool is_macro_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '_';
         });
}
bool is_list_name(std::string_view name) {
  return name.find_first_of("()\"'=, \t\r\n\f\v") == std::string_view::npos;
}

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
                       std::string(to_string(node.kind)));
      return;
    }
    // The first of these keys that is there says what the item is.
    MappingReader probe(stream_, node, diagnostics_);
    if (probe.has("required_engine_version")) {
      return check_required_engine_version(stream_, node, diagnostics_);
    }
    if (probe.has("required_plugin_versions")) {
      return check_required_plugin_versions(stream_, node, diagnostics_);
    }
    if (probe.has("list")) return list(node);
    if (probe.has("macro")) return macro(node);
    if (probe.has("rule")) return rule(node);
    probe.warning(probe.span(), codes::kWarnUnknownItem,
                  "unknown item, ignored");
  }

  static std::string name_of(const Node* node) {
    return node != nullptr ? node->text : std::string();
  }
  // The reader of an item of that type, named in its diagnostics.
  MappingReader named_reader(const Node& node, const char* type) {
    MappingReader probe(stream_, node, diagnostics_);
    return {stream_, node, diagnostics_, type, name_of(probe.find(type))};
  }

  void broken(const char* type, const Node& node) {
    MappingReader probe(stream_, node, diagnostics_);
    items_.emplace_back(
        BrokenItem{.type = type, .name = name_of(probe.find(type))});
  }

  // What a list or macro with one key does with it.
  static Change only_change(const Changes& changes, std::string_view key) {
    return changes.of(key) == Change::kAppend ? Change::kAppend
                                              : Change::kDefine;
  }

  void list(const Node& node) {
    MappingReader reader = named_reader(node, "list");
    const std::optional<PlacedText> name = reader.text("list");
    if (name && !is_list_name(name->text)) {
      reader.warning(name->span, codes::kWarnInvalidListName,
                     "name of list " + quoted(name->text) +
                         " holds a blank or one of ()\"'=,",
                     "conditions may not be able to name it");
    }
    reader.require("items");
    std::optional<PlacedTexts> items = reader.scalars("items");
    const Changes changes(reader, kListOverrides);
    reader.finish(Severity::kWarning);
    if (!name || !items || !changes.good()) return broken("list", node);
    items_.emplace_back(
        ListItem{.name = *name,
                 .items = {*std::move(items), only_change(changes, "items")}});
  }

  void macro(const Node& node) {
    MappingReader reader = named_reader(node, "macro");
    const std::optional<PlacedText> name = reader.text("macro");
    if (name && !is_macro_name(name->text)) {
      reader.warning(name->span, codes::kWarnInvalidMacroName,
                     "name of macro " + quoted(name->text) +
                         " is not a letter with letters, digits and '_' "
                         "behind it",
                     "conditions cannot name it");
    }
    reader.require("condition");
    std::optional<LocatedText> condition = reader.located("condition");
    const Changes changes(reader, kMacroOverrides);
    reader.finish(Severity::kWarning);
    if (!name || !condition || !changes.good()) return broken("macro", node);
    items_.emplace_back(
        MacroItem{.name = *name,
                  .condition = {*std::move(condition),
                                only_change(changes, "condition")}});
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
    item.kind = kind_of(reader, changes);
    item.source = source(reader, item.kind);
    // Falco ignores those it does not read.
    for (const Overridable& key : kRuleOverrides) reader.has(key.key);
    switch (item.kind) {
      case RuleItemKind::kDefinition:
        for (const std::string_view key :
             {"condition", "output", "desc", "priority"}) {
          reader.require(key);
        }
        read_match(reader, changes, item);
        read_others(reader, changes, item);
        break;
      case RuleItemKind::kAppend:
        read_match(reader, changes, item);
        break;
      case RuleItemKind::kOverride:
        read_match(reader, changes, item);
        read_others(reader, changes, item);
        break;
      case RuleItemKind::kSwitch:
        reader.require("enabled");
        item.enabled = keyed(reader.boolean("enabled"), Change::kReplace);
        break;
    }
    reader.finish(Severity::kWarning);
    if (item.kind == RuleItemKind::kSwitch && item.enabled) {
      reader.warning(reader.key_span("enabled"), codes::kWarnDeprecatedItem,
                     "a rule with nothing but 'enabled' is deprecated",
                     "write 'override: {enabled: replace}' with it");
    }
    if (!name || !changes.good()) return broken("rule", node);
    item.broken = diagnostics_.error_count() != errors_before;
    item.name = *name;
    items_.emplace_back(std::move(item));
  }

  static RuleItemKind kind_of(MappingReader& reader, const Changes& changes) {
    if (changes.overrides()) return RuleItemKind::kOverride;
    if (changes.appends_all()) return RuleItemKind::kAppend;
    for (const std::string_view key :
         {"condition", "output", "desc", "priority"}) {
      if (reader.has(key)) return RuleItemKind::kDefinition;
    }
    return RuleItemKind::kSwitch;
  }

  // Falco minds an empty source where a rule is defined, and nowhere else.
  static std::optional<PlacedText> source(MappingReader& reader,
                                          RuleItemKind kind) {
    const Node* node = reader.find("source");
    if (node == nullptr) return std::nullopt;
    const bool empty = node->kind == NodeKind::kNull ||
                       (node->kind == NodeKind::kScalar && node->text.empty());
    if (empty && kind != RuleItemKind::kDefinition) return std::nullopt;
    return reader.text("source");
  }

  // What decides whether the rule matches: all that `append: true` can change.
  void read_match(MappingReader& reader, const Changes& changes,
                  RuleItem& item) {
    item.condition =
        keyed(reader.located("condition"), changes.of("condition"));
    const Change change = changes.of("exceptions");
    item.exceptions =
        keyed(exceptions(reader, change == Change::kAppend), change);
  }

  static void read_others(MappingReader& reader, const Changes& changes,
                          RuleItem& item) {
    item.output = keyed(reader.located("output"), changes.of("output"));
    item.description = keyed(reader.located("desc"), changes.of("desc"));
    item.priority = keyed(priority(reader), changes.of("priority"));
    item.tags = keyed(reader.scalars("tags"), changes.of("tags"));
    item.enabled = keyed(reader.boolean("enabled"), changes.of("enabled"));
    item.warn_evttypes =
        keyed(reader.boolean("warn_evttypes"), changes.of("warn_evttypes"));
    item.skip_if_unknown_filter =
        keyed(reader.boolean("skip-if-unknown-filter"),
              changes.of("skip-if-unknown-filter"));
    capture(reader);
  }

  static std::optional<Priority> priority(MappingReader& reader) {
    const std::optional<PlacedText> text = reader.text("priority");
    if (!text) return std::nullopt;
    const std::optional<Priority> priority = parse_priority(text->text);
    if (!priority) {
      reader.error(text->span, "invalid priority " + quoted(text->text),
                   "one of EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, "
                   "INFO, DEBUG");
    }
    return priority;
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

  // Nothing at the key is no exception, and no mistake.
  std::optional<std::vector<RuleException>> exceptions(MappingReader& rule,
                                                       bool append) {
    const Node* node = rule.find("exceptions");
    if (node == nullptr) return std::nullopt;
    std::vector<RuleException> all;
    std::unordered_set<std::string> names;
    if (node->kind == NodeKind::kNull) return all;
    if (node->kind != NodeKind::kSequence) {
      rule.error(node->span, "rule exceptions must be a sequence, not " +
                                 std::string(to_string(node->kind)));
      return std::nullopt;
    }
    for (const yaml::NodeId child : node->children) {
      std::optional<RuleException> read = exception(stream_[child], append);
      if (!read) continue;
      if (!names.insert(read->name.text).second) {
        exception_reader(stream_[child], read->name.text)
            .warning(read->name.span, codes::kWarnExceptionNameNotUnique,
                     "exception " + quoted(read->name.text) +
                         " is defined more than once in the same rule");
      }
      all.push_back(*std::move(read));
    }
    return all;
  }

  MappingReader exception_reader(const Node& node, std::string name) {
    return {stream_, node, diagnostics_, "exception", std::move(name)};
  }

  std::optional<RuleException> exception(const Node& node, bool append) {
    MappingReader unnamed = exception_reader(node, {});
    if (node.kind != NodeKind::kMapping) {
      unnamed.error(node.span, "a rule exception must be a mapping, not " +
                                   std::string(to_string(node.kind)));
      return std::nullopt;
    }
    unnamed.require("name");
    const std::optional<PlacedText> name = unnamed.text("name");
    MappingReader reader = exception_reader(node, name ? name->text : "");
    if (!append) reader.require("fields");
    const std::size_t errors_before = diagnostics_.error_count();
    RuleException read;
    if (const Node* fields = reader.find("fields")) {
      read.fields = entry(reader, *fields);
    }
    if (const Node* comps = reader.find("comps")) {
      read.comps = entry(reader, *comps);
    }
    if (const Node* values = reader.find("values")) {
      read.values = exception_values(reader, *values);
    } else if (append) {
      reader.warning(reader.span(), codes::kWarnAppendNoValues,
                     "the exception is appended without 'values': it has no "
                     "effect");
    }
    if (!name || diagnostics_.error_count() != errors_before) {
      return std::nullopt;
    }
    read.name = *name;
    return read;
  }

  std::vector<ExceptionEntry> exception_values(MappingReader& reader,
                                               const Node& node) {
    std::vector<ExceptionEntry> values;
    if (node.kind != NodeKind::kSequence) {
      reader.error(node.span, "rule exception values must be a sequence, not " +
                                  std::string(to_string(node.kind)));
      return values;
    }
    values.reserve(node.children.size());
    for (const yaml::NodeId child : node.children) {
      values.push_back(entry(reader, stream_[child]));
    }
    return values;
  }

  // Depth is bounded by that of the document.
  ExceptionEntry entry(MappingReader& reader, const Node& node) {
    ExceptionEntry read;
    read.span = node.span;
    switch (node.kind) {
      case NodeKind::kScalar:
        read.text = node.text;
        if (read.text.empty()) {
          reader.error(node.span, "a value in an exception is empty");
        }
        break;
      case NodeKind::kSequence:
        read.is_list = true;
        read.entries.reserve(node.children.size());
        for (const yaml::NodeId child : node.children) {
          read.entries.push_back(entry(reader, stream_[child]));
        }
        break;
      case NodeKind::kNull:
      case NodeKind::kMapping:
        break;
    }
    return read;
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
