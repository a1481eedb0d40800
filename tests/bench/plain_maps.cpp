// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/plain_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "rules/emit/instruction.h"
#include "rules/emit/list_table.h"

namespace bailiff::test {
namespace {

using emit::Comparison;
using emit::Size;
using enum emit::Register;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + ::strerror(errno));
}

struct TrieKey {
  std::uint32_t bits = 32;
  std::uint32_t address = 0;
};

UniqueFd make_map(bpf_map_type type, std::uint32_t key_size,
                  std::uint32_t value_size, std::size_t entries, int flags) {
  LIBBPF_OPTS(bpf_map_create_opts, options,
              .map_flags = static_cast<__u32>(flags));
  UniqueFd map(bpf_map_create(type, "bench", key_size, value_size,
                              static_cast<std::uint32_t>(entries), &options));
  if (!map) fail("make a map");
  return map;
}

void fill(const UniqueFd& map, const void* keys, std::size_t count) {
  std::vector<std::uint8_t> values(count, 1);
  auto done = static_cast<std::uint32_t>(count);
  LIBBPF_OPTS(bpf_map_batch_opts, batch);
  if (bpf_map_update_batch(map.get(), keys, values.data(), &done, &batch) !=
      0) {
    fail("fill a map");
  }
}

// r0: what the map has under the key at `slot`.
void ask(std::vector<bpf_insn>& code, const UniqueFd& map, int slot,
         bpf_func_id function) {
  bpf_insn first =
      emit::instruction(BPF_LD | BPF_DW | BPF_IMM, kR1, kR0, 0, map.get());
  first.src_reg = BPF_PSEUDO_MAP_FD;
  code.push_back(first);
  code.push_back(emit::instruction(0, kR0, kR0, 0, 0));
  code.push_back(emit::move(kR2, kFrame));
  code.push_back(emit::alu(BPF_ADD, kR2, slot));
  code.push_back(emit::call(function));
}

// Of as many addresses, in bytes: a power of two.  As list_table.h has it, two
// for each, and of many one.
std::uint32_t filter_bytes(std::size_t count) {
  constexpr std::size_t kNear = 512 << 10;
  const std::size_t bytes = std::max(std::min(count * 2, kNear), count);
  return static_cast<std::uint32_t>(
      std::bit_ceil(std::max<std::size_t>(bytes, 8)));
}

// Loads the word of the array that the address's hash picks.
std::vector<bpf_insn> load_one(const UniqueFd& array, std::uint32_t bytes) {
  bpf_insn first =
      emit::instruction(BPF_LD | BPF_DW | BPF_IMM, kR2, kR0, 0, array.get());
  first.src_reg = BPF_PSEUDO_MAP_VALUE;
  std::vector<bpf_insn> code = {
      emit::load(Size::k32, kR3, kR1, offsetof(bpf_sock_addr, user_ip4)), first,
      emit::instruction(0, kR0, kR0, 0, 0)};
  bpf_insn factor = emit::instruction(
      BPF_LD | BPF_DW | BPF_IMM, kR4, kR0, 0,
      static_cast<std::int32_t>(emit::kListHash1 & 0xffffffff));
  code.push_back(factor);
  code.push_back(emit::instruction(
      0, kR0, kR0, 0, static_cast<std::int32_t>(emit::kListHash1 >> 32)));
  code.push_back(emit::alu(BPF_MUL, kR3, kR4));
  code.push_back(emit::alu(BPF_RSH, kR3, 32));
  code.push_back(emit::alu(BPF_AND, kR3, static_cast<int>(bytes - 8)));
  code.push_back(emit::alu(BPF_ADD, kR2, kR3));
  code.push_back(emit::load(Size::k64, kR0, kR2, 0));
  // Of zeros: it is waited for, and allowed.
  code.push_back(emit::alu(BPF_AND, kR0, 1));
  code.push_back(emit::alu(BPF_XOR, kR0, 1));
  code.push_back(emit::leave());
  return code;
}

