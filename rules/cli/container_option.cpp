// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/container_option.h"

#include <string_view>
#include <utility>

#include "rules/base/diagnostic.h"
#include "rules/fields/field.h"
#include "rules/fields/reference.h"
#include "rules/types/compare.h"

namespace bailiff::cli {
namespace {

Error unusable(const std::string& option, const std::string& why) {
  return {.code = Code::kInvalidArgument,
          .message = "--container '" + option + "': " + why};
}

std::string suggestion(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Field& one : all_fields()) {
    if (one.from & kFromContainer) names.push_back(one.name);
  }
  const std::string_view near = nearest(name, names);
  if (near.empty()) return "";
  return ", did you mean '" + std::string(near) + "'?";
}

}  // namespace

Result<Facts> parse_container(const std::vector<std::string>& options) {
  Facts facts;
  facts.complete = !options.empty();
  for (const std::string& option : options) {
    const auto named = longest_reference(option);
    if (!named || option.substr(named->length, 1) != "=" ||
        (field(named->reference.field).from & kFromContainer) == 0) {
      const std::size_t equals = option.find('=');
      if (equals == std::string::npos) {
        return unusable(option, "not of the form FIELD=VALUE");
      }
      return unusable(option, "no field of a container" +
                                  suggestion(option.substr(0, equals)));
    }
    auto value = parse_operand(field(named->reference.field).falco_type,
                               Op::kEq, option.substr(named->length + 1));
    if (!value) return unusable(option, "not a value of that field");
    facts.values[to_string(named->reference)].push_back(*std::move(value));
  }
  return facts;
}

}  // namespace bailiff::cli
