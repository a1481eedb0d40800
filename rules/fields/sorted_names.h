// SPDX-License-Identifier: Apache-2.0
// rules/fields/sorted_names.h
// Looking names up in a table sorted by them.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

namespace bailiff {

// The entry of the name, null when there is none.  `name_of(entry)` gives an
// entry's name; `entries` are sorted by it and borrowed.
template <typename Entries, typename NameOf>
auto find_name(const Entries& entries, std::string_view name, NameOf name_of)
    -> decltype(&*std::begin(entries)) {
  const auto found =
      std::lower_bound(std::begin(entries), std::end(entries), name,
                       [&](const auto& entry, std::string_view wanted) {
                         return name_of(entry) < wanted;
                       });
  if (found == std::end(entries) || name_of(*found) != name) return nullptr;
  return &*found;
}

// The entry with the longest name `text` starts with, null when it starts with
// none.
template <typename Entries, typename NameOf>
auto find_longest_prefix(const Entries& entries, std::string_view text,
                         NameOf name_of) -> decltype(&*std::begin(entries)) {
  for (;;) {
    // The last name that is not behind `text`: the longest prefix, if it is
    // one.  If not, prefixes are not longer than what the two have in common.
    const auto behind =
        std::upper_bound(std::begin(entries), std::end(entries), text,
                         [&](std::string_view wanted, const auto& entry) {
                           return wanted < name_of(entry);
                         });
    if (behind == std::begin(entries)) return nullptr;
    const auto& before = *std::prev(behind);
    const std::string_view name = name_of(before);
    if (text.starts_with(name)) return &before;
    const auto common =
        std::mismatch(text.begin(), text.end(), name.begin(), name.end()).first;
    text = text.substr(0, static_cast<std::size_t>(common - text.begin()));
  }
}

}  // namespace bailiff
