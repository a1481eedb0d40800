// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/output.h"

#include <algorithm>

namespace bailiff {
namespace {

std::vector<Value> values_of(const OutputToken& token,
                             const FieldSource& event) {
  std::vector<Value> values = event.extract(token.field, token.argument);
  std::erase_if(values, [](const Value& value) {
    return std::holds_alternative<Null>(value);
  });
  return values;
}

std::string joined(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values) {
    text += (text.empty() ? "(" : ", ") + to_string(value);
  }
  return text + ")";
}

Value one_value(std::vector<Value> values) {
  if (values.empty()) return Null{};
  if (values.size() > 1) return joined(values);
  return std::move(values.front());
}

std::string fitted(std::string text, int width) {
  if (width > 0) text.resize(static_cast<std::size_t>(width), ' ');
  return text;
}

std::string name_of(const OutputToken& token) {
  std::string name(field(token.field).name);
  if (!token.argument.empty()) name += "[" + token.argument + "]";
  return name;
}

}  // namespace

std::string render(const OutputTemplate& output, const FieldSource& event) {
  std::string text;
  for (const OutputToken& token : output.tokens) {
    if (!token.is_field) {
      text += token.literal;
      continue;
    }
    // Deprecated upstream, where it is the empty text and not <NA>.
    if (token.field == FieldId::kContainerInfo) {
      text += fitted("", token.width);
      continue;
    }
    text += fitted(to_string(one_value(values_of(token, event))), token.width);
  }
  return text;
}

std::vector<OutputField> output_fields(const OutputTemplate& output,
                                       const FieldSource& event) {
  std::vector<OutputField> fields;
  for (const OutputToken& token : output.tokens) {
    if (!token.is_field) continue;
    std::string name = name_of(token);
    const bool known = std::any_of(
        fields.begin(), fields.end(),
        [&](const OutputField& field) { return field.name == name; });
    if (known) continue;
    fields.push_back(
        {.name = std::move(name), .value = one_value(values_of(token, event))});
  }
  return fields;
}

}  // namespace bailiff
