// SPDX-License-Identifier: Apache-2.0
//
// The first byte says where in the packet the message begins; what follows is
// the packet.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "tests/harness/dns_message.h"

namespace {

constexpr std::uint32_t kSteps = 1 << 16;

std::uint8_t loop(long (*step)(__u64, bailiff_dns_walk*),
                  bailiff_dns_walk& walk) {
  walk.found = BAILIFF_DNS_NOTHING;
  for (std::uint32_t i = 0; i < kSteps; ++i) {
    if (step(i, &walk) != 0) break;
  }
  // However long the message, it is read to its end.
  if (walk.found == BAILIFF_DNS_NOTHING) std::abort();
  return walk.found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  if (size < 1 || size > 65'000) return 0;
  static const auto table = std::make_unique<bailiff_dns_table>();
  const dns_test_packet packet{bytes, static_cast<__u32>(size)};
  bailiff_dns_walk walk{};
  walk.packet = reinterpret_cast<std::uintptr_t>(&packet);
  walk.table = reinterpret_cast<std::uintptr_t>(table.get());
  walk.begin = walk.at = bytes[0];
  walk.end = packet.size;
  walk.refuses = bytes[0] & 1;
  if (loop(dns_read, walk) != BAILIFF_DNS_NAME) return 0;
  dns_asked(table.get(), &walk, 53, walk.is_answer);
  int names = 1;
  while (loop(dns_read, walk) == BAILIFF_DNS_NAME) {
    if (++names > 0x10000) std::abort();
  }
  walk.names.name[0][0] = walk.hash[0][0];
  walk.names.name[0][1] = walk.hash[0][1];
  walk.at = walk.records_at;
  walk.left = walk.records;
  walk.part = walk.records == 0 ? BAILIFF_DNS_NO_PART : BAILIFF_DNS_OWNER;
  ++dns_test_now_ns;
  loop(dns_learn, walk);
  bailiff_dns_names known;
  dns_known(table.get(), &known, walk.hash[0][0], walk.hash[0][1], 4);
  return 0;
}
