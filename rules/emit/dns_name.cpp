// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/dns_name.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "rules/abi/dns.h"
#include "rules/lower/host_name.h"

namespace bailiff::emit {
namespace {

class Hasher {
 public:
  void add(std::uint8_t byte) {
    BAILIFF_DNS_ADD(hash_[0], byte, BAILIFF_DNS_FACTOR_1);
    BAILIFF_DNS_ADD(hash_[1], byte, BAILIFF_DNS_FACTOR_2);
  }
  void add(std::string_view label) {
    add(static_cast<std::uint8_t>(label.size()));
    for (const char c : label) {
      const bool capital = c >= 'A' && c <= 'Z';
      add(static_cast<std::uint8_t>(capital ? c | 0x20 : c));
    }
  }
  std::array<std::uint64_t, 2> hash() const { return hash_; }

 private:
  std::array<std::uint64_t, 2> hash_ = {BAILIFF_DNS_SEED_1, BAILIFF_DNS_SEED_2};
};

}  // namespace

std::array<std::uint64_t, 2> name_hash(std::string_view name) {
  if (!is_listed_name(name)) return {};
  if (name.back() == '.') name.remove_suffix(1);
  Hasher hasher;
  if (name.front() == '.') {
    hasher.add("*");
    name.remove_prefix(1);
  }
  for (;;) {
    const std::size_t end = std::min(name.find('.'), name.size());
    hasher.add(name.substr(0, end));
    if (end == name.size()) return hasher.hash();
    name.remove_prefix(end + 1);
  }
}

IpAddress name_key(std::string_view name) {
  IpAddress key;
  key.family = 6;
  const std::array<std::uint64_t, 2> hash = name_hash(name);
  static_assert(sizeof hash == sizeof key.bytes);
  std::memcpy(key.bytes.data(), hash.data(), sizeof hash);
  return key;
}

}  // namespace bailiff::emit
