// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/observed.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <string>

#include "rules/fields/event_type.h"

namespace bailiff {
namespace {

constexpr auto kTypes = std::to_array<std::string_view>({
#define BAILIFF_TYPE(id, name, nr32) #name,
    BAILIFF_CALLS(BAILIFF_TYPE)
#undef BAILIFF_TYPE
});

// Parameters whose values are not captured; an empty type is any.
constexpr struct {
  std::string_view type;
  std::string_view parameter;
} kUntold[] = {{"", "fdlimit"},    {"", "pgft_maj"},   {"", "pgft_min"},
               {"", "vm_size"},    {"", "vm_rss"},     {"", "vm_swap"},
               {"", "cgroups"},    {"", "queuepct"},   {"", "queuelen"},
               {"", "queuemax"},   {"", "msgcontrol"}, {"init_module", "img"},
               {"ptrace", "addr"}, {"ptrace", "data"}, {"creat", "creat_flags"},
               {"mount", "type"}};

}  // namespace

std::optional<bailiff_call> observed_call(std::string_view type) {
  const auto found = std::find(kTypes.begin(), kTypes.end(), type);
  if (found == kTypes.end()) return std::nullopt;
  return static_cast<bailiff_call>(found - kTypes.begin());
}

std::string_view event_type_of(bailiff_call call) {
  assert(call < BAILIFF_CALL_COUNT);
  return kTypes[call];
}

std::string_view parameter_name(bailiff_call call,
                                std::string_view name_or_place) {
  std::size_t place = 0;
  const char* last = name_or_place.data() + name_or_place.size();
  const auto [end, error] = std::from_chars(name_or_place.data(), last, place);
  if (error != std::errc() || end != last) return name_or_place;
  const auto parameters =
      all_event_types()[*find_event_type(event_type_of(call))].parameters;
  return place < parameters.size() ? parameters[place].name
                                   : std::string_view();
}

bool is_told(bailiff_call call, std::string_view parameter) {
  const std::string_view type = event_type_of(call);
  parameter = parameter_name(call, parameter);
  return std::none_of(std::begin(kUntold), std::end(kUntold),
                      [&](const auto& untold) {
                        return untold.parameter == parameter &&
                               (untold.type.empty() || untold.type == type);
                      });
}

}  // namespace bailiff
