// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/reference.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "rules/base/diagnostic.h"
#include "rules/fields/event_type.h"

namespace bailiff {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_subsystem_char(char c) { return is_letter(c) || c == '_'; }
// What may stand in brackets without quotes.
bool is_bare(char c) {
  return std::string_view("[]\"' \t\r\n\v\f").find(c) == std::string_view::npos;
}

// Falco reads indices as 32-bit numbers.
constexpr std::size_t kLongestIndex = 9;

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= kLongestIndex &&
         std::all_of(text.begin(), text.end(), is_digit);
}

std::string_view without_leading_zeros(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return digits.substr(std::min(first, digits.size() - 1));
}

// How the argument of a field is written, and what follows from it.
enum class Place : std::uint8_t { kNowhere, kDot, kBracket, kEither };
Place place_of(FieldArgument argument) {
  switch (argument) {
    case FieldArgument::kNone:
      return Place::kNowhere;
    case FieldArgument::kOptionalIndex:
    case FieldArgument::kOptionalKey:
    case FieldArgument::kOptionalIndexOrKey:
    case FieldArgument::kIndexOrKey:
      return Place::kBracket;
    case FieldArgument::kOptionalPathSide:
    case FieldArgument::kEventType:
    case FieldArgument::kParameterName:
    case FieldArgument::kSubsystem:
      return Place::kDot;
    case FieldArgument::kParameter:
    case FieldArgument::kKey:
      return Place::kEither;
  }
  return Place::kNowhere;
}
bool takes_dot(FieldArgument argument) {
  const Place place = place_of(argument);
  return place == Place::kDot || place == Place::kEither;
}
bool takes_bracket(FieldArgument argument) {
  const Place place = place_of(argument);
  return place == Place::kBracket || place == Place::kEither;
}

