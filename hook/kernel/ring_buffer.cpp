// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/ring_buffer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <utility>
#include <vector>

#include "oci/sys/errno_error.h"

namespace bailiff::hook {

// libbpf keeps a pointer to this one as the callback's context, so it never
// moves.
struct RingBuffer::Impl {
  Impl(Map events, Record consumer)
      : map(std::move(events)), record(std::move(consumer)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { ::ring_buffer__free(ring); }

  static int on_record(void* context, void* bytes, std::size_t size) {
    auto& self = *static_cast<Impl*>(context);
    self.record(std::span(static_cast<const std::byte*>(bytes), size));
    ++self.taken;
    // A negative result ends the reading behind this record.
    return self.taken == self.most ? -ECANCELED : 0;
  }

  Map map;
  Record record;
  int taken = 0;
  int most = 0;  // 0: no bound
  ::ring_buffer* ring = nullptr;
};

RingBuffer::RingBuffer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RingBuffer::RingBuffer(RingBuffer&&) noexcept = default;
RingBuffer& RingBuffer::operator=(RingBuffer&&) noexcept = default;
RingBuffer::~RingBuffer() = default;

Result<RingBuffer> RingBuffer::open(const std::string& pin, Record record) {
  UniqueFd fd(::bpf_obj_get(pin.c_str()));
  if (!fd) return errno_error("open map '" + pin + "'");
  auto ring = over(Map(std::move(fd)), std::move(record));
  if (!ring) ring.error().message += " '" + pin + "'";
  return ring;
}

Result<RingBuffer> RingBuffer::over(Map map, Record record) {
  auto impl = std::make_unique<Impl>(std::move(map), std::move(record));
  impl->ring =
      ::ring_buffer__new(impl->map.fd(), &Impl::on_record, impl.get(), nullptr);
  if (impl->ring == nullptr) return errno_error("map ring buffer");
  return RingBuffer(std::move(impl));
}

int RingBuffer::fd() const { return ::ring_buffer__epoll_fd(impl_->ring); }

Result<int> RingBuffer::consume() { return consume(0); }

Result<int> RingBuffer::consume(int most) {
  impl_->taken = 0;
  impl_->most = most;
  const int count = ::ring_buffer__consume(impl_->ring);
  if (count == -ECANCELED && impl_->taken == most) return most;
  if (count < 0) return errno_error("read ring buffer", -count);
  return count;
}

Result<std::uint64_t> lost_records(const std::string& pin) {
  UniqueFd fd(::bpf_obj_get(pin.c_str()));
  if (!fd) return errno_error("open map '" + pin + "'");
  return lost_records(Map(std::move(fd)));
}

Result<std::uint64_t> lost_records(const Map& map, std::uint32_t index) {
  const int cpus = ::libbpf_num_possible_cpus();
  if (cpus < 0) return errno_error("count the CPUs", -cpus);
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(cpus));
  if (::bpf_map_lookup_elem(map.fd(), &index, counts.data()) != 0) {
    return errno_error("read the count of lost records");
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts) sum += count;
  return sum;
}

}  // namespace bailiff::hook
