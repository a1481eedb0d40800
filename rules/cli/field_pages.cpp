// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/field_pages.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "rules/cli/table.h"
#include "rules/fields/no_source.h"
#include "rules/lower/task.h"
#include "rules/policy/policies.h"

namespace bailiff::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFieldsIntroduction =
    R"(# Fields

What conditions and outputs may name: the fields of Falco's engine for system
calls and of its container plugin. `bailiff fields` prints the same; this page
is made from `fields.def` by `make docs`.

- **known to** says who can tell the value: the `kernel` before a connection is
  made, or taken (of texts of the process and its ancestors by comparing them
  when a program is executed), the `kernel at exec` before a new program runs, the
  `service` after either, and the `container` for what cannot change while the
  container runs, as far as its runtime tells: a container of which it does
  not tell what a policy asks for is treated as `on_failure` says. A field that
  nobody tells loads, as it does in Falco; a policy that enforces a rule on it
  is refused.
- **argument** is what stands behind the name: `evt.arg.flags`, `proc.aname[2]`.
  Without an index, a field of the ancestors is that of any of them.
- **use**: *conditions* and *outputs* where it may only stand there; *no
  transformer* where `tolower()` and the like do not take it; *no right side*
  where it cannot be compared with another field; *list* where it has several
  values at once.
)";

constexpr std::string_view kEventsIntroduction =
    R"(# Events

What `evt.type` may be compared with, and which arguments the events have:
`evt.arg.NAME` is one as text, `evt.rawarg.NAME` as it is, and `evt.arg[N]`
counts them from 0. `bailiff fields --events` prints the same; this page is made
from `event_types.def` by `make docs`.

The fields `fd.…` exist only for events that have a descriptor. The first
argument of a system call is its result. Which events have a source today is in
the [README](../../README.md).
)";

std::string_view title(FieldClass cls) {
  switch (cls) {
    case FieldClass::kEvent:
      return "Any event";
    case FieldClass::kSyscall:
      return "System calls";
    case FieldClass::kProcess:
      return "Process and thread";
    case FieldClass::kUser:
      return "User";
    case FieldClass::kGroup:
      return "Group";
    case FieldClass::kDescriptor:
      return "File descriptor";
    case FieldClass::kPath:
      return "Path";
    case FieldClass::kPoll:
      return "Descriptors of poll";
    case FieldClass::kUtility:
      return "Others";
    case FieldClass::kContainer:
      return "Container";
    case FieldClass::kKubernetes:
      return "Pod";
  }
  return "";
}

std::string_view type_name(const Field& field) {
  if (field.falco_type == FalcoType::kPort) return "port";
  switch (field.type) {
    case FieldType::kString:
      return "text";
    case FieldType::kNumber:
    case FieldType::kDouble:
      return "number";
    case FieldType::kBool:
      return "boolean";
    case FieldType::kAddress:
      return "address";
    case FieldType::kNetwork:
      return "network";
    case FieldType::kBytes:
      return "bytes";
    case FieldType::kDynamic:
      return "any";
  }
  return "";
}

std::string_view argument_form(FieldArgument argument) {
  switch (argument) {
    case FieldArgument::kNone:
      return "";
    case FieldArgument::kOptionalIndex:
      return "[N] or none";
    case FieldArgument::kOptionalKey:
      return "[NAME] or none";
    case FieldArgument::kOptionalIndexOrKey:
      return "[N], [NAME] or none";
    case FieldArgument::kOptionalPathSide:
      return ".src, .dst or none";
    case FieldArgument::kEventType:
      return ".EVENT";
    case FieldArgument::kParameter:
      return ".NAME or [N]";
    case FieldArgument::kParameterName:
      return ".NAME";
    case FieldArgument::kSubsystem:
      return ".HIERARCHY";
    case FieldArgument::kKey:
      return "[NAME] or .NAME";
    case FieldArgument::kIndexOrKey:
      return "[N] or [PATH]";
  }
  return "";
}

// Whoever knows it first.
std::string_view known_to(const Field& field) {
  if ((field.from & kFromContainer) != 0) return "container";
  if ((field.from & (kFromKernelConnect | kFromKernelArrival)) != 0) {
    return "kernel";
  }
  if (kept_as_bit(field.id)) return "kernel";
  if (exec_place(field.id)) return "kernel at exec";
  return field.from == kFromNobody ? "" : "service";
}

