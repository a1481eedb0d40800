// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/host_name.h"

#include <algorithm>
#include <cstddef>
#include <variant>

#include "rules/abi/dns.h"
#include "rules/lower/fold.h"

namespace bailiff {
namespace {

bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

bool is_host_name(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  // In a message it takes a byte more for its first label, and one for the end.
  if (name.size() + 2 > BAILIFF_DNS_NAME_BYTES) return false;
  for (;;) {
    const std::size_t end = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, end);
    if (label.empty() || label.size() > BAILIFF_DNS_LABEL_BYTES ||
        !std::all_of(label.begin(), label.end(), is_of_name)) {
      return false;
    }
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
  }
}

bool is_listed_name(std::string_view name) {
  if (name.empty() || name.front() != '.') return is_host_name(name);
  name.remove_prefix(1);
  if (!is_host_name(name)) return false;
  if (name.back() == '.') name.remove_suffix(1);
  return std::count(name.begin(), name.end(), '.') < BAILIFF_DNS_SUFFIXES;
}

std::string first_no_host_name(const Expr& expr,
                               const std::vector<List>& lists) {
  for (const Leaf& leaf : leaves_of(expr)) {
    if (leaf.check == nullptr || !of_host_name(leaf.check->field)) continue;
    for (const Value& value : leaf.check->values) {
      const auto* name = std::get_if<std::string>(&value);
      if (name != nullptr && !is_listed_name(*name)) return *name;
    }
    for (const std::uint32_t list : leaf.check->lists) {
      for (const std::uint32_t each : with_included(lists, list)) {
        for (const std::string& item : lists[each].items) {
          if (!is_listed_name(item)) return item;
        }
      }
    }
  }
  return "";
}

}  // namespace bailiff
