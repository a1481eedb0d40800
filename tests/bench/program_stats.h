// SPDX-License-Identifier: Apache-2.0
// tests/bench/program_stats.h
#pragma once

#include <bpf/bpf.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "hook/attach/pins.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/unique_fd.h"

namespace bailiff::test {

// What the kernel says of programs, together.
struct ProgramStats {
  std::uint64_t instructions = 0;  // as the verifier left them
  std::uint64_t native_bytes = 0;  // as the processor runs them
  std::uint64_t verified = 0;      // instructions the verifier went through
  std::uint64_t runs = 0;          // while somebody had them counted
  std::uint64_t run_ns = 0;

  double ns_per_run() const {
    return runs == 0 ? 0
                     : static_cast<double>(run_ns) / static_cast<double>(runs);
  }
  // What was counted since then.
  ProgramStats since(const ProgramStats& before) const {
    ProgramStats stats = *this;
    stats.runs -= before.runs;
    stats.run_ns -= before.run_ns;
    return stats;
  }
};

// All zero for a program that is gone.
inline ProgramStats stats_of(std::uint32_t id) {
  const UniqueFd program(bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) {
    return {};
  }
  return {.instructions = info.xlated_prog_len / sizeof(bpf_insn),
          .native_bytes = info.jited_prog_len,
          .verified = info.verified_insns,
          .runs = info.run_cnt,
          .run_ns = info.run_time_ns};
}

// Of those at one hook of a cgroup.
inline ProgramStats stats_of(int cgroup, bpf_attach_type hook) {
  ProgramStats stats;
  std::uint32_t ids[16] = {};
  std::uint32_t count = 16;
  if (bpf_prog_query(cgroup, hook, 0, nullptr, ids, &count) != 0) return stats;
  for (std::uint32_t i = 0; i < count; ++i) {
    const ProgramStats one = stats_of(ids[i]);
    stats.instructions += one.instructions;
    stats.native_bytes += one.native_bytes;
    stats.verified += one.verified;
    stats.runs += one.runs;
    stats.run_ns += one.run_ns;
  }
  return stats;
}

// Of each of a container's links, by its name ("connect4", "frame-2-…").
inline std::map<std::string, ProgramStats> stats_of_links(
    const std::string& bpf_dir, const std::string& id, hook::Kernel& kernel) {
  std::map<std::string, ProgramStats> stats;
  const auto folder = hook::Pins(bpf_dir).container(id);
  if (!folder) throw std::runtime_error(folder.error().message);
  const auto names = kernel.list(*folder);
  if (!names) throw std::runtime_error(names.error().message);
  for (const std::string& name : *names) {
    const auto link = kernel.open_link(*folder + "/" + name);
    if (!link) throw std::runtime_error(link.error().message);
    const auto state = kernel.state(*link);
    if (!state) throw std::runtime_error(state.error().message);
    stats[name] = stats_of(state->program);
  }
  return stats;
}

// While it is open, the kernel counts and times the runs of every program,
// which takes some time itself.
inline UniqueFd count_runs() {
  return UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
}

}  // namespace bailiff::test
