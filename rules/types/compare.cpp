// SPDX-License-Identifier: Apache-2.0
#include "rules/types/compare.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <type_traits>

namespace bailiff {
namespace {

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) {
                       return ascii_lower(a) == ascii_lower(b);
                     }) != text.end() ||
         part.empty();
}

template <typename T>
bool compare_ordered(Op op, const T& value, const T& operand) {
  switch (op) {
    case Op::kExists:
      return true;
    case Op::kEq:
    case Op::kIn:
      return value == operand;
    case Op::kNe:
      return value != operand;
    case Op::kLt:
      return value < operand;
    case Op::kLe:
      return value <= operand;
    case Op::kGt:
      return value > operand;
    case Op::kGe:
      return value >= operand;
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
      return false;
  }
  return false;
}

bool compare_strings(Op op, std::string_view value, std::string_view operand) {
  switch (op) {
    case Op::kContains:
      return value.find(operand) != std::string_view::npos;
    case Op::kIcontains:
      return contains_ignoring_case(value, operand);
    case Op::kStartswith:
      return value.starts_with(operand);
    case Op::kEndswith:
      return value.ends_with(operand);
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
    case Op::kIn:
      return compare_ordered(op, value, operand);
  }
  return false;
}

// For values that have no order.
bool compare_identity(Op op, bool equal) {
  switch (op) {
    case Op::kExists:
      return true;
    case Op::kEq:
    case Op::kIn:
      return equal;
    case Op::kNe:
      return !equal;
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
      return false;
  }
  return false;
}

struct Comparison {
  Op op;

  bool operator()(bool value, bool operand) const {
    return compare_identity(op, value == operand);
  }
  bool operator()(std::int64_t value, std::int64_t operand) const {
    return compare_ordered(op, value, operand);
  }
  bool operator()(const std::string& value, const std::string& operand) const {
    return compare_strings(op, value, operand);
  }
  bool operator()(const IpAddress& value, const IpAddress& operand) const {
    return compare_identity(op, value == operand);
  }
  bool operator()(const IpAddress& value, const IpNetwork& operand) const {
    return compare_identity(op, operand.contains(value));
  }
  bool operator()(const IpNetwork& value, const IpNetwork& operand) const {
    return compare_identity(op, value == operand);
  }
  template <typename Value, typename Operand>
  bool operator()(const Value&, const Operand&) const {
    return false;
  }
};

}  // namespace

bool compare(Op op, const Value& value, const Value& operand) {
  if (std::holds_alternative<Null>(value)) return false;
  if (op == Op::kExists) return true;
  return std::visit(Comparison{op}, value, operand);
}

std::optional<Value> parse_item(FieldType type, std::string_view item) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      return Value(std::string(item));
    case FieldType::kNumber:
    case FieldType::kDouble: {
      std::string_view digits = item;
      if (digits.starts_with('+')) digits.remove_prefix(1);
      std::int64_t number = 0;
      const char* const end = digits.data() + digits.size();
      const auto [rest, error] = std::from_chars(digits.data(), end, number);
      const bool two_signs = item.starts_with('+') && digits.starts_with('-');
      if (error != std::errc() || rest != end || two_signs) {
        return std::nullopt;
      }
      return Value(number);
    }
    case FieldType::kBool:
      if (item == "true") return Value(true);
      if (item == "false") return Value(false);
      return std::nullopt;
    case FieldType::kAddress:
      if (const auto address = parse_address(item)) return Value(*address);
      return std::nullopt;
    case FieldType::kNetwork:
      if (const auto network = parse_network(item)) return Value(*network);
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace bailiff
