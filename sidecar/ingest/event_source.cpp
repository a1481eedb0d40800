// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/event_source.h"

#include <utility>

#include "hook/attach/told_names.h"
#include "hook/kernel/ring_buffer.h"

namespace bailiff::sidecar {
namespace {

class RingBufferSource final : public EventSource {
 public:
  RingBufferSource(hook::RingBuffer ring, std::string lost_pin)
      : ring_(std::move(ring)), lost_pin_(std::move(lost_pin)) {}

  int fd() const override { return ring_.fd(); }
  Result<bool> consume(int most) override {
    ASSIGN_OR_RETURN(const int count, ring_.consume(most));
    return count >= most;
  }
  Result<std::uint64_t> lost() const override {
    return hook::lost_records(lost_pin_);
  }

 private:
  hook::RingBuffer ring_;
  const std::string lost_pin_;
};

class PinnedObserver final : public ObserverSource {
 public:
  PinnedObserver(hook::RingBuffer ring, hook::Pins pins)
      : ring_(std::move(ring)), pins_(std::move(pins)) {}

  int fd() const override { return ring_.fd(); }
  Result<bool> consume(int most) override {
    ASSIGN_OR_RETURN(const int count, ring_.consume(most));
    return count >= most;
  }
  Result<std::vector<hook::LostRecords>> take_lost() override {
    return hook::take_lost(pins_, kernel_);
  }
  Result<std::vector<std::uint64_t>> names_of(
      std::uint64_t cgroup_id, const IpAddress& address) override {
    return hook::told_names(pins_, cgroup_id, address, kernel_);
  }

 private:
  hook::RingBuffer ring_;
  const hook::Pins pins_;
  hook::LinuxKernel kernel_;  // of its own: others may keep theirs busy
};

}  // namespace

Result<std::unique_ptr<ObserverSource>> open_observer(
    const std::string& bpf_dir, EventSource::Record record) {
  const hook::Pins pins(bpf_dir);
  ASSIGN_OR_RETURN(
      hook::RingBuffer ring,
      hook::RingBuffer::open(hook::observer_ring(pins), std::move(record)));
  return std::unique_ptr<ObserverSource>(
      std::make_unique<PinnedObserver>(std::move(ring), pins));
}

Result<std::unique_ptr<EventSource>> open_ring_buffer(
    const std::string& bpf_dir, EventSource::Record record) {
  ASSIGN_OR_RETURN(
      hook::RingBuffer ring,
      hook::RingBuffer::open(bpf_dir + "/events", std::move(record)));
  return std::unique_ptr<EventSource>(
      std::make_unique<RingBufferSource>(std::move(ring), bpf_dir + "/lost"));
}

}  // namespace bailiff::sidecar
