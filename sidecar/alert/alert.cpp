// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/alert.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "sidecar/alert/alert_json.h"
#include "sidecar/alert/timestamp.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::json;  // its objects keep their keys sorted

// An alert is an object that holds an object of scalars; what some field might
// hold is a list.  Deeper nesting is somebody probing the stack.
constexpr int kMaxJsonDepth = 16;

Json null_if_empty(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json_value(const Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, Null>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Held, IpAddress> ||
                             std::is_same_v<Held, IpNetwork> ||
                             std::is_same_v<Held, IpEndpoint>) {
          return to_string(held);
        } else {
          return held;
        }
      },
      value);
}

Json to_json_value(const OutputValue& value) {
  if (const auto* one = std::get_if<Value>(&value)) return to_json_value(*one);
  Json list = Json::array();
  for (const Value& item : std::get<std::vector<Value>>(value)) {
    list.push_back(to_json_value(item));
  }
  return list;
}

Error bad_field(const std::string& field, const std::string& problem) {
  return {.code = Code::kInvalidArgument,
          .message = "field '" + field + "': " + problem};
}

Result<std::string> required_text(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end()) return bad_field(name, "is required");
  if (!found->is_string()) return bad_field(name, "must be a string");
  if (found->get_ref<const std::string&>().empty()) {
    return bad_field(name, "must not be empty");
  }
  return found->get<std::string>();
}

Result<std::string> optional_text(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return bad_field(name, "must be a string");
  return found->get<std::string>();
}

// What our Value has no type for is kept as its JSON text.
Value to_value(const Json& json) {
  if (json.is_null()) return Null{};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_unsigned()) return number_value(json.get<std::uint64_t>());
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

OutputValue to_output_value(const Json& json) {
  const bool list =
      json.is_array() &&
      std::none_of(json.begin(), json.end(),
                   [](const Json& item) { return item.is_structured(); });
  if (!list) return to_value(json);
  std::vector<Value> values;
  values.reserve(json.size());
  for (const Json& item : json) values.push_back(to_value(item));
  return values;
}

// Falco puts "HH:MM:SS.nnnnnnnnn: Warning " (or an ISO 8601 time) in front of
// every output; to_json() does so again.
std::string without_prefix(const std::string& output, Priority priority) {
  const std::string mark = ": " + std::string(to_string(priority)) + " ";
  const std::size_t at = output.find(mark);
  if (at == std::string::npos || at == 0) return output;
  const std::string time = output.substr(0, at);
  const bool is_time =
      time.find_first_not_of("0123456789:.-+TZ") == std::string::npos;
  return is_time ? output.substr(at + mark.size()) : output;
}

}  // namespace

Result<Json> parse_alert_body(const std::string& text) {
  bool too_deep = false;
  const auto bounded = [&too_deep](int depth, Json::parse_event_t, Json&) {
    if (depth <= kMaxJsonDepth) return true;
    too_deep = true;
    return false;  // drops the part, so that no deep tree is ever built
  };
  Json json = Json::parse(text, bounded, /*allow_exceptions=*/false);
  if (too_deep) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "the body is nested deeper than " +
                            std::to_string(kMaxJsonDepth) + " levels"};
  }
  if (json.is_discarded()) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "the body is not JSON"};
  }
  if (!json.is_object()) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "the body is not a JSON object"};
  }
  return json;
}

