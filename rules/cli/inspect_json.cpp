// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/inspect_json.h"

#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "rules/fields/reference.h"
#include "rules/types/compare.h"

namespace bailiff::cli {
namespace {

using Json = nlohmann::ordered_json;

Error bad_event(std::string why) {
  return {.code = Code::kInvalidArgument, .message = std::move(why)};
}

// nullopt when the value is not of the type.
std::optional<Value> value_of(const Json& json, FieldType type) {
  if (json.is_null()) return Null{};
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      if (json.is_string()) return json.get<std::string>();
      return std::nullopt;
    case FieldType::kNumber:
    case FieldType::kDouble:
      if (json.is_number_integer()) return json.get<std::int64_t>();
      return std::nullopt;
    case FieldType::kDynamic:
      if (json.is_string()) return json.get<std::string>();
      if (json.is_number_integer()) return json.get<std::int64_t>();
      return std::nullopt;
    case FieldType::kBool:
      if (json.is_boolean()) return json.get<bool>();
      return std::nullopt;
    case FieldType::kAddress:
    case FieldType::kNetwork:
      if (!json.is_string()) return std::nullopt;
      return parse_item(FieldType::kAddress, json.get<std::string>());
  }
  return std::nullopt;
}

// The field, or the field with an argument, that a name of an event's value
// is.  A field that needs an argument may be named without: its values are
// then those of all.
std::optional<FieldReference> reference_of(std::string_view name) {
  auto whole = longest_reference(name);
  if (whole && whole->length == name.size()) return whole->reference;
  if (const auto id = find_field(name))
    return FieldReference{.field = *id, .argument = {}};
  return std::nullopt;
}

std::optional<std::vector<Value>> values_of(const Json& json, FieldType type) {
  std::vector<Value> values;
  if (!json.is_array()) {
    auto value = value_of(json, type);
    if (!value) return std::nullopt;
    values.push_back(*std::move(value));
    return values;
  }
  for (const Json& element : json) {
    auto value = value_of(element, type);
    if (!value) return std::nullopt;
    values.push_back(*std::move(value));
  }
  return values;
}

}  // namespace

std::string placements_json(const std::vector<Placement>& placements,
                            const CompiledPolicy& policy) {
  Json all = Json::array();
  for (const Placement& placement : placements) {
    Json hooks = Json::array();
    for (const HookPoint hook : placement.hooks) {
      hooks.push_back(to_string(hook));
    }
    Json fields = Json::array();
    for (const FieldId id : placement.fields) fields.push_back(field(id).name);
    all.push_back({{"rule", policy.rules[placement.rule].name},
                   {"enforcement", to_string(placement.enforcement)},
                   {"hooks", hooks},
                   {"fields", fields},
                   {"condition", placement.folded},
                   {"reason", placement.reason}});
  }
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string names_json(const std::vector<std::string>& names) {
  return Json(names).dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Result<JsonEvent> JsonEvent::parse(std::string_view line, std::int64_t number) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return bad_event("not JSON");
  if (!json.is_object()) return bad_event("not a JSON object");
  JsonEvent event;
  event.values_["evt.dir"] = {Value("<")};
  event.values_["evt.num"] = {Value(number)};
  for (const auto& [key, value] : json.items()) {
    const std::optional<FieldReference> named = reference_of(key);
    if (!named) continue;
    const FalcoType type = value_type(named->field, named->argument);
    auto values = values_of(value, field_type_of(type));
    if (!values) {
      return bad_event("field '" + key + "': value of another type");
    }
    event.values_[to_string(*named)] = *std::move(values);
  }
  return event;
}

std::vector<Value> JsonEvent::extract(FieldId id,
                                      std::string_view argument) const {
  const auto whole = values_.find(field(id).name);
  if (argument.empty()) {
    return whole == values_.end() ? std::vector<Value>() : whole->second;
  }
  const auto exact = values_.find(to_string(
      FieldReference{.field = id, .argument = std::string(argument)}));
  if (exact != values_.end()) return exact->second;
  std::size_t index = 0;
  const char* const end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(argument.data(), end, index);
  if (whole == values_.end() || error != std::errc() || rest != end ||
      index >= whole->second.size()) {
    return {};
  }
  return {whole->second[index]};
}

}  // namespace bailiff::cli