std::vector<std::string> uses(const Field& field) {
  std::vector<std::string> all;
  if (field.deprecated()) all.emplace_back("deprecated");
  if (!field.usable_in_output()) all.emplace_back("conditions");
  if (!field.usable_in_condition()) all.emplace_back("outputs");
  if (field.is_list()) all.emplace_back("list");
  if (!field.allows_transformer()) all.emplace_back("no transformer");
  if (!field.allows_right_side()) all.emplace_back("no right side");
  return all;
}

std::vector<std::string> descriptor(const EventType& event) {
  std::vector<std::string> all;
  if (event.has(EventFlag::kCreatesFd)) all.emplace_back("creates");
  if (event.has(EventFlag::kUsesFd)) all.emplace_back("uses");
  if (event.has(EventFlag::kDestroysFd)) all.emplace_back("destroys");
  if (event.has(EventFlag::kReadsFd)) all.emplace_back("reads");
  if (event.has(EventFlag::kWritesFd)) all.emplace_back("writes");
  return all;
}

std::vector<std::string> parameter_names(const EventType& event) {
  std::vector<std::string> names;
  for (const EventParameter& parameter : event.parameters) {
    names.emplace_back(parameter.name);
  }
  return names;
}

bool is_alias(const EventType& event) { return event.name != event.event; }

bool matches(std::string_view pattern, std::string_view name) {
  const bool glob = pattern.find_first_of("*?") != std::string_view::npos;
  return glob ? matches_glob(pattern, name) : name.starts_with(pattern);
}

std::string or_dash(std::string_view text) {
  return text.empty() ? "-" : std::string(text);
}

std::string code(std::string_view text) {
  return text.empty() ? "" : "`" + std::string(text) + "`";
}

std::string markdown_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& one : cells) row += " " + one + " |";
  return row + "\n";
}

std::string markdown_titles(const std::vector<std::string>& titles) {
  return "\n" + markdown_row(titles) +
         markdown_row(std::vector<std::string>(titles.size(), "---"));
}

// `a`, `b` and so on, in lines that fit.
std::string wrapped(const std::vector<std::string>& words) {
  constexpr std::size_t kWidth = 80;
  std::string text = "\n";
  std::size_t column = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string word = words[i] + (i + 1 < words.size() ? "," : ".");
    if (column > 0 && column + 1 + word.size() > kWidth) {
      text += "\n";
      column = 0;
    }
    if (column > 0) text += " ";
    text += word;
    column += word.size() + (column > 0 ? 1 : 0);
  }
  return text + "\n";
}

std::string listed(const std::vector<std::string>& words) {
  return words.empty() ? "" : joined(words, ", ");
}

std::string event_rows(bool system_calls) {
  std::string text =
      markdown_titles({"event", "about", "descriptor", "arguments"});
  for (const EventType& event : all_event_types()) {
    if (event.is_system_call() != system_calls || is_alias(event)) continue;
    if (event.has(EventFlag::kUntold)) continue;
    std::vector<std::string> names = parameter_names(event);
    std::transform(names.begin(), names.end(), names.begin(), code);
    text += markdown_row({code(event.name), markdown(to_string(event.category)),
                          listed(descriptor(event)), listed(names)});
  }
  return text;
}

// A line for each reason why fields of the class have no source.
std::string without_source(FieldClass cls) {
  std::map<std::string_view, std::vector<std::string>> names;
  for (const Field& one : all_fields()) {
    const std::string_view why = why_no_source(one.id);
    if (one.cls == cls && !why.empty()) names[why].push_back(code(one.name));
  }
  if (names.empty()) return "";
  std::string text = "\nWithout a source, and why:\n\n";
  for (const auto& [why, fields] : names) {
    text += "- " + listed(fields) + ": " + std::string(why) + ".\n";
  }
  return text;
}

std::string lines(const Json& array) {
  std::string text = "[";
  for (std::size_t i = 0; i < array.size(); ++i) {
    text += (i == 0 ? "\n" : ",\n") + array[i].dump();
  }
  return text + "\n]\n";
}

}  // namespace

std::vector<Field> matching_fields(std::string_view pattern) {
  std::vector<Field> found;
  for (const Field& one : all_fields()) {
    if (matches(pattern, one.name)) found.push_back(one);
  }
  return found;
}

std::vector<EventType> matching_events(std::string_view pattern) {
  std::vector<EventType> found;
  for (const EventType& one : all_event_types()) {
    if (matches(pattern, one.name)) found.push_back(one);
  }
  return found;
}

