// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/tables.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "hook/attach/maps.h"
#include "oci/sys/errno_error.h"
#include "rules/abi/limits.h"

namespace bailiff::hook {
namespace {

// nullopt when there is no such link.
Result<std::optional<std::uint32_t>> read_place(const std::string& link,
                                                Kernel& kernel) {
  const auto text = kernel.read_link(link);
  if (!text) {
    if (text.error().code == Code::kNotFound) {
      return std::optional<std::uint32_t>();
    }
    return text.error();
  }
  std::uint32_t place = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, place);
  if (error != std::errc() || stop != end || place >= BAILIFF_MAX_TABLES) {
    return invalid_argument("'" + link + "' tells no place of a table");
  }
  return std::optional(place);
}

Result<std::vector<std::string>> links_in(const std::string& folder,
                                          Kernel& kernel) {
  auto names = kernel.list(folder);
  if (!names && names.error().code == Code::kNotFound) {
    return std::vector<std::string>();
  }
  return names;
}

}  // namespace

Result<std::optional<std::uint32_t>> place_of(const emit::MapRef& list,
                                              const Pins& pins,
                                              Kernel& kernel) {
  return read_place(pins.map(list), kernel);
}

Result<std::vector<std::uint32_t>> free_places(std::size_t count,
                                               const Pins& pins,
                                               Kernel& kernel) {
  std::vector<bool> taken(BAILIFF_MAX_TABLES);
  ASSIGN_OR_RETURN(const auto names, links_in(pins.lists(), kernel));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const auto place,
                     read_place(pins.lists() + "/" + name, kernel));
    if (place) taken[*place] = true;
  }
  std::vector<std::uint32_t> places;
  for (std::uint32_t i = 0; i < taken.size() && places.size() < count; ++i) {
    if (!taken[i]) places.push_back(i);
  }
  if (places.size() == count) return places;
  return Error{Code::kExhausted,
               "no room for " + std::to_string(count) + " more lists beside " +
                   std::to_string(names.size()) + ", of at most " +
                   std::to_string(BAILIFF_MAX_TABLES)};
}

Status clear_places(const Map& tables, std::span<const std::uint32_t> places,
                    Kernel& kernel) {
  if (places.empty()) return Ok{};
  ASSIGN_OR_RETURN(const Map empty, create_empty_table(kernel));
  std::vector<InnerMap> inners;
  for (const std::uint32_t place : places) {
    inners.push_back({.index = place, .fd = empty.fd()});
  }
  return kernel.set_inners(tables, inners);
}

Status remove_lists_but(const std::set<std::uint32_t>& used, const Pins& pins,
                        Kernel& kernel) {
  std::vector<std::uint32_t> unused;
  ASSIGN_OR_RETURN(const auto names, links_in(pins.lists(), kernel));
  for (const std::string& name : names) {
    const std::string link = pins.lists() + "/" + name;
    ASSIGN_OR_RETURN(const auto place, read_place(link, kernel));
    if (!place || used.contains(*place)) continue;
    RETURN_IF_ERROR(kernel.unlink(link));
    unused.push_back(*place);
  }
  if (unused.empty()) return Ok{};
  ASSIGN_OR_RETURN(const Map tables,
                   kernel.open_map(pins.map(emit::MapKind::kTables)));
  return clear_places(tables, unused, kernel);
}

Result<std::vector<std::uint32_t>> read_numbers(const Map& numbers,
                                                Kernel& kernel) {
  // The kernel rounds the size of a value up to 8 bytes.
  std::vector<std::uint32_t> value(BAILIFF_MAX_TABLES + 2);
  RETURN_IF_ERROR(kernel.look_up(numbers, bytes_of(std::uint32_t{0}),
                                 std::as_writable_bytes(std::span(value))));
  const std::size_t count = std::min<std::size_t>(value[0], BAILIFF_MAX_TABLES);
  return std::vector<std::uint32_t>(
      value.begin() + 1,
      value.begin() + 1 + static_cast<std::ptrdiff_t>(count));
}

}  // namespace bailiff::hook
