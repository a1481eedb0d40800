// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/event_line.h"

#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/fields/event_type.h"
#include "rules/fields/field.h"
#include "sidecar/alert/timestamp.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::ordered_json;

// Ancestors that are told of: a chain of shells is no longer.
constexpr std::size_t kMaxAncestors = 16;

Json to_json(const Value& value, Secrets secrets) {
  return std::visit(
      [&](const auto& held) -> Json {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, Null>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Held, IpAddress> ||
                             std::is_same_v<Held, IpNetwork> ||
                             std::is_same_v<Held, IpEndpoint>) {
          return to_string(held);
        } else if constexpr (std::is_same_v<Held, std::string>) {
          return secrets == Secrets::kMask ? mask_text(held) : held;
        } else {
          return held;
        }
      },
      value);
}

Json to_json(const std::vector<Value>& values, Secrets secrets) {
  Json list = Json::array();
  for (const Value& value : values) list.push_back(to_json(value, secrets));
  return list;
}

// Of which element 0 is the process itself.
bool is_of_ancestors(const Field& field) {
  return field.argument == FieldArgument::kOptionalIndex ||
         field.argument == FieldArgument::kOptionalIndexOrKey;
}

std::vector<Value> ancestors(const FieldSource& event, FieldId field) {
  std::vector<Value> values;
  for (std::size_t i = 0; i < kMaxAncestors; ++i) {
    std::vector<Value> one = event.extract(field, std::to_string(i));
    if (one.empty()) break;
    values.push_back(std::move(one.front()));
  }
  return values;
}

}  // namespace

std::string event_line(const FieldSource& event, std::uint64_t realtime_ns,
                       Secrets secrets) {
  Json line = Json::object();
  line[std::string(field(FieldId::kEvtTimeIso8601).name)] =
      format_timestamp(realtime_ns);
  for (const Field& field : all_fields()) {
    if (field.from == kFromNobody || field.needs_argument()) continue;
    const std::string name(field.name);
    if (is_of_ancestors(field)) {
      const std::vector<Value> values = ancestors(event, field.id);
      if (!values.empty()) line[name] = to_json(values, secrets);
      continue;
    }
    const std::vector<Value> values = event.extract(field.id, "");
    if (values.empty()) continue;
    line[name] = field.is_list() || values.size() > 1
                     ? to_json(values, secrets)
                     : to_json(values.front(), secrets);
  }
  const std::vector<Value> type = event.extract(FieldId::kEvtType, "");
  const std::optional<std::size_t> index =
      type.empty() ? std::nullopt : find_event_type(to_string(type.front()));
  if (index) {
    for (const EventParameter& parameter :
         all_event_types()[*index].parameters) {
      const std::vector<Value> values =
          event.extract(FieldId::kEvtArg, parameter.name);
      if (values.empty()) continue;
      line["evt.arg." + std::string(parameter.name)] =
          to_json(values.front(), secrets);
    }
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bailiff::sidecar
