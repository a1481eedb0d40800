// SPDX-License-Identifier: Apache-2.0
// tests/bench/program_stats.h
#pragma once

#include <bpf/bpf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "oci/sys/unique_fd.h"

namespace bailiff::test {

// What the kernel says of the programs at one hook of a cgroup, together.
struct ProgramStats {
  std::uint64_t instructions = 0;  // as the verifier left them
  std::uint64_t native_bytes = 0;  // as the processor runs them
  std::uint64_t verified = 0;      // instructions the verifier went through
  std::uint64_t runs = 0;          // while somebody had them counted
  std::uint64_t run_ns = 0;
};

// All zero when nothing is attached.
inline ProgramStats stats_of(int cgroup, bpf_attach_type hook) {
  ProgramStats stats;
  std::uint32_t ids[16] = {};
  std::uint32_t count = 16;
  if (bpf_prog_query(cgroup, hook, 0, nullptr, ids, &count) != 0) return stats;
  for (std::uint32_t i = 0; i < count; ++i) {
    const UniqueFd program(bpf_prog_get_fd_by_id(ids[i]));
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) {
      continue;
    }
    stats.instructions += info.xlated_prog_len / sizeof(bpf_insn);
    stats.native_bytes += info.jited_prog_len;
    stats.verified += info.verified_insns;
    stats.runs += info.run_cnt;
    stats.run_ns += info.run_time_ns;
  }
  return stats;
}

// While it is open, the kernel counts and times the runs of every program,
// which takes some time itself.
inline UniqueFd count_runs() {
  return UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
}

}  // namespace bailiff::test
