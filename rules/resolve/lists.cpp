// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/lists.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rules/base/codes.h"
#include "rules/resolve/list_names.h"
#include "rules/syntax/lexer.h"

namespace bailiff {
namespace {

// In place of an include that closed a loop.
constexpr std::uint32_t kCut = UINT32_MAX;

class ListResolver {
 public:
  ListResolver(const std::vector<RawList>& raw, Diagnostics& diagnostics)
      : raw_(raw), diagnostics_(diagnostics), names_(raw) {}

  ResolvedLists resolve() && {
    include_places_.resize(raw_.size());
    result_.textual.resize(raw_.size());
    for (std::uint32_t i = 0; i < raw_.size(); ++i) {
      result_.definitions.emplace_back();
      result_.definitions.back().name = raw_[i].name;
      const PlacedTexts& items = raw_[i].items;
      result_.definitions.back().items.reserve(items.size(), items.bytes());
      for (std::size_t k = 0; k < items.size(); ++k) {
        add(i, items.text(k), items.span(k));
      }
    }
    follow_includes();
    for (ListDefinition& list : result_.definitions) {
      std::erase(list.includes, kCut);
    }
    return std::move(result_);
  }

 private:
  void add(std::uint32_t list, std::string_view item, const Span& span) {
    ListDefinition& definition = result_.definitions[list];
    const std::optional<std::uint32_t> other = names_.find(item);
    if (other && *other != list) {
      definition.includes.push_back(*other);
      include_places_[list].push_back(span);
      return;
    }
    if (is_bare(item)) {
      definition.items.push_back(item, span);
      return;
    }
    const std::string text = pasted_item(item);
    const std::optional<std::string> inner = syntax::unquote(text);
    if (inner && !mentions_later(text, list)) {
      definition.items.push_back(*inner, span);
      return;
    }
    result_.textual[list] = true;
    definition.items.push_back(item, span);
  }

  static bool is_bare(std::string_view item) {
    return !item.empty() &&
           std::all_of(item.begin(), item.end(), syntax::is_bare_char);
  }

  // Whether a list that is pasted after this one would change the text.
  bool mentions_later(std::string_view text, std::uint32_t list) const {
    const std::vector<ListNames::Mention> mentions = names_.mentions(text);
    return std::any_of(mentions.begin(), mentions.end(),
                       [list](const ListNames::Mention& mention) {
                         return mention.list > list;
                       });
  }

  // Depth first without recursion: a chain may be as long as there are lists.
  void follow_includes() {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    std::vector<State> states(raw_.size(), State::kNew);
    struct Step {
      std::uint32_t list;
      std::size_t next;  // in its includes
    };
    for (std::uint32_t root = 0; root < raw_.size(); ++root) {
      if (states[root] != State::kNew) continue;
      std::vector<Step> path = {{.list = root, .next = 0}};
      states[root] = State::kOpen;
      while (!path.empty()) {
        Step& step = path.back();
        std::vector<std::uint32_t>& includes =
            result_.definitions[step.list].includes;
        if (step.next == includes.size()) {
          states[step.list] = State::kDone;
          path.pop_back();
          if (result_.textual[step.list] && !path.empty()) {
            result_.textual[path.back().list] = true;
          }
          continue;
        }
        const std::uint32_t inner = includes[step.next];
        if (states[inner] == State::kOpen) {
          close_loop(step.list, step.next++);
          continue;
        }
        ++step.next;
        if (states[inner] == State::kNew) {
          states[inner] = State::kOpen;
          path.push_back({.list = inner, .next = 0});
        } else if (result_.textual[inner]) {
          result_.textual[step.list] = true;
        }
      }
    }
  }

  // `list` includes, at `include`, a list that includes it.
  void close_loop(std::uint32_t list, std::size_t include) {
    ListDefinition& definition = result_.definitions[list];
    const std::uint32_t other =
        std::exchange(definition.includes[include], kCut);
    const Span place = include_places_[list][include];
    const PlacedTexts& items = raw_[other].items;
    result_.loops.emplace_back(list, other);
    loop_items_ += items.size();
    if (loop_items_ > kMaxLoopItems) {
      diagnostics_.add({.severity = Severity::kError,
                        .code = codes::kValidate,
                        .message = "list '" + raw_[list].name.text +
                                   "' includes '" + raw_[other].name.text +
                                   "', which includes it",
                        .span = place,
                        .hint = "to mean the text, write it with quotes inside "
                                "its quotes",
                        .item_type = "list",
                        .item_name = raw_[list].name.text});
      return;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (names_.find(items.text(i))) {
        definition.items.push_back(items.text(i), place);
      }
    }
    definition.items.append(result_.definitions[other].items);
    if (result_.textual[other]) result_.textual[list] = true;
  }

  const std::vector<RawList>& raw_;
  Diagnostics& diagnostics_;
  ListNames names_;
  ResolvedLists result_;
  std::vector<std::vector<Span>> include_places_;  // as the includes
  std::size_t loop_items_ = 0;
};

}  // namespace

ResolvedLists resolve_lists(const std::vector<RawList>& lists,
                            Diagnostics& diagnostics) {
  return ListResolver(lists, diagnostics).resolve();
}

std::string pasted_item(std::string_view item) {
  const bool quotes = item.find(' ') != std::string_view::npos &&
                      item[0] != '"' && item[0] != '\'';
  return quotes ? "\"" + std::string(item) + "\"" : std::string(item);
}

}  // namespace bailiff
