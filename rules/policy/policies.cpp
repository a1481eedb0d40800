// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/policies.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "rules/base/codes.h"

namespace bailiff {
namespace {

// ">=WARNING": which priorities it admits.  The most severe is the least
// enumerator, so ">=" means at least as severe.
struct PriorityFilter {
  bool more = false;
  bool less = false;
  bool equal = true;
  Priority priority = Priority::kDebug;

  bool admits(Priority candidate) const {
    if (candidate == priority) return equal;
    return candidate < priority ? more : less;
  }
};

std::optional<PriorityFilter> parse_filter(std::string_view text) {
  PriorityFilter filter;
  if (text.starts_with('>') || text.starts_with('<')) {
    filter.more = text[0] == '>';
    filter.less = text[0] == '<';
    filter.equal = text.substr(1).starts_with('=');
    text.remove_prefix(filter.equal ? 2 : 1);
  } else if (text.starts_with('=')) {
    text.remove_prefix(1);
  }
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const std::optional<Priority> priority = parse_priority(text.substr(begin));
  if (!priority) return std::nullopt;
  filter.priority = *priority;
  return filter;
}

class Selection {
 public:
  Selection(const PolicyItem& policy, const RuleChoice& choice,
            Diagnostics& diagnostics)
      : policy_(policy), choice_(choice), diagnostics_(diagnostics) {}

  std::vector<std::uint32_t> select() && {
    for (const RuleSelector& selector : policy_.rules) {
      if (selector.pattern) {
        by_pattern(*selector.pattern);
      } else {
        by_keys(selector);
      }
    }
    return {selected_.begin(), selected_.end()};
  }

 private:
  // Selects the enabled rules among those `meant` holds for; how many it held
  // for, enabled or not.
  std::size_t add(const std::function<bool(const Rule&)>& meant) {
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < choice_.rules.size(); ++i) {
      if (!meant(choice_.rules[i])) continue;
      ++count;
      if (choice_.rules[i].enabled) selected_.insert(i);
    }
    return count;
  }

  void by_pattern(const PlacedText& pattern) {
    const auto named = [&](const Rule& rule) {
      return rule.name == pattern.text;
    };
    const auto rule =
        std::find_if(choice_.rules.begin(), choice_.rules.end(), named);
    if (rule != choice_.rules.end()) {
      add(named);
      if (!rule->enabled) {
        report(Severity::kWarning, pattern.span,
               "rule '" + pattern.text +
                   "' is not enabled: the policy does "
                   "nothing for it");
      }
      return;
    }
    if (choice_.left_out.contains(pattern.text)) return;
    const bool glob = pattern.text.find_first_of("*?") != std::string::npos;
    if (glob) {
      const std::size_t count = add([&](const Rule& candidate) {
        return matches_glob(pattern.text, candidate.name);
      });
      if (count > 0) return;
      const bool means_left_out =
          std::any_of(choice_.left_out.begin(), choice_.left_out.end(),
                      [&](const std::string& name) {
                        return matches_glob(pattern.text, name);
                      });
      if (means_left_out) return;
      report(Severity::kError, pattern.span,
             "no rule matches '" + pattern.text + "'");
      return;
    }
    std::vector<std::string_view> names;
    if (diagnostics_.error_count() <= kMaxSuggestions) {
      for (const Rule& candidate : choice_.rules) {
        names.push_back(candidate.name);
      }
    }
    const std::string_view near = nearest(pattern.text, names);
    report(Severity::kError, pattern.span,
           "unknown rule '" + pattern.text + "'",
           near.empty() ? "" : "did you mean '" + std::string(near) + "'?");
  }

  void by_keys(const RuleSelector& selector) {
    std::optional<PriorityFilter> filter;
    if (selector.priority) {
      filter = parse_filter(selector.priority->text);
      if (!filter) {
        report(Severity::kError, selector.priority->span,
               "'" + selector.priority->text + "' is no priority",
               "write a priority with >=, >, <=, < or nothing before it, such "
               "as \">=WARNING\"");
        return;
      }
    }
    if (selector.tags && unknown_tags(*selector.tags)) return;
    const std::size_t count = add([&](const Rule& rule) {
      return (!filter || filter->admits(rule.priority)) &&
             (!selector.tags || has_any(rule, *selector.tags));
    });
    if (count == 0) {
      report(Severity::kWarning, selector.span,
             "no rule has these tags and this priority");
    }
  }

  static bool has_any(const Rule& rule, const std::vector<PlacedText>& tags) {
    return std::any_of(tags.begin(), tags.end(), [&](const PlacedText& tag) {
      return std::binary_search(rule.tags.begin(), rule.tags.end(), tag.text);
    });
  }

  bool unknown_tags(const std::vector<PlacedText>& tags) {
    std::set<std::string_view> known;
    for (const Rule& rule : choice_.rules) {
      known.insert(rule.tags.begin(), rule.tags.end());
    }
    bool unknown = false;
    for (const PlacedText& tag : tags) {
      // The tags of rules that were left out are not known.
      if (known.contains(tag.text) || !choice_.left_out.empty()) continue;
      unknown = true;
      const std::string_view near =
          nearest(tag.text, {known.begin(), known.end()});
      report(Severity::kError, tag.span,
             "no rule has the tag '" + tag.text + "'",
             near.empty() ? "" : "did you mean '" + std::string(near) + "'?");
    }
    return unknown;
  }

  void report(Severity severity, Span span, std::string message,
              std::string hint = {}) {
    diagnostics_.add({.severity = severity,
                      .code = codes::kValidate,
                      .message = std::move(message),
                      .span = span,
                      .hint = std::move(hint),
                      .item_type = "policy",
                      .item_name = policy_.name.text});
  }

  const PolicyItem& policy_;
  const RuleChoice& choice_;
  Diagnostics& diagnostics_;
  std::set<std::uint32_t> selected_;
};

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  // On a mismatch the last star takes one byte more: no more than one star
  // ever has to be tried again.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::vector<std::uint32_t> select_rules(const PolicyItem& policy,
                                        const RuleChoice& choice,
                                        Diagnostics& diagnostics) {
  return Selection(policy, choice, diagnostics).select();
}

}  // namespace bailiff
