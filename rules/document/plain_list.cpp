// SPDX-License-Identifier: Apache-2.0
#include "rules/document/plain_list.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rules/abi/limits.h"
#include "rules/base/codes.h"
#include "rules/document/utf8.h"

namespace bailiff {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// Without its comment and without blanks around it.
std::string_view item_of(std::string_view line) {
  std::size_t comment = line.find('#');
  while (comment != std::string_view::npos && comment > 0 &&
         kBlanks.find(line[comment - 1]) == std::string_view::npos) {
    comment = line.find('#', comment + 1);
  }
  line = line.substr(0, comment);
  const std::size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace

std::optional<PlacedTexts> read_plain_list(std::string_view text,
                                           std::uint32_t source,
                                           Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  const auto refuse = [&](std::size_t begin, std::size_t end,
                          std::string message) {
    Diagnostic diagnostic;
    diagnostic.code = codes::kValidate;
    diagnostic.message = std::move(message);
    diagnostic.span = {.source = source,
                       .begin = static_cast<std::uint32_t>(begin),
                       .end = static_cast<std::uint32_t>(end)};
    diagnostics.add(std::move(diagnostic));
  };
  if (text.size() > kMaxPlainListBytes) {
    refuse(0, 1,
           "larger than " + std::to_string(kMaxPlainListBytes) + " bytes");
    return std::nullopt;
  }
  if (const std::size_t bad = first_bad_byte(text);
      bad != std::string_view::npos) {
    refuse(bad, bad + 1, "neither UTF-8 text nor a character of a list");
    return std::nullopt;
  }

  PlacedTexts items;
  const auto lines =
      static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  items.reserve(std::min<std::size_t>(lines, BAILIFF_MAX_LIST_ENTRIES),
                text.size());
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view item = item_of(text.substr(at, end - at));
    at = end + 1;
    if (item.empty()) continue;
    const auto begin = static_cast<std::size_t>(item.data() - text.data());
    if (item.size() > kMaxPlainItemBytes) {
      refuse(begin, begin + item.size(),
             "a line of more than " + std::to_string(kMaxPlainItemBytes) +
                 " bytes is no item of a list");
      continue;
    }
    if (items.size() == BAILIFF_MAX_LIST_ENTRIES) {
      refuse(
          begin, begin + item.size(),
          "more than " + std::to_string(BAILIFF_MAX_LIST_ENTRIES) + " items");
      break;
    }
    const auto offset = static_cast<std::uint32_t>(begin);
    items.push_back(item,
                    {.source = source,
                     .begin = offset,
                     .end = offset + static_cast<std::uint32_t>(item.size())});
  }
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  return items;
}

}  // namespace bailiff