std::string_view example(FieldArgument argument) {
  switch (argument) {
    case FieldArgument::kNone:
      return "";
    case FieldArgument::kOptionalIndex:
    case FieldArgument::kOptionalIndexOrKey:
      return "[1]";
    case FieldArgument::kOptionalKey:
      return "[HOME]";
    case FieldArgument::kOptionalPathSide:
      return ".src";
    case FieldArgument::kEventType:
      return ".open";
    case FieldArgument::kParameter:
    case FieldArgument::kParameterName:
      return ".flags";
    case FieldArgument::kSubsystem:
      return ".cpu";
    case FieldArgument::kKey:
      return "[app]";
    case FieldArgument::kIndexOrKey:
      return "[0]";
  }
  return "";
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

// Of the text behind the full stop, how much is an argument of the field.
std::size_t dotted_length(FieldArgument argument, std::string_view text) {
  switch (argument) {
    case FieldArgument::kNone:
    case FieldArgument::kOptionalIndex:
    case FieldArgument::kOptionalKey:
    case FieldArgument::kOptionalIndexOrKey:
    case FieldArgument::kIndexOrKey:
      return 0;
    case FieldArgument::kOptionalPathSide:
      return text.starts_with("src") || text.starts_with("dst") ? 3 : 0;
    case FieldArgument::kEventType:
      return longest_event_type_prefix(text).size();
    case FieldArgument::kParameter:
    case FieldArgument::kParameterName:
      return longest_parameter_prefix(text).size();
    case FieldArgument::kSubsystem: {
      const auto end =
          std::find_if_not(text.begin(), text.end(), is_subsystem_char);
      return static_cast<std::size_t>(end - text.begin());
    }
    case FieldArgument::kKey: {
      // Names with full stops between them, as the grammar has it.
      std::size_t end = 0;
      for (std::size_t at = 0; at < text.size() && is_letter(text[at]);) {
        while (at < text.size() &&
               (is_letter(text[at]) || is_digit(text[at]) || text[at] == '_')) {
          ++at;
        }
        end = at;
        if (at == text.size() || text[at] != '.') break;
        ++at;
      }
      return end;
    }
  }
  return 0;
}

// Whether the text in brackets is an argument of the field.
bool fits_brackets(FieldArgument argument, std::string_view text) {
  switch (argument) {
    case FieldArgument::kOptionalIndex:
    case FieldArgument::kParameter:
      return is_index(text);
    case FieldArgument::kOptionalKey:
    case FieldArgument::kOptionalIndexOrKey:
    case FieldArgument::kKey:
    case FieldArgument::kIndexOrKey:
      return !text.empty();
    case FieldArgument::kNone:
    case FieldArgument::kOptionalPathSide:
    case FieldArgument::kEventType:
    case FieldArgument::kParameterName:
    case FieldArgument::kSubsystem:
      return false;
  }
  return false;
}

FieldReference bracketed(const Field& field, std::string_view text) {
  const bool only_index = field.argument == FieldArgument::kOptionalIndex ||
                          field.argument == FieldArgument::kParameter;
  return {
      .field = field.id,
      .argument = std::string(only_index ? without_leading_zeros(text) : text)};
}

ResolvedField refused(std::string message, std::string hint = {},
                      bool unknown_name = false) {
  return {.reference = std::nullopt,
          .message = std::move(message),
          .hint = std::move(hint),
          .unknown_name = unknown_name};
}

std::string did_you_mean(std::string_view name) {
  return name.empty() ? std::string() : "did you mean " + quoted(name) + "?";
}

ResolvedField without_argument(const Field& field) {
  if (!field.needs_argument()) {
    return {.reference = FieldReference{.field = field.id, .argument = {}},
            .message = {},
            .hint = {}};
  }
  const std::string name(field.name);
  std::string hint =
      "write " + quoted(name + std::string(example(field.argument)));
  if (field.argument == FieldArgument::kParameter) {
    hint += " or " + quoted(name + "[0]");
  }
  return refused("field " + quoted(name) + " needs an argument",
                 hint + ", for instance");
}

ResolvedField with_brackets(const Field& field, std::string_view text) {
  const std::string name(field.name);
  if (fits_brackets(field.argument, text)) {
    return {.reference = bracketed(field, text), .message = {}, .hint = {}};
  }
  if (!field.takes_argument()) {
    return refused("field " + quoted(name) + " takes no argument");
  }
  const bool would_fit = takes_dot(field.argument) && !text.empty() &&
                         dotted_length(field.argument, text) == text.size();
  if (would_fit) {
    return refused("field " + quoted(name) + " does not take " + quoted(text) +
                       " in brackets",
                   "write " + quoted(name + "." + std::string(text)));
  }
  if (takes_bracket(field.argument) && !text.empty()) {
    return refused(quoted(text) + " is not an index of " + quoted(name),
                   "write a number from 0, such as " + quoted(name + "[1]"));
  }
  return refused("field " + quoted(name) + " does not take " + quoted(text) +
                     " in brackets",
                 "write " +
                     quoted(name + std::string(example(field.argument))) +
                     ", for instance");
}

// What stands behind the full stop is no argument.
ResolvedField bad_dotted(const Field& field, std::string_view text,
                         bool suggest) {
  const std::string name(field.name);
  const auto meant = [&](std::string_view near) {
    return near.empty() ? std::string()
                        : did_you_mean(name + "." + std::string(near));
  };
  switch (field.argument) {
    case FieldArgument::kEventType:
      return refused("unknown event type " + quoted(text),
                     suggest ? meant(nearest_event_type(text)) : std::string(),
                     true);
    case FieldArgument::kParameter:
    case FieldArgument::kParameterName:
      return refused("unknown event argument " + quoted(text),
                     suggest ? meant(nearest_parameter(text)) : std::string());
    case FieldArgument::kNone:
    case FieldArgument::kOptionalIndex:
    case FieldArgument::kOptionalKey:
    case FieldArgument::kOptionalIndexOrKey:
    case FieldArgument::kOptionalPathSide:
    case FieldArgument::kSubsystem:
    case FieldArgument::kKey:
    case FieldArgument::kIndexOrKey:
      break;
  }
  return refused("field " + quoted(name) + " does not take " + quoted(text) +
                     " behind a full stop",
                 "write " +
                     quoted(name + std::string(example(field.argument))) +
                     ", for instance");
}

ResolvedField unknown_field(std::string_view name, bool suggest) {
  std::string hint;
  const std::size_t stop = name.rfind('.');
  const std::optional<FieldId> before = find_field(name.substr(0, stop));
  if (stop != std::string_view::npos && before &&
      takes_bracket(field(*before).argument) &&
      fits_brackets(field(*before).argument, name.substr(stop + 1))) {
    hint = did_you_mean(std::string(name.substr(0, stop)) + "[" +
                        std::string(name.substr(stop + 1)) + "]");
  } else if (suggest) {
    hint = did_you_mean(nearest_field(name));
  }
  return refused("unknown field " + quoted(name), std::move(hint), true);
}

// The text between the brackets `text` starts with, and how long it is with
// them; nullopt when they are not whole.
struct Brackets {
  std::string_view inside;
  std::size_t length;
};
std::optional<Brackets> brackets(std::string_view text) {
  if (text.size() < 3 || text[0] != '[') return std::nullopt;
  const bool is_quoted = text[1] == '"' || text[1] == '\'';
  const std::size_t begin = is_quoted ? 2 : 1;
  const auto end =
      is_quoted ? text.find(text[1], begin)
                : static_cast<std::size_t>(
                      std::find_if_not(text.begin() + 1, text.end(), is_bare) -
                      text.begin());
  if (end == std::string_view::npos) return std::nullopt;
  const std::size_t close = end + (is_quoted ? 1 : 0);
  if (close >= text.size() || text[close] != ']' || end == begin) {
    return std::nullopt;
  }
  return Brackets{.inside = text.substr(begin, end - begin),
                  .length = close + 1};
}

// The longest reference to `field` that `text`, which starts with its name,
// starts with.
std::optional<ReferencePrefix> longest_of_field(const Field& field,
                                                std::string_view text) {
  const std::string_view behind = text.substr(field.name.size());
  if (takes_bracket(field.argument)) {
    const auto found = brackets(behind);
    if (found && fits_brackets(field.argument, found->inside)) {
      return ReferencePrefix{.reference = bracketed(field, found->inside),
                             .length = field.name.size() + found->length};
    }
  }
  if (takes_dot(field.argument) && behind.starts_with('.')) {
    const std::size_t length = dotted_length(field.argument, behind.substr(1));
    if (length > 0) {
      return ReferencePrefix{
          .reference = {.field = field.id,
                        .argument = std::string(behind.substr(1, length))},
          .length = field.name.size() + 1 + length};
    }
  }
  if (field.needs_argument()) return std::nullopt;
  return ReferencePrefix{.reference = {.field = field.id, .argument = {}},
                         .length = field.name.size()};
}

}  // namespace

