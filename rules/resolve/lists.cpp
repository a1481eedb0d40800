// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/lists.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "rules/base/codes.h"
#include "rules/syntax/lexer.h"

namespace bailiff {
namespace {

// In place of an include that closed a loop.
constexpr std::uint32_t kCut = UINT32_MAX;

class ListResolver {
 public:
  ListResolver(const std::vector<RawList>& raw, Diagnostics& diagnostics)
      : raw_(raw), diagnostics_(diagnostics) {
    for (std::uint32_t i = 0; i < raw.size(); ++i) {
      index_.emplace(raw[i].name.text, i);
    }
  }

  std::vector<ListDefinition> resolve() && {
    include_places_.resize(raw_.size());
    for (std::uint32_t i = 0; i < raw_.size(); ++i) {
      lists_.emplace_back();
      lists_.back().name = raw_[i].name;
      for (const PlacedText& item : raw_[i].items) add(i, item);
    }
    cut_loops();
    for (ListDefinition& list : lists_) std::erase(list.includes, kCut);
    return std::move(lists_);
  }

 private:
  void add(std::uint32_t list, const PlacedText& item) {
    const bool quoted = item.text[0] == '"' || item.text[0] == '\'';
    if (quoted) {
      std::optional<std::string> inner = syntax::unquote(item.text);
      if (inner) {
        lists_[list].items.push_back(
            {.text = *std::move(inner), .span = item.span});
      } else {
        refuse(list, item.span,
               "item " + item.text +
                   " begins with a quote but is no quoted "
                   "string");
      }
      return;
    }
    const auto other = index_.find(item.text);
    if (other != index_.end()) {
      lists_[list].includes.push_back(other->second);
      include_places_[list].push_back(item.span);
      return;
    }
    // A text with a blank gets quotes when it is pasted, any other does not.
    const bool torn =
        item.text.find(' ') == std::string::npos &&
        !std::all_of(item.text.begin(), item.text.end(), syntax::is_bare_char);
    if (torn) {
      refuse(list, item.span,
             "item '" + item.text + "' needs quotes inside its quotes",
             "write '" + quoted_twice(item.text) + "'");
      return;
    }
    lists_[list].items.push_back(item);
  }

  static std::string quoted_twice(const std::string& text) {
    return "\"" + text + "\"";
  }

  // Depth first without recursion: a chain may be as long as there are lists.
  void cut_loops() {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    std::vector<State> states(lists_.size(), State::kNew);
    struct Step {
      std::uint32_t list;
      std::size_t next;  // in its includes
    };
    for (std::uint32_t root = 0; root < lists_.size(); ++root) {
      if (states[root] != State::kNew) continue;
      std::vector<Step> path = {{.list = root, .next = 0}};
      states[root] = State::kOpen;
      while (!path.empty()) {
        Step& step = path.back();
        std::vector<std::uint32_t>& includes = lists_[step.list].includes;
        if (step.next == includes.size()) {
          states[step.list] = State::kDone;
          path.pop_back();
          continue;
        }
        const std::uint32_t inner = includes[step.next];
        if (states[inner] == State::kOpen) {
          cut(step.list, step.next++);
          continue;
        }
        ++step.next;
        if (states[inner] == State::kNew) {
          states[inner] = State::kOpen;
          path.push_back({.list = inner, .next = 0});
        }
      }
    }
  }

  void cut(std::uint32_t list, std::size_t include) {
    std::uint32_t& included = lists_[list].includes[include];
    refuse(list, include_places_[list][include],
           "reference loop: list '" + lists_[list].name.text + "' includes '" +
               raw_[included].name.text + "', which includes it");
    included = kCut;
  }

  void refuse(std::uint32_t list, Span span, std::string message,
              std::string hint = {}) {
    diagnostics_.add({.severity = Severity::kError,
                      .code = codes::kValidate,
                      .message = std::move(message),
                      .span = span,
                      .hint = std::move(hint),
                      .item_type = "list",
                      .item_name = raw_[list].name.text});
  }

  const std::vector<RawList>& raw_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  std::vector<ListDefinition> lists_;
  std::vector<std::vector<Span>> include_places_;  // as lists_[i].includes
};

}  // namespace

std::vector<ListDefinition> resolve_lists(const std::vector<RawList>& lists,
                                          Diagnostics& diagnostics) {
  return ListResolver(lists, diagnostics).resolve();
}

}  // namespace bailiff
