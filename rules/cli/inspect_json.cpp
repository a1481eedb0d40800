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

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // as it is written

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
    case FieldType::kDynamic:
      if (json.is_string()) return json.get<std::string>();
      if (json.is_number_integer()) return json.get<std::int64_t>();
      return std::nullopt;
    case FieldType::kNumber:
      if (json.is_number_unsigned()) {
        return number_value(json.get<std::uint64_t>());
      }
      if (json.is_number_integer()) return json.get<std::int64_t>();
      return std::nullopt;
    case FieldType::kDouble:
      if (json.is_number()) return json.get<double>();
      return std::nullopt;
    case FieldType::kBool:
      if (json.is_boolean()) return json.get<bool>();
      return std::nullopt;
    case FieldType::kAddress:
    case FieldType::kNetwork:
      if (!json.is_string()) return std::nullopt;
      if (const auto address = parse_address(json.get<std::string>())) {
        return *address;
      }
      return std::nullopt;
  }
  return std::nullopt;
}

// The field, or the field with an argument, that a name of an event's value
// is.  A field that needs an argument may be named without: its values are
// then those of all.
std::optional<FieldReference> reference_of(std::string_view name) {
  auto whole = longest_reference(name);
  if (whole && whole->length == name.size()) return whole->reference;
  if (const auto id = find_field(name)) {
    return FieldReference{.field = *id, .argument = {}};
  }
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

// Fields of which element 0 is the process itself, and the others, which are
// what the field without an index stands for, its ancestors.
bool is_of_ancestors(FieldId id) {
  return id == FieldId::kProcAname || id == FieldId::kProcAexe ||
         id == FieldId::kProcAexepath || id == FieldId::kProcAcmdline ||
         id == FieldId::kProcAargs || id == FieldId::kProcAenv ||
         id == FieldId::kProcApid;
}

// The values of a field that was given whole and is asked for as such.
std::vector<Value> whole_of(FieldId id, const std::vector<Value>& values) {
  if (is_of_ancestors(id) && values.size() > 1) {
    return {values.begin() + 1, values.end()};
  }
  if (is_of_ancestors(id)) return {};
  const bool words = field(id).takes_argument() && values.size() > 1 &&
                     several_of(id) == Several::kAny &&
                     field(id).type == FieldType::kString;
  if (!words) return values;
  std::string text;
  for (const Value& value : values) {
    text += (text.empty() ? "" : " ") + to_string(value);
  }
  return {Value(std::move(text))};
}

}  // namespace

std::string placements_json(const std::vector<Placement>& placements,
                            const CompiledPolicy& policy) {
  OrderedJson all = OrderedJson::array();
  for (const Placement& placement : placements) {
    OrderedJson hooks = OrderedJson::array();
    for (const HookPoint hook : placement.hooks) {
      hooks.push_back(to_string(hook));
    }
    OrderedJson fields = OrderedJson::array();
    for (const FieldId id : placement.fields) fields.push_back(field(id).name);
    all.push_back({{"rule", policy.rules[placement.rule].name},
                   {"enforcement", to_string(placement.enforcement)},
                   {"hooks", hooks},
                   {"events", placement.events ? OrderedJson(*placement.events)
                                               : OrderedJson(nullptr)},
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
  return read(json, number);
}

Result<JsonEvent> JsonEvent::read(const Json& object, std::int64_t number) {
  if (!object.is_object()) return bad_event("not a JSON object");
  JsonEvent event;
  event.values_[{FieldId::kEvtDir, ""}] = {Value("<")};
  event.values_[{FieldId::kEvtNum, ""}] = {Value(number)};
  for (const auto& [key, value] : object.items()) {
    const std::optional<FieldReference> named = reference_of(key);
    if (!named) continue;
    const FieldReference& found = *named;
    const FalcoType type = value_type(found.field, found.argument);
    auto values = values_of(value, field_type_of(type));
    if (!values) {
      return bad_event("field '" + key + "': value of another type");
    }
    // One text is one ancestor, of a process that is not told.
    if (is_of_ancestors(found.field) && found.argument.empty() &&
        !value.is_array()) {
      values->insert(values->begin(), Null{});
    }
    event.values_[{found.field, found.argument}] = *std::move(values);
  }
  return event;
}

std::vector<Value> JsonEvent::extract(FieldId id,
                                      std::string_view argument) const {
  const auto exact = values_.find({id, std::string(argument)});
  if (exact != values_.end()) {
    return argument.empty() ? whole_of(id, exact->second) : exact->second;
  }
  const auto whole = values_.find({id, std::string()});
  if (argument.empty() || whole == values_.end()) return {};
  const std::vector<Value>& values = whole->second;
  std::size_t index = 0;
  const char* const end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(argument.data(), end, index);
  if (error == std::errc() && rest == end) {
    if (index >= values.size()) return {};
    return {values[index]};
  }
  // A key: of "KEY=VALUE" texts.
  for (const Value& value : values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->starts_with(argument) &&
        text->substr(argument.size()).starts_with('=')) {
      return {Value(text->substr(argument.size() + 1))};
    }
  }
  return {};
}

}  // namespace bailiff::cli
