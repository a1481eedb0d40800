// SPDX-License-Identifier: Apache-2.0
// tests/kernel/packet_bytes.h
// Packets as bytes, of which only what is looked at is right.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <vector>

namespace bailiff::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Of the internet protocols (RFC 1071); of an even number of bytes.
inline std::uint16_t checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// In network order.
inline void put(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

inline Bytes udp(std::uint16_t port, std::uint16_t from = 0) {
  Bytes header(8);
  header[0] = static_cast<std::uint8_t>(from >> 8);
  header[1] = static_cast<std::uint8_t>(from);
  header[2] = static_cast<std::uint8_t>(port >> 8);
  header[3] = static_cast<std::uint8_t>(port);
  return header;
}

// `words`: the length of the header; `fragment`: its flags and offset.
inline Bytes ip4(const char* to, const Bytes& payload,
                 std::uint8_t protocol = 17, std::uint8_t words = 5,
                 std::uint16_t fragment = 0) {
  Bytes header(words * 4U);
  header[0] = static_cast<std::uint8_t>(4 << 4 | words);
  header[6] = static_cast<std::uint8_t>(fragment >> 8);
  header[7] = static_cast<std::uint8_t>(fragment);
  header[9] = protocol;
  ::inet_pton(AF_INET, to, &header[16]);
  return header + payload;
}

// One that a host would forward; `payload` is all of its transport.
inline Bytes from_inside(const char* to, std::uint8_t protocol,
                         const Bytes& payload, std::uint8_t ttl = 64) {
  Bytes packet = ip4(to, payload, protocol);
  packet[3] = static_cast<std::uint8_t>(packet.size());
  packet[8] = ttl;
  ::inet_pton(AF_INET, "198.51.100.2", &packet[12]);
  put(packet, 10, checksum({packet.begin(), packet.begin() + 20}));
  return packet;
}

inline Bytes ip6(const char* to, std::uint8_t next, const Bytes& payload) {
  Bytes header(40);
  header[0] = 6 << 4;
  header[6] = next;
  ::inet_pton(AF_INET6, to, &header[24]);
  return header + payload;
}

// An extension header of `units` times 8 bytes.
inline Bytes options(std::uint8_t next, std::uint8_t units = 1) {
  Bytes header(units * 8U);
  header[0] = next;
  header[1] = static_cast<std::uint8_t>(units - 1);
  return header;
}

inline Bytes fragment6(std::uint8_t next, std::uint16_t offset) {
  Bytes header(8);
  header[0] = next;
  header[2] = static_cast<std::uint8_t>(offset >> 8);
  header[3] = static_cast<std::uint8_t>(offset);
  return header;
}

// An Ethernet header, with VLAN tags of these types, before what is of `type`.
inline Bytes ethernet(std::uint16_t type,
                      const std::vector<std::uint16_t>& tags = {}) {
  Bytes header(12);
  for (const std::uint16_t tag : tags) {
    header = header + Bytes{static_cast<std::uint8_t>(tag >> 8),
                            static_cast<std::uint8_t>(tag), 0, 7};
  }
  return header + Bytes{static_cast<std::uint8_t>(type >> 8),
                        static_cast<std::uint8_t>(type)};
}

}  // namespace bailiff::test
