// SPDX-License-Identifier: Apache-2.0
// tests/kernel/told.h
// What programs on connections have told.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "hook/kernel/ring_buffer.h"
#include "rules/abi/event.h"

namespace bailiff::test {

// Since it was asked last; `dir` is Bailiff's folder in the bpffs.
inline std::vector<bailiff_connect_event> told_in(const std::string& dir) {
  std::vector<bailiff_connect_event> told;
  auto ring = hook::RingBuffer::open(
      dir + "/events", [&](std::span<const std::byte> bytes) {
        bailiff_connect_event event{};
        ASSERT_GE(bytes.size(), sizeof(event));
        std::memcpy(&event, bytes.data(), sizeof(event));
        told.push_back(event);
      });
  EXPECT_TRUE(ring && ring->consume());
  return told;
}

}  // namespace bailiff::test
