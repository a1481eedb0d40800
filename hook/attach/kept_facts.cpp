// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/kept_facts.h"

#include <cstdint>
#include <span>
#include <string>

#include "hook/attach/maps.h"

namespace bailiff::hook {
namespace {

constexpr std::uint32_t kKey = 0;

// What the map holds.
struct Kept {
  std::uint16_t found = 0;  // 0: made, and not written
  std::uint16_t knows_sender = 0;
  std::int16_t socket_owned = 0;
  std::uint16_t reserved = 0;
};

}  // namespace

Result<KernelFacts> kept_facts(const Pins& pins, Kernel& kernel, Undo& undo) {
  const std::string pin = pins.facts();
  Result<Map> map = kernel.open_map(pin);
  if (!map && !not_found(map.error())) return map.error();
  if (!map) {
    map = kernel.create_map({.type = MapType::kArray,
                             .name = "bailiff_facts",
                             .key_size = sizeof kKey,
                             .value_size = sizeof(Kept),
                             .max_entries = 1},
                            nullptr);
    if (!map) return map.error();
    RETURN_IF_ERROR(kernel.pin(map->fd(), pin));
    undo.add([pin, &kernel] { (void)kernel.unlink(pin); });
  }
  Kept kept;
  RETURN_IF_ERROR(kernel.look_up(*map, bytes_of(kKey),
                                 std::as_writable_bytes(std::span(&kept, 1))));
  if (kept.found == 0) {
    const KernelFacts& facts = kernel_facts();
    kept = {.found = 1,
            .knows_sender =
                facts.socket_owned ? std::uint16_t{1} : std::uint16_t{0},
            .socket_owned = facts.socket_owned.value_or(0)};
    RETURN_IF_ERROR(kernel.update(*map, bytes_of(kKey), bytes_of(kept)));
  }
  KernelFacts facts;
  if (kept.knows_sender != 0) facts.socket_owned = kept.socket_owned;
  return facts;
}

}  // namespace bailiff::hook