// An instruction that jumps over the next `count`.
bpf_insn over(bpf_insn jump, int count) {
  jump.off = static_cast<std::int16_t>(count);
  return jump;
}

std::vector<bpf_insn> program_of(PlainMap kind,
                                 const std::vector<UniqueFd>& maps,
                                 std::size_t count) {
  if (kind == PlainMap::kLoad) return load_one(maps[0], filter_bytes(count));
  constexpr int kAddress = -4;
  constexpr int kKey = -8;
  std::vector<bpf_insn> code = {
      emit::load(Size::k32, kR3, kR1, offsetof(bpf_sock_addr, user_ip4)),
      emit::store(Size::k32, kFrame, kAddress, kR3),
      emit::store(Size::k32, kFrame, kKey, 32),
  };
  if (kind == PlainMap::kBloom) {
    ask(code, maps[1], kAddress, BPF_FUNC_map_peek_elem);
    code.push_back(over(emit::jump_if(Comparison::kEq, kR0, 0), 2));
    code.push_back(emit::move(kR0, 1));
    code.push_back(emit::leave());
  }
  ask(code, maps[0], kind == PlainMap::kTrie ? kKey : kAddress,
      BPF_FUNC_map_lookup_elem);
  code.push_back(over(emit::jump_if(Comparison::kEq, kR0, 0), 2));
  code.push_back(emit::move(kR0, 0));
  code.push_back(emit::leave());
  code.push_back(emit::move(kR0, 1));
  code.push_back(emit::leave());
  return code;
}

}  // namespace

std::string_view to_string(PlainMap kind) {
  switch (kind) {
    case PlainMap::kHash:
      return "kernel's hash";
    case PlainMap::kTrie:
      return "kernel's LPM trie";
    case PlainMap::kBloom:
      return "kernel's Bloom filter and hash";
    case PlainMap::kLoad:
      return "one load, from as large a filter";
  }
  return "";
}

PlainFilter attach_plain(PlainMap kind,
                         const std::vector<std::uint32_t>& addresses,
                         int cgroup) {
  PlainFilter filter;
  const std::size_t count = addresses.size();
  if (kind == PlainMap::kTrie) {
    std::vector<TrieKey> keys(count);
    std::transform(
        addresses.begin(), addresses.end(), keys.begin(),
        [](std::uint32_t address) { return TrieKey{.address = address}; });
    filter.maps.push_back(make_map(BPF_MAP_TYPE_LPM_TRIE, sizeof(TrieKey), 1,
                                   count, BPF_F_NO_PREALLOC));
    fill(filter.maps[0], keys.data(), count);
  } else if (kind == PlainMap::kLoad) {
    filter.maps.push_back(
        make_map(BPF_MAP_TYPE_ARRAY, 4, filter_bytes(count), 1, 0));
  } else {
    filter.maps.push_back(make_map(BPF_MAP_TYPE_HASH, 4, 1, count, 0));
    fill(filter.maps[0], addresses.data(), count);
  }
  if (kind == PlainMap::kBloom) {
    filter.maps.push_back(make_map(BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, count, 0));
    for (const std::uint32_t address : addresses) {
      if (bpf_map_update_elem(filter.maps[1].get(), nullptr, &address,
                              BPF_ANY) != 0) {
        fail("fill a Bloom filter");
      }
    }
  }
  const std::vector<bpf_insn> code = program_of(kind, filter.maps, count);
  LIBBPF_OPTS(bpf_prog_load_opts, options,
              .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
  filter.program =
      UniqueFd(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bench", "GPL",
                             code.data(), code.size(), &options));
  if (!filter.program) fail("load a program");
  filter.link = UniqueFd(bpf_link_create(filter.program.get(), cgroup,
                                         BPF_CGROUP_INET4_CONNECT, nullptr));
  if (!filter.link) fail("attach a program");
  return filter;
}

}  // namespace bailiff::test