std::optional<std::size_t> index_of(std::string_view argument) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(
      argument.data(), argument.data() + argument.size(), index);
  if (error != std::errc() || end != argument.data() + argument.size()) {
    return std::nullopt;
  }
  return index;
}

FalcoType value_type(FieldId id, std::string_view argument) {
  if (id == FieldId::kEvtRawarg) {
    return find_parameter(argument).value_or(FalcoType::kDyn);
  }
  return field(id).falco_type;
}

std::string to_string(const FieldReference& reference) {
  const Field& known = field(reference.field);
  std::string text(known.name);
  if (reference.argument.empty()) return text;
  const bool dotted = place_of(known.argument) == Place::kDot ||
                      (known.argument == FieldArgument::kParameter &&
                       !is_index(reference.argument));
  if (dotted) return text + "." + reference.argument;
  const bool bare = std::all_of(reference.argument.begin(),
                                reference.argument.end(), is_bare);
  if (bare) return text + "[" + reference.argument + "]";
  const char quote =
      reference.argument.find('"') == std::string::npos ? '"' : '\'';
  return text + "[" + quote + reference.argument + quote + "]";
}

ResolvedField resolve_field(std::string_view name,
                            std::optional<std::string_view> bracket,
                            bool suggest) {
  if (const auto whole = find_field(name)) {
    const Field& known = field(*whole);
    return bracket ? with_brackets(known, *bracket) : without_argument(known);
  }
  for (std::size_t stop = name.rfind('.');
       stop != std::string_view::npos && stop > 0;
       stop = name.rfind('.', stop - 1)) {
    const std::optional<FieldId> before = find_field(name.substr(0, stop));
    if (!before || !takes_dot(field(*before).argument)) continue;
    const Field& known = field(*before);
    const std::string_view text = name.substr(stop + 1);
    if (text.empty() || dotted_length(known.argument, text) != text.size()) {
      return bad_dotted(known, text, suggest);
    }
    if (bracket) return refused("field " + quoted(name) + " takes no argument");
    return {.reference = FieldReference{.field = known.id,
                                        .argument = std::string(text)},
            .message = {},
            .hint = {}};
  }
  return unknown_field(name, suggest);
}

std::optional<ReferencePrefix> longest_reference(std::string_view text) {
  // A shorter name may reach further with its argument: evt.type.is is longer
  // than evt.type, but not without the name of an event.
  std::optional<ReferencePrefix> longest;
  std::optional<FieldId> id = longest_field_prefix(text);
  while (id) {
    const Field& known = field(*id);
    std::optional<ReferencePrefix> found = longest_of_field(known, text);
    if (found && (!longest || found->length > longest->length)) {
      longest = std::move(found);
    }
    id = longest_field_prefix(text.substr(0, known.name.size() - 1));
  }
  return longest;
}

}  // namespace bailiff
