// SPDX-License-Identifier: Apache-2.0
// rules/resolve/list_names.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/resolve/definitions.h"

namespace bailiff {

// Whether the character may stand beside the name of a list in a condition.
constexpr bool is_list_delimiter(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '(' ||
         c == ')' || c == ',' || c == '=';
}

// Lists whose names share a first word and more words behind it, such as
// "test a" and "test b", of which each is looked for at every "test".  Those
// past it are not found in conditions; they have been warned of as names.
inline constexpr std::size_t kMaxListsOfOneWord = 16;

// Finds the names of lists in texts.  A name that begins with a delimiter is
// not found; Falco, which would, warns of it.
class ListNames {
 public:
  // A name with delimiters around it.
  struct Mention {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::uint32_t list = 0;
  };

  // `lists` are borrowed.
  explicit ListNames(const std::vector<RawList>& lists);

  // The list of just that name.
  std::optional<std::uint32_t> find(std::string_view name) const;
  // Every mention in the text, in order; those that begin at the same place by
  // their list.
  std::vector<Mention> mentions(std::string_view text) const;

 private:
  const std::vector<RawList>& lists_;
  std::unordered_map<std::string_view, std::uint32_t> by_name_;
  std::unordered_map<std::string_view, std::vector<std::uint32_t>>
      by_first_word_;
};

}  // namespace bailiff