std::string fields_text(const std::vector<Field>& fields) {
  std::vector<std::vector<std::string>> rows = {
      {"FIELD", "ARGUMENT", "TYPE", "KNOWN TO", "USE", "DESCRIPTION"}};
  for (const Field& one : fields) {
    rows.push_back({std::string(one.name), or_dash(argument_form(one.argument)),
                    std::string(type_name(one)), or_dash(known_to(one)),
                    joined(uses(one)), std::string(one.description)});
  }
  return table(rows);
}

std::string events_text(const std::vector<EventType>& events) {
  std::vector<std::vector<std::string>> rows = {
      {"EVENT", "CATEGORY", "DESCRIPTOR", "ARGUMENTS"}};
  for (const EventType& one : events) {
    rows.push_back({std::string(one.name), std::string(to_string(one.category)),
                    joined(descriptor(one)),
                    is_alias(one) ? "those of " + std::string(one.event) +
                                        ", as its events are called"
                                  : joined(parameter_names(one))});
  }
  return table(rows);
}

std::string fields_json(const std::vector<Field>& fields) {
  Json all = Json::array();
  for (const Field& one : fields) {
    Json from = Json::array();
    if ((one.from & kFromContainer) != 0) from.push_back("container");
    if ((one.from & kFromKernelConnect) != 0) from.push_back("kernel_connect");
    if ((one.from & kFromSidecarConnect) != 0) {
      from.push_back("service_connect");
    }
    if ((one.from & kFromContainerEvent) != 0) {
      from.push_back("service_container");
    }
    if ((one.from & kFromObserved) != 0) from.push_back("observed");
    all.push_back({{"name", one.name},
                   {"class", title(one.cls)},
                   {"type", type_name(one)},
                   {"falco_type", to_string(one.falco_type)},
                   {"argument", one.needs_argument()   ? "required"
                                : one.takes_argument() ? "optional"
                                                       : "none"},
                   {"argument_form", argument_form(one.argument)},
                   {"from", from},
                   {"condition", one.usable_in_condition()},
                   {"output", one.usable_in_output()},
                   {"list", one.is_list()},
                   {"transformer", one.allows_transformer()},
                   {"right_side", one.allows_right_side()},
                   {"deprecated", one.deprecated()},
                   {"description", one.description}});
  }
  return lines(all);
}

std::string events_json(const std::vector<EventType>& events) {
  Json all = Json::array();
  for (const EventType& one : events) {
    Json arguments = Json::array();
    for (const EventParameter& parameter : one.parameters) {
      arguments.push_back({{"name", parameter.name},
                           {"falco_type", to_string(parameter.type)}});
    }
    all.push_back({{"name", one.name},
                   {"event", one.event},
                   {"category", to_string(one.category)},
                   {"system_call", one.is_system_call()},
                   {"result", one.has_result()},
                   {"descriptor", one.has_descriptor()},
                   {"arguments", arguments}});
  }
  return lines(all);
}

std::string fields_page() {
  std::string text(kFieldsIntroduction);
  const Field* before = nullptr;
  for (const Field& one : all_fields()) {
    if (before == nullptr || before->cls != one.cls) {
      if (before != nullptr) text += without_source(before->cls);
      text += "\n## " + std::string(title(one.cls)) + "\n";
      text += markdown_titles(
          {"field", "argument", "type", "known to", "use", "what it is"});
    }
    before = &one;
    text +=
        markdown_row({code(one.name), code(argument_form(one.argument)),
                      std::string(type_name(one)), std::string(known_to(one)),
                      listed(uses(one)), markdown(one.description)});
  }
  return text + without_source(before->cls);
}

std::string events_page() {
  std::string text(kEventsIntroduction);
  text += "\n## System calls\n" + event_rows(true);
  text += "\nSystem calls that Falco tells by another name:\n";
  std::vector<std::string> aliases;
  std::vector<std::string> untold;
  for (const EventType& one : all_event_types()) {
    if (is_alias(one)) {
      aliases.push_back(code(one.name) + " as " + code(one.event));
    } else if (one.has(EventFlag::kUntold)) {
      untold.push_back(code(one.name));
    }
  }
  text += wrapped(aliases);
  text +=
      "\nSystem calls of which Falco tells only that they were made, with the\n"
      "arguments `ID` and `nativeID` and without a result:\n";
  text += wrapped(untold);
  text += "\n## Other events\n" + event_rows(false);
  return text;
}

}  // namespace bailiff::cli
