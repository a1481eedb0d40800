// SPDX-License-Identifier: Apache-2.0
#include "rules/document/mapping_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "rules/base/codes.h"

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr Unit kUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000},
};

// Longest duration: a hundred years, which no sum of two overflows.
constexpr std::int64_t kMaxDurationMs = 36'500LL * 86'400'000;

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// YAML 1.1's booleans, which is what Falco's reader takes.
std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view word : {"true", "True", "TRUE", "yes", "Yes",
                                      "YES", "on", "On", "ON", "y", "Y"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"false", "False", "FALSE", "no", "No",
                                      "NO", "off", "Off", "OFF", "n", "N"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const std::size_t digits =
      std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::int64_t> count =
      parse_number(text.substr(0, digits));
  if (!count) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (text.substr(digits) != unit.name) continue;
    if (*count > kMaxDurationMs / unit.milliseconds) return std::nullopt;
    return *count * unit.milliseconds;
  }
  return std::nullopt;
}

void report_shape(Diagnostics& diagnostics, Span span, std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = codes::kYamlValidate;
  diagnostic.message = std::move(message);
  diagnostic.span = span;
  diagnostics.add(std::move(diagnostic));
}

void report_invalid(Diagnostics& diagnostics, Span span, std::string message,
                    std::string item_type, std::string item_name) {
  diagnostics.add({.severity = Severity::kError,
                   .code = codes::kValidate,
                   .message = std::move(message),
                   .span = span,
                   .hint = {},
                   .item_type = std::move(item_type),
                   .item_name = std::move(item_name)});
}

MappingReader::MappingReader(const yaml::Stream& stream, const Node& mapping,
                             Diagnostics& diagnostics, std::string item_type,
                             std::string item_name)
    : stream_(stream),
      mapping_(mapping),
      diagnostics_(diagnostics),
      item_type_(std::move(item_type)),
      item_name_(std::move(item_name)) {
  for (std::size_t i = 0; i + 1 < mapping.children.size(); i += 2) {
    entries_.push_back({.key = &stream[mapping.children[i]],
                        .value = &stream[mapping.children[i + 1]]});
  }
}

const Node* MappingReader::find(std::string_view key) {
  asked_.push_back(key);
  for (Entry& entry : entries_) {
    if (entry.key->kind == NodeKind::kScalar && entry.key->text == key) {
      entry.known = true;
      return entry.value;
    }
  }
  return nullptr;
}

std::optional<PlacedText> MappingReader::scalar(const Node& node,
                                                std::string_view what) {
  if (node.kind == NodeKind::kScalar && !node.text.empty()) {
    return PlacedText{.text = node.text, .span = node.span};
  }
  if (node.kind == NodeKind::kScalar || node.kind == NodeKind::kNull) {
    error(node.span, std::string(what) + " is empty");
  } else {
    error(node.span, std::string(what) + " must be a scalar, not " +
                         std::string(yaml::to_string(node.kind)));
  }
  return std::nullopt;
}

std::optional<PlacedText> MappingReader::text(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  return scalar(*node, quoted(key));
}

std::optional<LocatedText> MappingReader::located(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr || !scalar(*node, quoted(key))) return std::nullopt;
  return stream_.locate(*node);
}

std::optional<bool> MappingReader::boolean(std::string_view key) {
  const std::optional<PlacedText> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<bool> parsed = parse_boolean(value->text);
  if (!parsed) {
    error(value->span,
          quoted(key) + " must be true or false, not " + quoted(value->text));
  }
  return parsed;
}

std::optional<std::int64_t> MappingReader::number(std::string_view key,
                                                  std::int64_t least,
                                                  std::int64_t greatest) {
  const std::optional<PlacedText> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<std::int64_t> parsed = parse_number(value->text);
  if (!parsed || *parsed < least || *parsed > greatest) {
    error(value->span, quoted(key) + " must be a number from " +
                           std::to_string(least) + " to " +
                           std::to_string(greatest) + ", not " +
                           quoted(value->text));
    return std::nullopt;
  }
  return parsed;
}

std::optional<std::int64_t> MappingReader::duration_ms(std::string_view key) {
  const std::optional<PlacedText> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<std::int64_t> parsed = parse_duration(value->text);
  if (!parsed) {
    error(value->span,
          quoted(key) + " must be a duration, not " + quoted(value->text),
          "write a number and ms, s, m, h or d, such as 10s");
  }
  return parsed;
}

