// SPDX-License-Identifier: Apache-2.0
#include "rules/types/value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <limits>

namespace bailiff {
namespace {

// ::ffff:0:0/96, RFC 4291, 2.5.5.2.
constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                        0, 0, 0, 0, 0xff, 0xff};

// 64:ff9b::/96, RFC 6052, 2.1.
constexpr std::array<std::uint8_t, 12> kNat64Prefix = {0, 0x64, 0xff, 0x9b};

bool is_mapped(const IpAddress& address) {
  return address.family == 6 &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(),
                    address.bytes.begin());
}

IpAddress unmapped(const IpAddress& address) {
  IpAddress result;
  std::copy(address.bytes.begin() + kMappedPrefix.size(), address.bytes.end(),
            result.bytes.begin());
  return result;
}

// The address as it is written, mapped ones still IPv6.
std::optional<IpAddress> parse_literal(std::string_view text) {
  // inet_pton takes a C string: text that would not survive as one is none.
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.empty() || text.size() >= buffer.size()) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), buffer.begin());

  IpAddress address;
  if (inet_pton(AF_INET, buffer.data(), address.bytes.data()) == 1) {
    return address;
  }
  address = {.family = 6, .bytes = {}};
  if (inet_pton(AF_INET6, buffer.data(), address.bytes.data()) == 1) {
    return address;
  }
  return std::nullopt;
}

// Clears the bits past the prefix; whether there were any.
bool clear_host_bits(IpAddress& address, unsigned prefix) {
  bool cleared = false;
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
    const auto masked = static_cast<std::uint8_t>(address.bytes[i] & mask);
    cleared |= masked != address.bytes[i];
    address.bytes[i] = masked;
  }
  return cleared;
}

std::string ipv6_to_string(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i]) << 8 | bytes[2 * i + 1];
  }
  // RFC 5952, 4.2: the longest run of at least two zero groups, the first of
  // equals, is written "::".
  std::size_t run_begin = groups.size();
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < groups.size();) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run_begin = i;
      run_length = end - i;
    }
    i = std::max(end, i + 1);
  }

  std::string text;
  for (std::size_t i = 0; i < groups.size();) {
    if (i == run_begin) {
      text += "::";
      i += run_length;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 4> digits{};
    const auto [end, error] = std::to_chars(
        digits.data(), digits.data() + digits.size(), groups[i], 16);
    text.append(digits.data(), end);
    ++i;
  }
  return text;
}

// As Falco prints fractions.
std::string one_decimal(double number) {
  // The longest double has 309 digits before the point.
  std::array<char, 320> buffer{};
  const int length =
      std::snprintf(buffer.data(), buffer.size(), "%.1f", number);
  return {buffer.data(), static_cast<std::size_t>(length)};
}

}  // namespace

Value number_value(std::uint64_t number) {
  constexpr auto kSigned =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number <= kSigned) return static_cast<std::int64_t>(number);
  return number;
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (address.family != base.family) return false;
  IpAddress network = address;
  clear_host_bits(network, prefix);
  return network == base;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  const std::optional<IpAddress> address = parse_literal(text);
  if (address && is_mapped(*address)) return unmapped(*address);
  return address;
}

IpAddress reached_host(const IpAddress& address) {
  const bool nat64 = address.family == 6 &&
                     std::equal(kNat64Prefix.begin(), kNat64Prefix.end(),
                                address.bytes.begin());
  return nat64 ? unmapped(address) : address;
}

std::optional<IpNetwork> parse_network(std::string_view text, bool strict) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::optional<IpAddress> base = parse_literal(text.substr(0, slash));
  if (!base) return std::nullopt;

  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  if (prefix > (base->family == 4 ? 32U : 128U)) return std::nullopt;

  if (is_mapped(*base) && prefix >= 96) {
    base = unmapped(*base);
    prefix -= 96;
  }
  if (clear_host_bits(*base, prefix) && strict) return std::nullopt;
  return IpNetwork{.base = *base, .prefix = static_cast<std::uint8_t>(prefix)};
}

std::optional<IpEndpoint> parse_endpoint(std::string_view text) {
  const bool bar = text.find('|') != std::string_view::npos;
  const std::size_t at = text.rfind(bar ? '|' : ':');
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, at);
  const std::string_view digits = text.substr(at + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);

  const std::optional<IpAddress> address = parse_address(host);
  if (!address) return std::nullopt;
  // Where the address has colons itself, one more says nothing.
  const bool colons = host.find(':') != std::string_view::npos;
  if (brackets != colons && (brackets || !bar)) return std::nullopt;
  std::uint16_t port = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc() || rest != end || port == 0) return std::nullopt;
  return IpEndpoint{.address = *address, .port = port};
}

std::string to_string(const IpAddress& address) {
  if (address.family == 6) return ipv6_to_string(address.bytes);
  std::string text = std::to_string(address.bytes[0]);
  for (std::size_t i = 1; i < 4; ++i) {
    text += '.' + std::to_string(address.bytes[i]);
  }
  return text;
}

std::string to_string(const IpNetwork& network) {
  return to_string(network.base) + "/" + std::to_string(network.prefix);
}

std::string to_string(const IpEndpoint& endpoint) {
  return to_string(endpoint.address) + "|" + std::to_string(endpoint.port);
}

std::string to_string(const Value& value) {
  struct Printer {
    std::string operator()(Null) const { return "<NA>"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(std::uint64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return one_decimal(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const IpAddress& v) const {
      return bailiff::to_string(v);
    }
    std::string operator()(const IpNetwork& v) const {
      return bailiff::to_string(v);
    }
    std::string operator()(const IpEndpoint& v) const {
      return bailiff::to_string(v);
    }
  };
  return std::visit(Printer{}, value);
}

}  // namespace bailiff
