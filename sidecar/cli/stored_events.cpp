// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/stored_events.h"

#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/cli/inspect_json.h"
#include "sidecar/alert/alert_json.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/cli/answers.h"
#include "sidecar/cli/table.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

// What Bailiff has added to Falco's alert; nothing, in one of Falco's own.
void take_ours(const Json& object, Alert& alert) {
  alert.enforcement = to_string(Enforcement::kExternal);
  const auto found = object.find("bailiff");
  if (found == object.end() || !found->is_object()) return;
  const Json& ours = *found;
  alert.policy = text_of(ours, "policy");
  alert.mode = text_of(ours, "mode");
  alert.enforcement = text_of(ours, "enforcement");
  alert.hook = text_of(ours, "hook");
  alert.verdict = text_of(ours, "verdict");
  alert.response = text_of(ours, "response");
  alert.outcome = text_of(ours, "outcome");
  const auto container = ours.find("container");
  if (container == ours.end() || !container->is_object()) return;
  alert.container = {.id = text_of(*container, "id"),
                     .name = text_of(*container, "name"),
                     .image = text_of(*container, "image"),
                     .pod = text_of(*container, "pod"),
                     .name_space = text_of(*container, "namespace")};
  const auto trusted = container->find("pod_trusted");
  if (trusted != container->end() && trusted->is_boolean()) {
    alert.container.pod_trusted = trusted->get<bool>();
  }
}

Result<StoredEvent> alert_of(const Json& object) {
  ASSIGN_OR_RETURN(FalcoViolation told, read_falco_violation(object));
  StoredEvent event;
  event.alert.hostname = told.hostname;
  event.alert.time_ns = told.time_ns;
  event.alert.priority = told.priority;
  event.alert.rule = told.rule;
  event.alert.source = told.source;
  event.alert.tags = std::move(told.tags);
  event.alert.output_fields = std::move(told.output_fields);
  event.alert.container.id = told.container_id;
  take_ours(object, event.alert);
  return event;
}

std::optional<std::uint64_t> time_of(const FieldSource& event) {
  const std::vector<Value> raw = event.extract(FieldId::kEvtRawtime, "");
  if (!raw.empty()) {
    if (const auto* ns = std::get_if<std::uint64_t>(&raw.front())) return *ns;
    if (const auto* ns = std::get_if<std::int64_t>(&raw.front())) {
      if (*ns > 0) return static_cast<std::uint64_t>(*ns);
    }
  }
  const std::vector<Value> time = event.extract(FieldId::kEvtTimeIso8601, "");
  const auto* text =
      time.empty() ? nullptr : std::get_if<std::string>(&time.front());
  return text != nullptr ? parse_timestamp(*text) : std::nullopt;
}

Result<StoredEvent> fields_of(const Json& object, std::int64_t number) {
  ASSIGN_OR_RETURN(cli::JsonEvent parsed, cli::JsonEvent::read(object, number));
  auto fields = std::make_shared<const cli::JsonEvent>(std::move(parsed));
  StoredEvent event;
  event.alert.time_ns = time_of(*fields).value_or(0);
  event.alert.container = container_of(*fields);
  event.fields = std::move(fields);
  return event;
}

Result<StoredEvent> event_of(const Json& object, std::int64_t number) {
  const bool is_alert = object.contains("rule") && object.contains("output");
  return is_alert ? alert_of(object) : fields_of(object, number);
}

}  // namespace

Result<StoredEvent> parse_stored(const std::string& json, std::int64_t number) {
  ASSIGN_OR_RETURN(const Json object, parse_alert_body(json));
  return event_of(object, number);
}

bool passes(const StoredFilter& filter, const StoredEvent& event) {
  const Alert& alert = event.alert;
  if (alert.time_ns < filter.since_ns) return false;
  if (filter.until_ns != 0 && alert.time_ns > filter.until_ns) return false;
  if (!filter.rule.empty() && !event.fields && alert.rule != filter.rule) {
    return false;
  }
  return filter.container.empty() ||
         alert.container.id.starts_with(filter.container) ||
         alert.container.name == filter.container;
}

int read_stored(HttpClient& client, const Terminal& terminal,
                const StoredFilter& filter, const TakeStored& take) {
  std::string query;
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) {
      query += std::string("&") + name + "=" + percent_encode(value);
    }
  };
  add("container", filter.container);
  add("rule", filter.rule);
  if (filter.since_ns != 0) add("since", format_timestamp(filter.since_ns));
  std::int64_t number = 0;
  std::optional<std::string> problem;
  const int exit_code =
      for_each_event(client, terminal, query, [&](const Json& one) {
        Result<StoredEvent> event = event_of(one, ++number);
        if (!event) {
          problem = event.error().message;
          return false;
        }
        if (passes(filter, *event)) take(*std::move(event));
        return true;
      });
  return problem ? not_understood(terminal, *problem) : exit_code;
}

int read_stored(std::istream& file, const std::string& name,
                const Terminal& terminal, const StoredFilter& filter,
                const TakeStored& take) {
  int exit_code = kExitOk;
  std::int64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Result<StoredEvent> event =
        line.size() > kMaxStoredLine
            ? Result<StoredEvent>(
                  Error{Code::kInvalidArgument, "longer than 1 MiB"})
            : parse_stored(line, number);
    if (!event) {
      terminal.err << printable(name) << ":" << number
                   << ": error: " << printable(event.error().message) << '\n';
      exit_code = kExitFailed;
      continue;
    }
    if (passes(filter, *event)) take(*std::move(event));
  }
  return exit_code;
}

}  // namespace bailiff::sidecar
