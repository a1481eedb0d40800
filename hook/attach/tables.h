// SPDX-License-Identifier: Apache-2.0
// hook/attach/tables.h
// Which place the table of a list has in the array of all tables.  Everything
// here is done under the lock of BPF_DIR (attach.h).
//
// Places are told by symbolic links, lists/NAME~KIND to the number, which the
// kernel makes and removes at once.  A table is put into its place before the
// link is made, and taken out after the link is gone, so that whatever a crash
// leaves, a list that is told of is there; a place nobody tells of is free.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "hook/attach/pins.h"
#include "hook/kernel/kernel.h"

namespace bailiff::hook {

// The place of the list; nullopt when it has none.
Result<std::optional<std::uint32_t>> place_of(const emit::MapRef& list,
                                              const Pins& pins, Kernel& kernel);

// So many places that are free, the lowest first.  kExhausted when there are
// no more than BAILIFF_MAX_TABLES.
Result<std::vector<std::uint32_t>> free_places(std::size_t count,
                                               const Pins& pins,
                                               Kernel& kernel);

// Puts an empty table in these places: the memory of what was there is freed.
Status clear_places(const Map& tables, std::span<const std::uint32_t> places,
                    Kernel& kernel);

// Removes each list that has none of these places.
Status remove_lists_but(const std::set<std::uint32_t>& used, const Pins& pins,
                        Kernel& kernel);

// The numbers a program was made with.
Result<std::vector<std::uint32_t>> read_numbers(const Map& numbers,
                                                Kernel& kernel);

}  // namespace bailiff::hook
