// SPDX-License-Identifier: Apache-2.0
// How operands are read: falco-language, section 1 and "More edges".
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

std::optional<std::uint64_t> parse_digits(std::string_view digits) {
  std::uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// Base 10 with an optional sign, which is all Falco reads.
std::optional<Value> parse_number(std::string_view text, NumberRange range) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::optional<std::uint64_t> digits = parse_digits(text);
  if (!digits) return std::nullopt;
  if (!negative || *digits == 0) return number_value(*digits);
  if (range.smallest == 0 && *digits <= range.largest) {
    return number_value(range.largest - *digits + 1);
  }
  constexpr std::uint64_t kLargestNegative = std::uint64_t{1} << 63;
  if (*digits > kLargestNegative) return std::nullopt;
  return static_cast<std::int64_t>(0 - *digits);
}

std::optional<Value> parse_port(std::string_view text) {
  struct Service {
    std::string_view name;
    std::int64_t port;
  };
  static constexpr Service kServices[] = {
#define SERVICE(name, port) {name, port},
#include "rules/types/services.def"
#undef SERVICE
  };
  if (const auto number = parse_digits(text)) return number_value(*number);
  for (const Service& service : kServices) {
    if (service.name == text) return Value(service.port);
  }
  return std::nullopt;
}

// IPv4 written as an IPv6 address, which Falco's engine does not take.
bool is_mapped(std::uint8_t family, std::string_view text) {
  return family == 4 && text.find(':') != std::string_view::npos;
}

std::optional<Value> parse_with_port(std::string_view text) {
  const auto endpoint = parse_endpoint(text);
  if (!endpoint) return std::nullopt;
  const std::string_view host = text.substr(0, text.find_last_of(":|"));
  if (is_mapped(endpoint->address.family, host)) return std::nullopt;
  return Value(*endpoint);
}

std::optional<Value> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const char* const end = text.data() + i + 2;
    const auto [rest, error] = std::from_chars(end - 2, end, byte, 16);
    if (error != std::errc() || rest != end) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return Value(std::move(bytes));
}

}  // namespace

std::optional<Value> parse_operand(FalcoType type, Op op,
                                   std::string_view text) {
  if (op == Op::kBcontains || op == Op::kBstartswith) return parse_hex(text);
  const FieldType wanted = field_type_of(type);
  if (wanted == FieldType::kBytes) return Value(std::string(text));
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  switch (wanted) {
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      return Value(std::string(text));
    case FieldType::kNumber:
      if (type == FalcoType::kPort) return parse_port(text);
      return parse_number(text, number_range(type));
    case FieldType::kDouble:
      return parse_number(text, number_range(FalcoType::kInt32));
    case FieldType::kBool:
      if (text == "true") return Value(true);
      if (text == "false") return Value(false);
      return std::nullopt;
    case FieldType::kAddress: {
      const auto address = parse_address(text);
      if (!address) return parse_with_port(text);
      if (is_mapped(address->family, text)) return std::nullopt;
      return Value(*address);
    }
    case FieldType::kNetwork: {
      const auto network = parse_network(text);
      if (!network) return parse_with_port(text);
      if (is_mapped(network->base.family, text)) {
        return std::nullopt;
      }
      // Falco's engine takes no "::/0".
      if (network->base.family == 6 && network->prefix == 0) {
        return std::nullopt;
      }
      return Value(*network);
    }
  }
  return std::nullopt;
}

}  // namespace bailiff
