// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/kept_facts.h"

#include <cstdint>
#include <span>
#include <string>

#include "hook/attach/maps.h"

namespace bailiff::hook {
namespace {

constexpr std::uint32_t kKey = 0;

// What the map holds; all 0 before it is found.  Other facts are another
// format, for which Pins::facts() has another number.
static_assert(emit::kKernelFacts == 18 &&
              sizeof(KernelFacts) == std::size_t{4} * 18);

}  // namespace

Result<KernelFacts> kept_facts(const Pins& pins, Kernel& kernel, Undo& undo) {
  const std::string pin = pins.facts();
  Result<Map> map = kernel.open_map(pin);
  if (!map && !not_found(map.error())) return map.error();
  if (!map) {
    map = kernel.create_map({.type = MapType::kArray,
                             .name = "bailiff_facts",
                             .key_size = sizeof kKey,
                             .value_size = sizeof(KernelFacts),
                             .max_entries = 1},
                            nullptr);
    if (!map) return map.error();
    RETURN_IF_ERROR(kernel.pin(map->fd(), pin));
    undo.add([pin, &kernel] { (void)kernel.unlink(pin); });
  }
  KernelFacts kept;
  RETURN_IF_ERROR(kernel.look_up(*map, bytes_of(kKey),
                                 std::as_writable_bytes(std::span(&kept, 1))));
  if (kept.knows_sender()) return kept;
  // Where there is nothing to know, little time is lost.
  kept = kernel_facts();
  if (kept.knows_sender()) {
    RETURN_IF_ERROR(kernel.update(*map, bytes_of(kKey), bytes_of(kept)));
  }
  return kept;
}

}  // namespace bailiff::hook