std::optional<std::vector<PlacedText>> MappingReader::texts(
    std::string_view key) {
  const std::optional<PlacedTexts> all = scalars(key);
  if (!all) return std::nullopt;
  std::vector<PlacedText> values;
  values.reserve(all->size());
  for (PlacedText value : *all) {
    if (value.text.empty()) {
      error(value.span, "an element of " + quoted(key) + " is empty");
    } else {
      values.push_back(std::move(value));
    }
  }
  if (values.size() != all->size()) return std::nullopt;
  return values;
}

std::optional<PlacedTexts> MappingReader::scalars(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != NodeKind::kSequence) {
    error(node->span, quoted(key) + " must be a sequence, not " +
                          std::string(yaml::to_string(node->kind)));
    return std::nullopt;
  }
  if (node->simple != Node::kNotSimple) return stream_.simple(*node);
  PlacedTexts values;
  for (const yaml::NodeId child : node->children) {
    const Node& element = stream_[child];
    if (element.kind == NodeKind::kScalar) {
      values.push_back(element.text, element.span);
    } else {
      error(element.span, "an element of " + quoted(key) +
                              " must be a scalar, not " +
                              std::string(yaml::to_string(element.kind)));
    }
  }
  if (values.size() != node->children.size()) return std::nullopt;
  return values;
}

std::optional<std::size_t> MappingReader::one_of(
    std::string_view key, std::initializer_list<std::string_view> words) {
  const std::optional<PlacedText> value = text(key);
  if (!value) return std::nullopt;
  std::string all;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words.begin()[i];
    if (value->text == word) return i;
    if (i > 0) all += i + 1 == words.size() ? " or " : ", ";
    all += word;
  }
  const std::string_view near = nearest(value->text, std::vector(words));
  error(value->span,
        quoted(key) + " must be " + all + ", not " + quoted(value->text),
        near.empty() ? "" : "did you mean " + quoted(near) + "?");
  return std::nullopt;
}

void MappingReader::require(std::string_view key) {
  if (!has(key)) error(span(), "item has no key " + quoted(key));
}

void MappingReader::finish(Severity unknown_keys) {
  for (const Entry& entry : entries_) {
    if (entry.known) continue;
    if (entry.key->kind != NodeKind::kScalar) {
      error(entry.key->span, "a key must be a scalar, not " +
                                 std::string(yaml::to_string(entry.key->kind)));
      continue;
    }
    const std::string name = quoted(entry.key->text);
    const bool twice = std::find(asked_.begin(), asked_.end(),
                                 entry.key->text) != asked_.end();
    std::string hint;
    if (!twice && diagnostics_.all().size() < kMaxSuggestions) {
      const std::string_view near = nearest(entry.key->text, asked_);
      if (!near.empty()) hint = "did you mean " + quoted(near) + "?";
    }
    if (unknown_keys == Severity::kError) {
      error(entry.key->span,
            twice ? "key " + name + " is given twice" : "unknown key " + name,
            std::move(hint));
    } else {
      warning(entry.key->span, codes::kWarnUnknownKey,
              twice ? "key " + name + " is given twice, the first one counts"
                    : "unknown key " + name + ", ignored",
              std::move(hint));
    }
  }
}

void MappingReader::error(Span span, std::string message, std::string hint) {
  add(Severity::kError, codes::kYamlValidate, span, std::move(message),
      std::move(hint));
}

void MappingReader::warning(Span span, std::string code, std::string message,
                            std::string hint) {
  add(Severity::kWarning, std::move(code), span, std::move(message),
      std::move(hint));
}

void MappingReader::add(Severity severity, std::string code, Span span,
                        std::string message, std::string hint) {
  diagnostics_.add({.severity = severity,
                    .code = std::move(code),
                    .message = std::move(message),
                    .span = span,
                    .hint = std::move(hint),
                    .item_type = item_type_,
                    .item_name = item_name_});
}

Span MappingReader::span() const {
  return entries_.empty() ? mapping_.span : entries_.front().key->span;
}

Span MappingReader::key_span(std::string_view key) const {
  for (const Entry& entry : entries_) {
    if (entry.key->text == key) return entry.key->span;
  }
  return span();
}

}  // namespace bailiff
