// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/test_program.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "rules/abi/foreign.h"
#include "rules/abi/limits.h"
#include "rules/abi/task.h"
#include "rules/emit/function_types.h"
#include "rules/emit/list_table.h"

namespace bailiff::test {
namespace {

constexpr std::size_t kLogBytes = 1 << 20;

Error failure(std::string what, int number) {
  return {.code = Code::kIo,
          .message = std::move(what) + ": " + std::strerror(number),
          .sys_errno = number};
}

std::uint8_t family_of(emit::ListKind kind) {
  return kind == emit::ListKind::kAddress4 || kind == emit::ListKind::kNetwork4
             ? 4
             : 6;
}

bool holds_networks(emit::ListKind kind) {
  return kind == emit::ListKind::kNetwork4 || kind == emit::ListKind::kNetwork6;
}

std::optional<IpNetwork> network_of(const std::string& item, bool networks) {
  if (networks) return parse_network(item);
  const auto address = parse_address(item);
  if (!address) return std::nullopt;
  const int bits = address->family == 4 ? 32 : 128;
  return IpNetwork{.base = *address, .prefix = static_cast<std::uint8_t>(bits)};
}

}  // namespace

Result<int> KernelMaps::map(const emit::MapRef& ref) {
  if (const auto found = maps_.find(ref); found != maps_.end()) {
    return found->second.get();
  }
  ASSIGN_OR_RETURN(UniqueFd made, make(ref));
  return maps_.emplace(ref, std::move(made)).first->second.get();
}

Result<UniqueFd> KernelMaps::make(const emit::MapRef& ref) const {
  UniqueFd made;
  switch (ref.kind) {
    case emit::MapKind::kList:
      return make_table(ref);
    case emit::MapKind::kTables:
      return make_tables();
    case emit::MapKind::kEvents:
      made = UniqueFd(
          bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, 4096, nullptr));
      break;
    case emit::MapKind::kLost:
      made = UniqueFd(
          bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "lost", 4, 8, 1, nullptr));
      break;
    case emit::MapKind::kTold:
      made = UniqueFd(bpf_map_create(
          BPF_MAP_TYPE_LRU_HASH, "told", sizeof(bailiff_told_key),
          sizeof(bailiff_connect_event), 1, nullptr));
      break;
    case emit::MapKind::kJudged:
      made = UniqueFd(bpf_map_create(BPF_MAP_TYPE_HASH, "judged",
                                     sizeof(std::uint64_t),
                                     sizeof(bailiff_judged), 1, nullptr));
      break;
    case emit::MapKind::kPassed:
    case emit::MapKind::kSenders:
      break;  // of frames, which are not tested here
    case emit::MapKind::kTasks:
      made = UniqueFd(bpf_map_create(BPF_MAP_TYPE_HASH, "tasks",
                                     sizeof(std::uint32_t),
                                     sizeof(bailiff_task), 1, nullptr));
      break;
    case emit::MapKind::kContainers:
      made = UniqueFd(bpf_map_create(
          BPF_MAP_TYPE_CGROUP_STORAGE, "containers", sizeof(std::uint64_t),
          sizeof(bailiff_container_state), 0, nullptr));
      break;
  }
  if (!made) return failure("make a map", errno);
  return made;
}

