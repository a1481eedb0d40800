// SPDX-License-Identifier: Apache-2.0
// IPv6 packets with headers between the first one and UDP's.
#include <errno.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

// The kernel puts them in.  `option`: of setsockopt(2).
int with_option(const Target& to, int option) {
  const int fd = make_socket(AF_INET6, SOCK_DGRAM);
  // Next header, length, six bytes of padding.
  const unsigned char padding[8] = {0, 0, 1, 4};
  if (::setsockopt(fd, IPPROTO_IPV6, option, padding, sizeof padding) < 0) {
    return errno;
  }
  return send_to6(fd, to.v6);
}

int hop_by_hop(const Target& to) { return with_option(to, IPV6_HOPOPTS); }
int destination_options(const Target& to) {
  return with_option(to, IPV6_DSTOPTS);
}

// By hand, over a raw socket and as a frame.
template <std::uint8_t... headers>
int raw(const Target& to) {
  return send_packet6(to.v6, packet6(to.v6, {headers...}));
}
template <std::uint8_t... headers>
int frame(const Target& to) {
  return send_frame6(packet6(to.v6, {headers...}), to.device);
}

// A fragment that is not the first shows no ports.
std::vector<std::uint8_t> later_fragment(const Target& to) {
  constexpr std::size_t kFragment = 40;  // where its header is
  auto packet = packet6(to.v6, {IPPROTO_FRAGMENT});
  packet[kFragment + 3] = 8;  // bytes that come before
  return packet;
}

int raw_later_fragment(const Target& to) {
  return send_packet6(to.v6, later_fragment(to));
}

int frame_later_fragment(const Target& to) {
  return send_frame6(later_fragment(to), to.device);
}

constexpr std::uint8_t kHop = IPPROTO_HOPOPTS;
constexpr std::uint8_t kDestination = IPPROTO_DSTOPTS;
constexpr std::uint8_t kFragment = IPPROTO_FRAGMENT;

}  // namespace

std::vector<Technique> extension_techniques() {
  using enum Reaches;
  return {
      {"hop_by_hop", "UDP over IPv6 with hop-by-hop options", kV6, hop_by_hop},
      {"destination_options", "UDP over IPv6 with destination options", kV6,
       destination_options},
      {"raw6_hop_by_hop",
       "a whole IPv6 packet over a raw socket, hop-by-hop options first", kV6,
       raw<kHop>},
      {"raw6_destination_options", "the same, destination options first", kV6,
       raw<kDestination>},
      {"raw6_fragment", "the same, a fragment header first", kV6,
       raw<kFragment>},
      {"raw6_later_fragment", "the same, a fragment that is not the first", kV6,
       raw_later_fragment},
      {"raw6_headers", "the same, all of them", kV6,
       raw<kHop, kDestination, kFragment, kDestination>},
      {"raw6_too_many", "the same, more of them than there may be", kV6,
       raw<kDestination, kDestination, kDestination, kDestination, kDestination,
           kDestination, kDestination>},
      {"frame6_hop_by_hop",
       "an IPv6 frame over AF_PACKET, hop-by-hop options first", kV6,
       frame<kHop>},
      {"frame6_destination_options", "the same, destination options first", kV6,
       frame<kDestination>},
      {"frame6_fragment", "the same, a fragment header first", kV6,
       frame<kFragment>},
      {"frame6_later_fragment", "the same, a fragment that is not the first",
       kV6, frame_later_fragment},
      {"frame6_headers", "the same, all of them", kV6,
       frame<kHop, kDestination, kFragment, kDestination>},
      {"frame6_too_many", "the same, more of them than there may be", kV6,
       frame<kDestination, kDestination, kDestination, kDestination,
             kDestination, kDestination, kDestination>},
  };
}

}  // namespace bailiff::bypass
