// SPDX-License-Identifier: Apache-2.0
// rules/emit/list_table.h
// What a list of addresses or networks is in the kernel: a table, which the
// hook puts into a map and programs look addresses up in (list_code.h).
//
// To a table, a list is a set of addresses of one family; a network is a range
// of them.  An address may be listed for some ports alone.  It is an array of
// pages, written once: an update is another table.  The first page begins with
// the ListHeader.  Two parts follow, each of which holds the whole set, and, if
// an item has a port, a third one.
//
// The filter is asked first.  Of nearly every address that is not listed it
// says so, and of none that is.  It knows addresses by blocks: those that agree
// in the bits of `mask`.  For each block with a listed address, three bits are
// set in one of its words; which, a hash of the block says:
//   x = the address as the number its bytes are in memory, and `mask`;
//       for IPv6 the first 8 bytes, times kListHash2, plus the last 8
//   h = x * kListHash1;  h ^= h >> 32;  h *= kListHash2       (modulo 2^64)
//   the word, counted from the start of the table in 8 bytes, is
//       kFirstFilterWord + ((h >> 32) * filter_words >> 32)
//   the bits are h >> s & 63 for each s of kListBitShifts
//
// The tree is asked about what is left, and is exact.  Its keys are the last
// address of each run of addresses that are all listed or all not, sorted, so
// that the number of keys below an address tells whether it is listed: when
// that is odd, or with `inverted`, even.  The keys lie in pages (TreeShape);
// the last keys of these are the keys of the next level, up to a level of one
// page.  A search reads a few cache lines of one page in each level.
//
// The tree of ports, which there is when some items have one, is asked about
// addresses that the tree has found.  There, each address with ports is a run
// of its own, beside its neighbours as well: then one key stands twice.  So the
// number of keys below an address, one more with `inverted`, is a number of its
// run, whatever the family: run << kPortBits | port is what the second tree is
// searched for, in the same way.  In it, runs without ports have all of them.
// A list gets its first port, as it gets any item, with its next table:
// programs are made for both.
//
// So a look-up costs the same whatever is listed, and at most what the tree
// costs, which depends on the length of the list alone: a feed that picks
// addresses to fill the same words of the filter gains nothing more.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rules/abi/limits.h"
#include "rules/types/value.h"

namespace bailiff::emit {

inline constexpr std::uint32_t kMaxListLevels = 3;

// As many levels as a tree has, the one with all keys first; their pages.
struct ListTree {
  std::uint32_t levels = 0;  // 1 to kMaxListLevels; 0: there is no such tree
  std::array<std::uint32_t, kMaxListLevels> first_page{};  // unused ones are 0
};

// A table has at least two pages.  At this size two levels of the tree hold a
// million addresses, and a list of up to 4000 has its filter in the first page.
inline constexpr std::uint32_t kListPageBytes = 8192;

struct ListHeader {
  // For IPv4, 4 bytes as a number; for IPv6, twice 8.
  std::array<std::uint64_t, 2> mask{};
  std::uint32_t filter_words = 0;
  std::uint32_t inverted = 0;  // 1: the lowest address is listed
  ListTree tree;
  ListTree ports;
  std::array<std::uint32_t, 2> reserved{};
};
static_assert(sizeof(ListHeader) == 64);

inline constexpr std::uint64_t kListHash1 = 0x9e3779b97f4a7c15;
inline constexpr std::uint64_t kListHash2 = 0xd1342543de82ef95;
inline constexpr std::array<int, 3> kListBitShifts = {14, 20, 26};
inline constexpr std::uint32_t kFirstFilterWord = sizeof(ListHeader) / 8;

// How a page of a tree is divided: its keys in groups, then the last key of
// each group, its pivot.  Places that are left over have the highest key.  A
// key is an address in numbers of 32 bits, the most significant first; or a run
// and a port, in one of 64, the highest of which is that of a signed one.
struct TreeShape {
  std::uint32_t numbers;  // of a key
  std::uint32_t number_bytes;
  std::uint32_t group;   // keys in a group
  std::uint32_t pivots;  // places for pivots, two more than there are groups

  constexpr std::uint32_t key_bytes() const { return numbers * number_bytes; }
  // Keys of a page.
  constexpr std::uint32_t keys() const { return group * (pivots - 2); }
};
inline constexpr TreeShape kTree4 = {
    .numbers = 1, .number_bytes = 4, .group = 32, .pivots = 64};
inline constexpr TreeShape kTree6 = {
    .numbers = 4, .number_bytes = 4, .group = 16, .pivots = 32};
inline constexpr TreeShape kPortTree = {
    .numbers = 1, .number_bytes = 8, .group = 32, .pivots = 32};
inline constexpr int kPortBits = 16;

constexpr bool is_sound(const TreeShape& shape) {
  const std::uint64_t keys = shape.keys();
  // A search halves both; and an even number of keys goes before each group.
  return std::has_single_bit(shape.group) &&
         std::has_single_bit(shape.pivots) && shape.group > 1 &&
         (keys + shape.pivots) * shape.key_bytes() <= kListPageBytes &&
         // Two keys for each entry, and one above all.
         keys * keys * keys > std::uint64_t{BAILIFF_MAX_LIST_ENTRIES} * 2;
}
static_assert(is_sound(kTree4) && is_sound(kTree6) && is_sound(kPortTree) &&
              kMaxListLevels == 3);

// The table of the list with these networks and addresses with ports, all of
// `family`, in any order; an address is a network of one.  Its size is a
// multiple of kListPageBytes.
// Precondition: at most BAILIFF_MAX_LIST_ENTRIES together.
std::vector<std::byte> make_list_table(
    std::uint8_t family, std::span<const IpNetwork> networks,
    std::span<const IpEndpoint> endpoints = {});

}  // namespace bailiff::emit