Result<UniqueFd> KernelMaps::make_table(const emit::MapRef& ref) const {
  std::vector<IpNetwork> networks;
  std::vector<IpEndpoint> endpoints;
  for (std::uint32_t i = 0; i < lists_.size(); ++i) {
    if (lists_[i].name != ref.list) continue;
    for (const std::uint32_t list : with_included(lists_, i)) {
      for (const std::string& item : lists_[list].items) {
        const auto network = network_of(item, holds_networks(ref.list_kind));
        if (network && network->base.family == family_of(ref.list_kind)) {
          networks.push_back(*network);
        }
        const auto endpoint = parse_endpoint(item);
        if (!network && endpoint &&
            endpoint->address.family == family_of(ref.list_kind)) {
          endpoints.push_back(*endpoint);
        }
      }
    }
  }
  const std::vector<std::byte> table =
      emit::make_list_table(family_of(ref.list_kind), networks, endpoints);
  std::vector<std::uint32_t> pages(table.size() / emit::kListPageBytes);
  std::iota(pages.begin(), pages.end(), 0U);
  auto count = static_cast<std::uint32_t>(pages.size());
  LIBBPF_OPTS(bpf_map_create_opts, inner_options,
              .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner",
                                sizeof(std::uint32_t), emit::kListPageBytes,
                                count, &inner_options));
  if (!inner) return failure("make a list", errno);
  LIBBPF_OPTS(bpf_map_batch_opts, batch);
  if (bpf_map_update_batch(inner.get(), pages.data(), table.data(), &count,
                           &batch) != 0) {
    return failure("fill a list", errno);
  }
  return inner;
}

Result<UniqueFd> KernelMaps::make_tables() {
  LIBBPF_OPTS(bpf_map_create_opts, inner_options,
              .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  const UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner",
                                      sizeof(std::uint32_t),
                                      emit::kListPageBytes, 1, &inner_options));
  if (!inner) return failure("make a list", errno);
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.inner_map_fd = static_cast<std::uint32_t>(inner.get());
  UniqueFd tables(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tables", 4, 4,
                                 BAILIFF_MAX_TABLES, &options));
  if (!tables) return failure("make the array of tables", errno);
  return tables;
}

Result<std::uint32_t> KernelMaps::place(const emit::MapRef& list) {
  if (const auto found = places_.find(list); found != places_.end()) {
    return found->second;
  }
  ASSIGN_OR_RETURN(const int table, map(list));
  emit::MapRef ref;
  ref.kind = emit::MapKind::kTables;
  ASSIGN_OR_RETURN(const int tables, map(ref));
  const auto place = static_cast<std::uint32_t>(places_.size());
  if (bpf_map_update_elem(tables, &place, &table, BPF_ANY) != 0) {
    return failure("put a list into the array of tables", errno);
  }
  return places_[list] = place;
}

Result<UniqueFd> KernelMaps::numbers(const emit::Program& program) {
  std::vector<std::uint32_t> value(1);
  for (const emit::MapRef& ref : program.maps) {
    if (ref.kind != emit::MapKind::kList) continue;
    ASSIGN_OR_RETURN(const std::uint32_t number, place(ref));
    value.push_back(number);
  }
  value[0] = static_cast<std::uint32_t>(value.size() - 1);
  UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "numbers", 4,
                              static_cast<std::uint32_t>(value.size() * 4), 1,
                              nullptr));
  const std::uint32_t zero = 0;
  if (!map ||
      bpf_map_update_elem(map.get(), &zero, value.data(), BPF_ANY) != 0) {
    return failure("make the numbers of a program", errno);
  }
  return map;
}

