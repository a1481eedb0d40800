// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/list_names.h"

#include <algorithm>

namespace bailiff {
namespace {

std::string_view first_word(std::string_view text) {
  const auto end = std::find_if(text.begin(), text.end(), is_list_delimiter);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

}  // namespace

ListNames::ListNames(const std::vector<RawList>& lists) : lists_(lists) {
  for (std::uint32_t i = 0; i < lists.size(); ++i) {
    const std::string_view name = lists[i].name.text;
    by_name_.emplace(name, i);
    const std::string_view word = first_word(name);
    if (word.empty()) continue;
    std::vector<std::uint32_t>& sharing = by_first_word_[word];
    if (sharing.size() < kMaxListsOfOneWord) sharing.push_back(i);
  }
}

std::optional<std::uint32_t> ListNames::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::vector<ListNames::Mention> ListNames::mentions(
    std::string_view text) const {
  std::vector<Mention> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view word = first_word(text.substr(at));
    if (word.empty()) {
      ++at;
      continue;
    }
    const auto sharing = by_first_word_.find(word);
    if (sharing != by_first_word_.end()) {
      for (const std::uint32_t list : sharing->second) {
        const std::string_view name = lists_[list].name.text;
        const std::size_t end = at + name.size();
        const bool ends = end >= text.size() || is_list_delimiter(text[end]);
        if (ends && text.substr(at).starts_with(name)) {
          found.push_back({.begin = at, .end = end, .list = list});
        }
      }
    }
    at += word.size();
  }
  return found;
}

}  // namespace bailiff
