// SPDX-License-Identifier: Apache-2.0
// tests/kernel/occupied.h
#pragma once

#include <linux/bpf.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "tests/kernel/host.h"

namespace bailiff::test {

// So many programs that pass everything, at what leaves tap0, for as long as
// the result lives.
inline std::vector<hook::Link> occupy(const ScratchNetwork& network, int places,
                                      hook::Kernel& kernel) {
  emit::Program passing;
  passing.flavour = emit::Flavour::kFrame;
  passing.insns = {{.code = BPF_ALU64 | BPF_MOV | BPF_K,
                    .dst_reg = BPF_REG_0,
                    .src_reg = 0,
                    .off = 0,
                    .imm = -1},
                   {.code = BPF_JMP | BPF_EXIT,
                    .dst_reg = 0,
                    .src_reg = 0,
                    .off = 0,
                    .imm = 0}};
  const auto interfaces = kernel.interfaces(network.netns());
  if (!interfaces) throw std::runtime_error(interfaces.error().message);
  const auto tap =
      std::find_if(interfaces->begin(), interfaces->end(),
                   [](const auto& one) { return one.name == "tap0"; });
  std::vector<hook::Link> links;
  for (int i = 0; i < places; ++i) {
    const auto program = kernel.load(passing, {});
    if (!program) throw std::runtime_error(program.error().message);
    auto link = kernel.attach_frames(*program, network.netns(), *tap);
    if (!link) throw std::runtime_error(link.error().message);
    links.push_back(*std::move(link));
  }
  return links;
}

}  // namespace bailiff::test
