// SPDX-License-Identifier: Apache-2.0
// rules/types/value.h
// The values conditions compare: what a field extracts and what a rule writes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bailiff {

// An address in network byte order.  IPv4 occupies the first 4 bytes, the rest
// is zero.  An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) is IPv4, as in
// Falco: one host has one spelling.
struct IpAddress {
  std::uint8_t family = 4;  // 4 or 6
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const IpAddress&) const = default;
};

// A network: the bits of `base` past `prefix` are zero.
struct IpNetwork {
  IpAddress base;
  std::uint8_t prefix = 0;  // 0..32 or 0..128

  bool contains(const IpAddress& address) const;
  auto operator<=>(const IpNetwork&) const = default;
};

// An address and a port there, such as feeds tell of.
struct IpEndpoint {
  IpAddress address;
  std::uint16_t port = 0;

  auto operator<=>(const IpEndpoint&) const = default;
};

struct Null {
  auto operator<=>(const Null&) const = default;
};

// Numbers are signed 64 bits whatever the field; ports and ids fit.  What does
// not fit is unsigned, and so always greater; fractions are double.
using Value = std::variant<Null, bool, std::int64_t, std::uint64_t, double,
                           std::string, IpAddress, IpNetwork, IpEndpoint>;

// What a field is in JSON: a value, or an array of those of a list.
using OutputValue = std::variant<Value, std::vector<Value>>;

// The number as a Value: std::uint64_t only where std::int64_t cannot hold it.
Value number_value(std::uint64_t number);

// Dotted quads and RFC 4291 text, nothing else (no names, no zone, no port).
std::optional<IpAddress> parse_address(std::string_view text);
// The host it reaches: of an address with NAT64's well-known prefix
// (64:ff9b::/96, RFC 6052), the IPv4 one behind it, as it is to the programs
// (rules/emit/reached_host.h); else itself.
IpAddress reached_host(const IpAddress& address);
// ADDRESS/PREFIX; host bits must be zero when `strict`, else they are cleared.
std::optional<IpNetwork> parse_network(std::string_view text,
                                       bool strict = false);
// ADDRESS|PORT as MISP writes it; and ADDRESS:PORT, for IPv6 [ADDRESS]:PORT, as
// others do.  The port is a number of 1 to 65535.  An IPv6 address with colons
// alone is one address, whatever its last group was meant to be.
std::optional<IpEndpoint> parse_endpoint(std::string_view text);
std::string to_string(const IpAddress& address);  // RFC 5952
std::string to_string(const IpNetwork& network);
std::string to_string(const IpEndpoint& endpoint);  // ADDRESS|PORT
// As Falco prints it in an output: null is "<NA>", booleans true and false.
std::string to_string(const Value& value);

}  // namespace bailiff
