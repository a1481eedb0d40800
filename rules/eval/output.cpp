// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/output.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

// A number as its field is printed: in hexadecimal or with leading zeros.
std::string number_text(const Value& value, FieldId id) {
  const Field& printed = field(id);
  const auto* number = std::get_if<std::int64_t>(&value);
  const bool plain =
      !printed.has(FieldFlag::kHex) && !printed.has(FieldFlag::kPadded);
  if (number == nullptr || plain) return to_string(value);
  std::array<char, 24> buffer{};
  const auto shown = static_cast<long long>(*number);
  const int length =
      printed.has(FieldFlag::kHex)
          ? std::snprintf(buffer.data(), buffer.size(), "%llX",
                          static_cast<unsigned long long>(*number))
          : std::snprintf(buffer.data(), buffer.size(), "%09lld", shown);
  return {buffer.data(), static_cast<std::size_t>(length)};
}

std::string text_of(const Value& value, const Term& term) {
  const auto* reference = std::get_if<FieldReference>(&term.form);
  return reference == nullptr ? to_string(value)
                              : number_text(value, reference->field);
}

std::string text_of(const std::vector<Value>& values, const Term& term) {
  if (!type_of(term).is_list && values.size() == 1) {
    return text_of(values.front(), term);
  }
  std::string text = "(";
  for (const Value& value : values) {
    if (&value != &values.front()) text += ",";
    text += text_of(value, term);
  }
  return text + ")";
}

// Deprecated upstream, where it is the empty text and not <NA>.
bool is_container_info(const Term& term) {
  const auto* reference = std::get_if<FieldReference>(&term.form);
  return reference != nullptr && reference->field == FieldId::kContainerInfo;
}

std::string rendered(const Term& term, const FieldSource& event) {
  if (is_container_info(term)) return {};
  const auto values = evaluate_term(term, [&](const FieldReference& reference) {
    return event.extract(reference.field, reference.argument);
  });
  return values ? text_of(*values, term) : to_string(Value(Null{}));
}

OutputValue json_value(const FieldReference& reference,
                       const FieldSource& event) {
  std::vector<Value> values =
      event.extract(reference.field, reference.argument);
  std::erase_if(values, [](const Value& value) {
    return std::holds_alternative<Null>(value);
  });
  if (values.empty()) return Null{};
  const Field& printed = field(reference.field);
  if (printed.is_list()) return values;
  if (values.size() > 1 || printed.has(FieldFlag::kHex)) {
    return text_of(values, Term{reference});
  }
  return std::move(values.front());
}

std::string fitted(std::string text, int width) {
  if (width > 0) text.resize(static_cast<std::size_t>(width), ' ');
  return text;
}

}  // namespace

std::string render(const OutputTemplate& output, const FieldSource& event) {
  std::string text;
  for (const OutputToken& token : output.tokens) {
    text += token.term ? fitted(rendered(*token.term, event), token.width)
                       : token.literal;
  }
  return text;
}

std::vector<OutputField> output_fields(const OutputTemplate& output,
                                       const FieldSource& event) {
  std::vector<OutputField> fields;
  for (const OutputToken& token : output.tokens) {
    for (const NamedField& named : token.fields) {
      const bool known = std::any_of(
          fields.begin(), fields.end(),
          [&](const OutputField& field) { return field.name == named.name; });
      if (known) continue;
      fields.push_back(
          {.name = named.name, .value = json_value(named.field, event)});
    }
  }
  return fields;
}

}  // namespace bailiff
