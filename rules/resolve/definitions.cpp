// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/definitions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "rules/resolve/exceptions.h"

namespace bailiff {
namespace {

// What stands between the old text and what is appended to it.
constexpr std::string_view kTextSeparator = " ";

void change(LocatedText& text, Keyed<LocatedText> by) {
  if (by.change == Change::kAppend) {
    text.append(by.value, kTextSeparator);
  } else {
    text = std::move(by.value);
  }
}

void change(PlacedTexts& texts, Keyed<PlacedTexts> by) {
  if (by.change == Change::kAppend) {
    texts.append(by.value);
  } else {
    texts = std::move(by.value);
  }
}

template <typename T>
void change(T& value, Keyed<T> by) {
  value = std::move(by.value);
}

template <typename T, typename Key>
void change_if(T& value, std::optional<Key>& by) {
  if (by) change(value, *std::move(by));
}

class Merger {
 public:
  explicit Merger(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void operator()(ListItem item) {
    ++order_;
    const auto known = lists_.find(item.name.text);
    if (known != lists_.end()) {
      RawList& list = result_.lists[known->second];
      if (item.items.change == Change::kDefine) list.broken = false;
      change(list.items, std::move(item.items));
      list.changed = order_;
      return;
    }
    if (item.items.change == Change::kAppend) {
      missing("list", item.name, "appends to");
      return;
    }
    lists_.emplace(item.name.text, result_.lists.size());
    result_.lists.push_back({.name = std::move(item.name),
                             .items = std::move(item.items.value),
                             .defined = order_,
                             .changed = order_});
  }

  void operator()(MacroItem item) {
    ++order_;
    const auto known = macros_.find(item.name.text);
    if (known != macros_.end()) {
      RawMacro& macro = result_.macros[known->second];
      change(macro.condition, std::move(item.condition));
      macro.changed = order_;
      return;
    }
    if (item.condition.change == Change::kAppend) {
      missing("macro", item.name, "appends to");
      return;
    }
    macros_.emplace(item.name.text, result_.macros.size());
    result_.macros.push_back({.name = std::move(item.name),
                              .condition = std::move(item.condition.value),
                              .defined = order_,
                              .changed = order_});
  }

  void operator()(RuleItem item) {
    const auto known = rules_.find(item.name.text);
    if (known == rules_.end()) {
      if (item.kind != RuleItemKind::kDefinition) {
        missing("rule", item.name, appends(item) ? "appends to" : "overrides");
        return;
      }
      rules_.emplace(item.name.text, result_.rules.size());
      result_.rules.emplace_back();
      define(result_.rules.back(), std::move(item));
      return;
    }
    RawRule& rule = result_.rules[known->second];
    if (changes_source(rule, item)) return;
    if (item.kind == RuleItemKind::kDefinition) {
      rule = {};
      define(rule, std::move(item));
    } else {
      amend(rule, std::move(item));
    }
  }

  void operator()(const BrokenItem& item) {
    result_.broken.insert(item.type + " " + item.name);
    if (item.type != "list" || item.name.empty()) return;
    if (!lists_.emplace(item.name, result_.lists.size()).second) return;
    result_.lists.push_back(
        {.name = {.text = item.name, .span = {}}, .broken = true});
  }

  Definitions take() && { return std::move(result_); }

 private:
  static std::string_view source_of(const std::optional<PlacedText>& source) {
    return source ? std::string_view(source->text) : kSyscallSource;
  }

  // Whether the item says another source than the rule has, after a diagnostic.
  // Only a definition says one by being silent.
  bool changes_source(const RawRule& rule, const RuleItem& item) {
    const bool replaces = item.kind == RuleItemKind::kDefinition;
    const bool says = replaces || (item.source && item.condition);
    const std::string_view now = source_of(item.source);
    const std::string_view before = source_of(rule.source);
    if (!says || now == before) return false;
    refuse(item.source ? item.source->span : item.name.span,
           "rule '" + item.name.text + "' is defined again with source '" +
               std::string(now) + "', before it was '" + std::string(before) +
               "'",
           "rule", item.name.text);
    return true;
  }

  static bool appends(const RuleItem& item) {
    const auto appended = [](const auto& key) {
      return key && key->change == Change::kAppend;
    };
    return item.kind == RuleItemKind::kAppend || appended(item.condition) ||
           appended(item.output) || appended(item.description) ||
           appended(item.tags) || appended(item.exceptions);
  }

  void define(RawRule& rule, RuleItem item) {
    rule.name = std::move(item.name);
    rule.source = std::move(item.source);
    if (item.output) item.output->value = item.output->value.trimmed();
    apply(rule, item);
  }

  void amend(RawRule& rule, RuleItem item) {
    if (item.kind == RuleItemKind::kAppend && !item.condition &&
        !item.exceptions && !item.broken) {
      refuse(item.name.span,
             "appended rule has neither 'condition' nor 'exceptions'", "rule",
             item.name.text);
      item.broken = true;
    }
    apply(rule, item);
  }

  void apply(RawRule& rule, RuleItem& item) {
    change_if(rule.condition, item.condition);
    change_if(rule.output, item.output);
    change_if(rule.description, item.description);
    change_if(rule.priority, item.priority);
    change_if(rule.tags, item.tags);
    change_if(rule.enabled, item.enabled);
    change_if(rule.warn_evttypes, item.warn_evttypes);
    change_if(rule.skip_if_unknown_filter, item.skip_if_unknown_filter);
    rule.broken = rule.broken || item.broken;
    if (item.exceptions) apply_exceptions(rule, *item.exceptions);
  }

  void apply_exceptions(RawRule& rule,
                        Keyed<std::vector<RuleException>>& exceptions) {
    const bool append = exceptions.change == Change::kAppend;
    if (!append) rule.exceptions.clear();
    for (RuleException& exception : exceptions.value) {
      RuleException* same = append ? find_exception(rule, exception) : nullptr;
      const bool good = same != nullptr
                            ? append_values(*same, exception)
                            : add_exception(rule, exception, append);
      rule.broken = rule.broken || !good;
    }
  }

  static RuleException* find_exception(RawRule& rule,
                                       const RuleException& exception) {
    const auto found =
        std::find_if(rule.exceptions.begin(), rule.exceptions.end(),
                     [&](const RuleException& other) {
                       return other.name.text == exception.name.text;
                     });
    return found == rule.exceptions.end() ? nullptr : &*found;
  }

  bool add_exception(RawRule& rule, RuleException& exception, bool append) {
    const std::string& name = exception.name.text;
    if (!exception.fields.given()) {
      refuse(exception.name.span,
             "exception '" + name + "' has no 'fields' to compare", "exception",
             name);
      return false;
    }
    if (append && exception.values.empty()) {
      refuse(exception.name.span,
             "exception '" + name + "' is appended without 'values'",
             "exception", name);
      return false;
    }
    if (rule.exceptions.size() == kMaxExceptions) {
      refuse(exception.name.span,
             "more than " + std::to_string(kMaxExceptions) +
                 " exceptions of a rule",
             "exception", name);
      return false;
    }
    const bool known_source = source_of(rule.source) == kSyscallSource;
    if (!complete_exception(exception, known_source, diagnostics_)) {
      return false;
    }
    rule.exceptions.push_back(std::move(exception));
    return true;
  }

  bool append_values(RuleException& to, RuleException& exception) {
    bool good = true;
    const auto only_values = [&](const ExceptionEntry& entry,
                                 const std::string& key) {
      if (!entry.given()) return;
      good = false;
      refuse(entry.span,
             "'" + key + "' of exception '" + to.name.text +
                 "' cannot be appended to, only 'values' can",
             "exception", to.name.text);
    };
    only_values(exception.fields, "fields");
    only_values(exception.comps, "comps");
    if (!good) return false;
    to.values.insert(to.values.end(),
                     std::make_move_iterator(exception.values.begin()),
                     std::make_move_iterator(exception.values.end()));
    return true;
  }

  void missing(const std::string& type, const PlacedText& name,
               const std::string& what) {
    if (result_.is_broken(type, name.text)) return;
    refuse(name.span,
           type + " '" + name.text + "' " + what + " a " + type +
               " that no file defines before it",
           type, name.text);
  }

  void refuse(Span span, std::string message, std::string type,
              std::string name) {
    report_invalid(diagnostics_, span, std::move(message), std::move(type),
                   std::move(name));
  }

  Diagnostics& diagnostics_;
  Definitions result_;
  std::unordered_map<std::string, std::size_t> lists_;
  std::unordered_map<std::string, std::size_t> macros_;
  std::unordered_map<std::string, std::size_t> rules_;
  std::size_t order_ = 0;
};

}  // namespace

Definitions merge(std::vector<RuleFileItem> items, Diagnostics& diagnostics) {
  Merger merger(diagnostics);
  for (RuleFileItem& item : items) std::visit(merger, std::move(item));
  return std::move(merger).take();
}

}  // namespace bailiff
