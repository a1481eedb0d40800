// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/event_source.h
// The seam to where event records come from.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hook/attach/observer.h"
#include "hook/kernel/kernel.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// One thread at a time, except lost().
class EventSource {
 public:
  // Called with each record, which is gone when it returns.
  using Record = std::function<void(std::span<const std::byte>)>;

  virtual ~EventSource() = default;
  // Readable (epoll) when there are records.
  virtual int fd() const = 0;
  // Hands over the records that are there, `most` of them: who makes them may
  // be faster than who reads.  Never blocks; whether there may be more.
  virtual Result<bool> consume(int most) = 0;
  // Records that were dropped for want of room, ever.
  virtual Result<std::uint64_t> lost() const = 0;
};

// The records of the observer.  One thread at a time.
class ObserverSource {
 public:
  virtual ~ObserverSource() = default;
  // As of EventSource.
  virtual int fd() const = 0;
  virtual Result<bool> consume(int most) = 0;
  // Records that were dropped for want of room since the last time.  Waits for
  // nobody.
  virtual Result<std::vector<hook::LostRecords>> take_lost() = 0;
  // As hook::told_names().
  virtual Result<std::vector<std::uint64_t>> names_of(
      std::uint64_t cgroup_id, const IpAddress& address) = 0;
};

// The ring of the observer pinned in `bpf_dir`.
Result<std::unique_ptr<ObserverSource>> open_observer(
    const std::string& bpf_dir, EventSource::Record record);

// The ring buffer and the counter of lost records pinned in `bpf_dir`.
Result<std::unique_ptr<EventSource>> open_ring_buffer(
    const std::string& bpf_dir, EventSource::Record record);

}  // namespace bailiff::sidecar
