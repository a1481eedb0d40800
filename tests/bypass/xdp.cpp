// SPDX-License-Identifier: Apache-2.0
// Frames that are handed to the driver from memory shared with it.
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

constexpr unsigned kFrameBytes = 4096;
constexpr unsigned kFrames = 2;

// The errno of what the kernel refused, else 0.
int set_up(int fd, void* memory) {
  xdp_umem_reg umem{};
  umem.addr = reinterpret_cast<std::uint64_t>(memory);
  umem.len = std::uint64_t{kFrameBytes} * kFrames;
  umem.chunk_size = kFrameBytes;
  if (::setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) < 0) {
    return errno;
  }
  for (const int ring :
       {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_TX_RING}) {
    if (::setsockopt(fd, SOL_XDP, ring, &kFrames, sizeof kFrames) < 0) {
      return errno;
    }
  }
  return 0;
}

int xdp_socket(const Target& to) {
  const int fd = make_socket(AF_XDP, SOCK_RAW);
  auto* memory = static_cast<std::uint8_t*>(
      ::mmap(nullptr, std::size_t{kFrameBytes} * kFrames,
             PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) return errno;
  if (const int error = set_up(fd, memory)) return error;
  xdp_mmap_offsets offsets{};
  socklen_t size = sizeof offsets;
  if (::getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) < 0) {
    return errno;
  }
  auto* ring = static_cast<char*>(
      ::mmap(nullptr, offsets.tx.desc + kFrames * sizeof(xdp_desc),
             PROT_READ | PROT_WRITE, MAP_SHARED, fd, XDP_PGOFF_TX_RING));
  if (ring == MAP_FAILED) return errno;
  sockaddr_xdp name{};
  name.sxdp_family = AF_XDP;
  name.sxdp_flags = XDP_COPY;
  name.sxdp_ifindex = ::if_nametoindex(to.device.c_str());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0) {
    return errno;
  }
  // Frame 0: to everybody, from somebody, IPv4.
  const auto packet = packet4(to.v4);
  std::memset(memory, 0xff, ETH_ALEN);
  memory[ETH_ALEN] = 2;
  memory[12] = ETH_P_IP >> 8;
  std::memcpy(memory + ETH_HLEN, packet.data(), packet.size());
  xdp_desc frame{};
  frame.len = static_cast<std::uint32_t>(ETH_HLEN + packet.size());
  std::memcpy(ring + offsets.tx.desc, &frame, sizeof frame);
  __atomic_store_n(reinterpret_cast<unsigned*>(ring + offsets.tx.producer), 1U,
                   __ATOMIC_RELEASE);
  return error_of(::sendto(fd, nullptr, 0, MSG_DONTWAIT, nullptr, 0));
}

}  // namespace

std::vector<Technique> xdp_techniques() {
  return {{"xdp_socket", "a frame over AF_XDP", Reaches::kV4, xdp_socket}};
}

}  // namespace bailiff::bypass