Result<FalcoViolation> read_falco_violation(const Json& json) {
  FalcoViolation violation;
  ASSIGN_OR_RETURN(violation.rule, required_text(json, "rule"));

  ASSIGN_OR_RETURN(const std::string priority, required_text(json, "priority"));
  const std::optional<Priority> known = parse_priority(priority);
  if (!known) {
    return bad_field("priority", "'" + priority + "' is not a Falco priority");
  }
  violation.priority = *known;

  ASSIGN_OR_RETURN(const std::string output, required_text(json, "output"));
  violation.output = without_prefix(output, violation.priority);

  ASSIGN_OR_RETURN(const std::string time, required_text(json, "time"));
  const std::optional<std::uint64_t> time_ns = parse_timestamp(time);
  if (!time_ns) {
    return bad_field("time", "'" + time + "' is not an RFC 3339 time");
  }
  violation.time_ns = *time_ns;

  ASSIGN_OR_RETURN(violation.source, optional_text(json, "source"));
  if (violation.source.empty()) violation.source = "syscall";
  ASSIGN_OR_RETURN(violation.hostname, optional_text(json, "hostname"));

  if (const auto tags = json.find("tags"); tags != json.end()) {
    if (!tags->is_array()) return bad_field("tags", "must be a list");
    for (const Json& tag : *tags) {
      if (!tag.is_string()) return bad_field("tags", "must hold strings only");
      violation.tags.push_back(tag.get<std::string>());
    }
  }

  const auto fields = json.find("output_fields");
  if (fields == json.end()) return bad_field("output_fields", "is required");
  if (!fields->is_object()) {
    return bad_field("output_fields", "must be an object");
  }
  for (const auto& [name, value] : fields->items()) {
    violation.output_fields.emplace_back(name, to_output_value(value));
    if (name != "container.id" || value.is_null()) continue;
    if (!value.is_string()) {
      return bad_field("output_fields.container.id", "must be a string");
    }
    violation.container_id = value.get<std::string>();
  }
  return violation;
}

std::string to_json(const Alert& alert) {
  std::vector<std::string> tags = alert.tags;
  std::sort(tags.begin(), tags.end());
  Json fields = Json::object();
  for (const auto& [name, value] : alert.output_fields) {
    fields[name] = to_json_value(value);
  }
  const std::string priority(to_string(alert.priority));
  const Json json = {
      {"bailiff",
       {{"caused_by", null_if_empty(alert.caused_by)},
        {"connections_cut", alert.connections_cut},
        {"container",
         {{"id", null_if_empty(alert.container.id)},
          {"image", null_if_empty(alert.container.image)},
          {"name", null_if_empty(alert.container.name)},
          {"namespace", null_if_empty(alert.container.name_space)},
          {"pod", null_if_empty(alert.container.pod)},
          {"pod_trusted", alert.container.pod_trusted
                              ? Json(*alert.container.pod_trusted)
                              : Json(nullptr)}}},
        {"enforcement", alert.enforcement},
        {"evidence", null_if_empty(alert.evidence)},
        {"hook", null_if_empty(alert.hook)},
        {"latency_us", alert.latency_us},
        {"mode", null_if_empty(alert.mode)},
        {"outcome", alert.outcome},
        {"policy", null_if_empty(alert.policy)},
        {"replaces", null_if_empty(alert.replaces)},
        {"response", alert.response},
        {"response_id", null_if_empty(alert.response_id)},
        {"verdict", alert.verdict}}},
      {"hostname", alert.hostname},
      {"output",
       format_clock(alert.time_ns) + ": " + priority + " " + alert.message},
      {"output_fields", std::move(fields)},
      {"priority", priority},
      {"rule", alert.rule},
      {"source", alert.source},
      {"tags", std::move(tags)},
      {"time", format_timestamp(alert.time_ns)},
      {"uuid", alert.uuid},
  };
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<FalcoViolation> parse_falco_violation(const std::string& json) {
  try {
    ASSIGN_OR_RETURN(const Json object, parse_alert_body(json));
    return read_falco_violation(object);
  } catch (const Json::exception& e) {
    return Error{
        .code = Code::kInvalidArgument,
        .message = std::string("the body is not an alert: ") + e.what()};
  }
}

std::string new_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  // getrandom(2) gives up to 256 bytes whole and without a signal's
  // interruption once the kernel's pool is ready; before that it may be.
  while (::getrandom(bytes.data(), bytes.size(), 0) !=
         static_cast<ssize_t>(bytes.size())) {
  }
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // RFC 4122
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace bailiff::sidecar
