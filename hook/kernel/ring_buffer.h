// SPDX-License-Identifier: Apache-2.0
// hook/kernel/ring_buffer.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "hook/kernel/kernel.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// The reading end of a pinned BPF ring buffer.  One reader at a time: the
// consumer position is shared through the map, so that a new process goes on
// where the last one stopped, and what was written meanwhile is still there.
class RingBuffer {
 public:
  // Called for each record, on the thread that calls consume(); the bytes are
  // gone when it returns.
  using Record = std::function<void(std::span<const std::byte>)>;

  static Result<RingBuffer> open(const std::string& pin, Record record);
  // The same for a map that has no pin.
  static Result<RingBuffer> over(Map map, Record record);
  RingBuffer(RingBuffer&&) noexcept;
  RingBuffer& operator=(RingBuffer&&) noexcept;
  ~RingBuffer();

  // Readable (epoll) when there are records.
  int fd() const;
  // Hands over all records that are there; returns how many.  Never blocks.
  Result<int> consume();
  // The same for the first `most` of them.
  Result<int> consume(int most);

 private:
  struct Impl;
  explicit RingBuffer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Records dropped because the ring buffer was full, since the map was made.
Result<std::uint64_t> lost_records(const std::string& pin);
// `index` of another counter in the map.
Result<std::uint64_t> lost_records(const Map& map, std::uint32_t index = 0);

}  // namespace bailiff::hook