Result<TestProgram> TestProgram::load(const emit::Program& program,
                                      KernelMaps& maps) {
  std::vector<bpf_insn> insns = program.insns;
  ASSIGN_OR_RETURN(const UniqueFd numbers, maps.numbers(program));
  std::vector<std::int32_t> offsets;
  std::int32_t offset = 0;
  for (const emit::MapRef& ref : program.maps) {
    if (ref.kind == emit::MapKind::kList) offset += 4;
    offsets.push_back(offset);
  }
  for (const emit::Relocation& relocation : program.relocations) {
    const emit::MapRef& ref = program.maps[relocation.map];
    bpf_insn& load = insns[relocation.insn];
    if (ref.kind == emit::MapKind::kList) {
      load.src_reg = BPF_PSEUDO_MAP_VALUE;
      load.imm = numbers.get();
      insns[relocation.insn + 1].imm = offsets[relocation.map];
      continue;
    }
    ASSIGN_OR_RETURN(load.imm, maps.map(ref));
  }
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  const emit::FunctionTypes types = emit::function_types(program);
  UniqueFd btf;
  if (!types.btf.empty()) {
    btf = UniqueFd(bpf_btf_load(types.btf.data(), types.btf.size(), nullptr));
    if (!btf) return failure("load the types of a program", errno);
    options.prog_btf_fd = static_cast<__u32>(btf.get());
    options.func_info = types.functions.data();
    options.func_info_cnt = static_cast<__u32>(types.functions.size());
    options.func_info_rec_size = sizeof(bpf_func_info);
  }
  bpf_prog_type type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
  switch (program.flavour) {
    case emit::Flavour::kConnect4:
      options.expected_attach_type = BPF_CGROUP_INET4_CONNECT;
      break;
    case emit::Flavour::kConnect6:
      options.expected_attach_type = BPF_CGROUP_INET6_CONNECT;
      break;
    case emit::Flavour::kSendmsg4:
      options.expected_attach_type = BPF_CGROUP_UDP4_SENDMSG;
      break;
    case emit::Flavour::kSendmsg6:
      options.expected_attach_type = BPF_CGROUP_UDP6_SENDMSG;
      break;
    case emit::Flavour::kEgress:
    case emit::Flavour::kQuery:
      type = BPF_PROG_TYPE_CGROUP_SKB;
      options.expected_attach_type = BPF_CGROUP_INET_EGRESS;
      break;
    case emit::Flavour::kAnswer:
    case emit::Flavour::kIngress:
      type = BPF_PROG_TYPE_CGROUP_SKB;
      options.expected_attach_type = BPF_CGROUP_INET_INGRESS;
      break;
    case emit::Flavour::kPostBind4:
      type = BPF_PROG_TYPE_CGROUP_SOCK;
      options.expected_attach_type = BPF_CGROUP_INET4_POST_BIND;
      break;
    case emit::Flavour::kPostBind6:
      type = BPF_PROG_TYPE_CGROUP_SOCK;
      options.expected_attach_type = BPF_CGROUP_INET6_POST_BIND;
      break;
    case emit::Flavour::kSockCreate:
      type = BPF_PROG_TYPE_CGROUP_SOCK;
      options.expected_attach_type = BPF_CGROUP_INET_SOCK_CREATE;
      break;
    case emit::Flavour::kFrame:
    case emit::Flavour::kBareFrame:
    case emit::Flavour::kFrameQuery:
    case emit::Flavour::kBareFrameQuery:
      type = BPF_PROG_TYPE_SCHED_CLS;
      break;
    case emit::Flavour::kSetsockopt:
      type = BPF_PROG_TYPE_CGROUP_SOCKOPT;
      options.expected_attach_type = BPF_CGROUP_SETSOCKOPT;
      break;
    case emit::Flavour::kTest:
      type = BPF_PROG_TYPE_SYSCALL;
      options.prog_flags = BPF_F_SLEEPABLE;
      break;
  }
  UniqueFd fd(bpf_prog_load(type, "differential", "GPL", insns.data(),
                            insns.size(), &options));
  if (fd) return TestProgram(std::move(fd));

  std::string log(kLogBytes, '\0');
  options.log_buf = log.data();
  options.log_size = kLogBytes;
  options.log_level = 1;
  fd = UniqueFd(bpf_prog_load(type, "differential", "GPL", insns.data(),
                              insns.size(), &options));
  const int number = errno;
  log.resize(std::strlen(log.c_str()));
  constexpr std::size_t kTail = 2000;
  if (log.size() > kTail) log.erase(0, log.size() - kTail);
  return failure("load a program of " + std::to_string(insns.size()) +
                     " instructions:\n" + log,
                 number);
}

Status TestProgram::run(bailiff_test_event& event) const {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  // The kernel writes the context back where it read it.
  options.ctx_in = &event;
  options.ctx_size_in = sizeof event;
  if (bpf_prog_test_run_opts(fd_.get(), &options) != 0) {
    return failure("run a test program", errno);
  }
  return Ok{};
}

}  // namespace bailiff::test
