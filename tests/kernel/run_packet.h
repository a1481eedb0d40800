// SPDX-License-Identifier: Apache-2.0
// tests/kernel/run_packet.h
// A program for packets, run on bytes (BPF_PROG_TEST_RUN).
#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "hook/kernel/kernel.h"

namespace bailiff::test {

// Whether it lets the packet pass, which begins with its IP header.
inline bool lets_pass(const hook::Program& program,
                      const std::vector<std::uint8_t>& packet) {
  // The kernel wants the frame's header before it.
  const bool six = packet[0] >> 4 == 6;
  std::vector<std::uint8_t> frame(14);
  frame[12] = six ? 0x86 : 0x08;
  frame[13] = six ? 0xdd : 0x00;
  frame.insert(frame.end(), packet.begin(), packet.end());
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<__u32>(frame.size());
  EXPECT_EQ(::bpf_prog_test_run_opts(program.fd(), &options), 0);
  return options.retval == 1;
}

}  // namespace bailiff::test
