// SPDX-License-Identifier: Apache-2.0
// tests/harness/dns_bytes.h
// DNS messages as bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace bailiff::test::dns {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes big_endian(std::size_t number) {
  return {static_cast<std::uint8_t>(number >> 8),
          static_cast<std::uint8_t>(number)};
}

// In labels, without the empty one at the end.
inline Bytes labels(const std::string& name) {
  Bytes bytes;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    bytes.push_back(static_cast<std::uint8_t>(end - at));
    bytes.insert(bytes.end(), name.begin() + static_cast<long>(at),
                 name.begin() + static_cast<long>(end));
    at = end + 1;
  }
  return bytes;
}
inline Bytes name(const std::string& text) { return labels(text) + Bytes{0}; }
// To what is at that place of the message.
inline Bytes pointer(std::size_t place) { return big_endian(0xc000 | place); }

inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kCname = 5;
inline constexpr std::uint16_t kAaaa = 28;
// Where the name of the question is.
inline constexpr std::size_t kQuestionAt = 12;

// `flags`: 0x0100 is a question, 0x8180 an answer, 0x0200 says it is cut off.
inline Bytes header(std::uint16_t flags, std::uint16_t questions,
                    std::uint16_t answers, std::uint16_t id = 0x1234) {
  return big_endian(id) + big_endian(flags) + big_endian(questions) +
         big_endian(answers) + Bytes{0, 0, 0, 0};
}

inline Bytes record(const Bytes& owner, std::uint16_t type, std::uint32_t ttl,
                    const Bytes& value) {
  return owner + big_endian(type) + Bytes{0, 1} + big_endian(ttl >> 16) +
         big_endian(ttl & 0xffff) + big_endian(value.size()) + value;
}

inline Bytes question(const std::string& text, std::uint16_t id = 0x1234) {
  return header(0x0100, 1, 0, id) + name(text) + Bytes{0, 1, 0, 1};
}

// To that question.
inline Bytes answer(const std::string& text, const std::vector<Bytes>& records,
                    std::uint16_t flags = 0x8180, std::uint16_t id = 0x1234) {
  Bytes bytes =
      header(flags, 1, static_cast<std::uint16_t>(records.size()), id) +
      name(text) + Bytes{0, 1, 0, 1};
  for (const Bytes& one : records) bytes = bytes + one;
  return bytes;
}

}  // namespace bailiff::test::dns
