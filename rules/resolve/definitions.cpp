// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/definitions.h"

#include <iterator>
#include <utility>

#include "rules/base/codes.h"

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

void change(std::vector<PlacedText>& texts, Keyed<std::vector<PlacedText>> by) {
  if (by.change != Change::kAppend) texts.clear();
  texts.insert(texts.end(), std::make_move_iterator(by.value.begin()),
               std::make_move_iterator(by.value.end()));
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
    const auto known = lists_.find(item.name.text);
    if (known != lists_.end()) {
      change(result_.lists[known->second].items, std::move(item.items));
      return;
    }
    if (item.items.change != Change::kDefine) {
      missing("list", item.name, item.items.change);
      return;
    }
    lists_.emplace(item.name.text, result_.lists.size());
    result_.lists.push_back(
        {.name = std::move(item.name), .items = std::move(item.items.value)});
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
    if (item.condition.change != Change::kDefine) {
      missing("macro", item.name, item.condition.change);
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
      if (item.change != Change::kDefine) {
        missing("rule", item.name, item.change);
        return;
      }
      rules_.emplace(item.name.text, result_.rules.size());
      result_.rules.emplace_back();
      define(result_.rules.back(), std::move(item));
      return;
    }
    RawRule& rule = result_.rules[known->second];
    const bool other_source =
        item.source && rule.source && item.source->text != rule.source->text;
    if (other_source) {
      refuse(item.source->span,
             "rule '" + item.name.text + "' is defined again with source '" +
                 item.source->text + "', before it was '" + rule.source->text +
                 "'",
             "rule", item.name.text);
      return;
    }
    if (item.change == Change::kDefine) {
      rule = {};
      define(rule, std::move(item));
    } else {
      amend(rule, std::move(item));
    }
  }

  void operator()(const BrokenItem& item) {
    result_.broken.insert(item.type + " " + item.name);
  }

  Definitions take() && { return std::move(result_); }

 private:
  static void define(RawRule& rule, RuleItem item) {
    rule.name = std::move(item.name);
    rule.source = std::move(item.source);
    apply(rule, item);
  }

  static void amend(RawRule& rule, RuleItem item) {
    // `enabled` beside `append: true` counts for nothing in Falco.
    if (item.enabled && item.enabled->change == Change::kAppend) {
      item.enabled.reset();
    }
    if (item.source) rule.source = std::move(item.source);
    apply(rule, item);
  }

  static void apply(RawRule& rule, RuleItem& item) {
    change_if(rule.condition, item.condition);
    change_if(rule.output, item.output);
    change_if(rule.description, item.description);
    change_if(rule.priority, item.priority);
    change_if(rule.tags, item.tags);
    change_if(rule.enabled, item.enabled);
    change_if(rule.warn_evttypes, item.warn_evttypes);
    change_if(rule.skip_if_unknown_filter, item.skip_if_unknown_filter);
    rule.broken = rule.broken || item.broken;
  }

  void missing(const std::string& type, const PlacedText& name, Change change) {
    if (result_.is_broken(type, name.text)) return;
    const std::string what =
        change == Change::kAppend ? "appends to" : "overrides";
    refuse(name.span,
           type + " '" + name.text + "' " + what + " a " + type +
               " that no file defines before it",
           type, name.text);
  }

  void refuse(Span span, std::string message, std::string type,
              std::string name) {
    diagnostics_.add({.severity = Severity::kError,
                      .code = codes::kValidate,
                      .message = std::move(message),
                      .span = span,
                      .hint = {},
                      .item_type = std::move(type),
                      .item_name = std::move(name)});
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
