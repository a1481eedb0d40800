// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/told_names.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>

#include "rules/abi/event.h"

namespace bailiff::hook {
namespace {

using Words = std::array<std::uint64_t, 2>;

// As programs keep it: IPv4 as ::ffff:a.b.c.d.
Words kept_as(const IpAddress& address) {
  const IpAddress host = reached_host(address);
  std::array<std::uint8_t, 16> bytes = host.bytes;
  if (host.family == 4) {
    bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::copy_n(host.bytes.begin(), 4, bytes.begin() + 12);
  }
  Words words{};
  static_assert(sizeof words == sizeof bytes);
  std::memcpy(words.data(), bytes.data(), sizeof words);
  return words;
}

// As the programs' clock has it.
std::uint64_t seconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec);
}

}  // namespace

Result<std::vector<std::uint64_t>> told_names(const Pins& pins,
                                              std::uint64_t cgroup_id,
                                              const IpAddress& address,
                                              Kernel& kernel) {
  ASSIGN_OR_RETURN(const Map states,
                   kernel.open_map(pins.map(emit::MapKind::kContainers)));
  const auto state = std::make_unique<bailiff_container_state>();
  const Status found =
      kernel.look_up(states, bytes_of(cgroup_id),
                     std::as_writable_bytes(std::span(state.get(), 1)));
  std::vector<std::uint64_t> names;
  if (!found) {
    if (found.error().code == Code::kNotFound) return names;
    return found.error();
  }
  const Words wanted = kept_as(address);
  const std::uint64_t now = seconds_now();
  for (const auto& set : state->names.sets) {
    for (const bailiff_dns_address& entry : set) {
      if (!std::equal(wanted.begin(), wanted.end(), entry.address)) continue;
      for (int i = 0; i < BAILIFF_DNS_NAMES; ++i) {
        if (entry.until[i] > now) names.push_back(entry.name[i][0]);
      }
    }
  }
  return names;
}

}  // namespace bailiff::hook
