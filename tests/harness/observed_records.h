// SPDX-License-Identifier: Apache-2.0
// tests/harness/observed_records.h
// Records as the observer writes them.
#pragma once

#include <string.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/abi/observe.h"

namespace bailiff::test {

using Record = std::vector<std::byte>;

// A record's fixed part of type T, of process `pid`, and parts behind it.
template <typename T>
class RecordBuilder {
 public:
  RecordBuilder(std::uint16_t kind, std::uint32_t pid) {
    bailiff_observed_event& common = common_part();
    common.header.kind = kind;
    common.header.time_ns = 5'000'000'000;
    common.header.cgroup_id = 7;
    common.header.tgid = pid;
    common.header.tid = pid;
    common.process.start_ns = 1'000'000'000 + std::uint64_t{pid} * 10'000'000;
    common.process.vpid = pid % 1000;
    common.process.vtid = pid % 1000;
    common.process.ppid = 1;
    common.process.sid = pid;
    common.process.loginuid = UINT32_MAX;
    comm("sh");
  }
  T& fixed() { return fixed_; }
  bailiff_observed_event& common_part() {
    if constexpr (requires { fixed_.common; }) {
      return fixed_.common;
    } else {
      return fixed_;
    }
  }
  RecordBuilder& comm(std::string_view name) {
    char(&place)[BAILIFF_EVENT_COMM_LEN] = common_part().header.comm;
    ::memset(place, 0, sizeof place);
    ::memcpy(place, name.data(), name.size());
    return *this;
  }
  RecordBuilder& part(std::uint16_t part, std::string_view bytes) {
    const bailiff_part_header header{
        .part = part, .bytes = static_cast<std::uint16_t>(bytes.size())};
    append(&header, sizeof header);
    append(bytes.data(), bytes.size());
    return *this;
  }
  // One that has the pid 1000 times itself in its own namespace's numbers.
  RecordBuilder& ancestors(
      const std::vector<std::pair<std::uint32_t, std::string>>& all) {
    std::string bytes;
    for (const auto& [pid, name] : all) {
      bailiff_ancestor one{
          .start_ns = 1'000'000'000 + std::uint64_t{pid} * 10'000'000,
          .pid = pid,
          .vpid = pid % 1000};
      ::memcpy(one.comm, name.data(), name.size());
      bytes.append(reinterpret_cast<const char*>(&one), sizeof one);
    }
    if (!all.empty()) common_part().process.ppid = all.front().first;
    return part(BAILIFF_PART_ANCESTORS, bytes);
  }
  Record build() {
    common_part().header.size =
        static_cast<std::uint32_t>(sizeof fixed_ + parts_.size());
    const auto* fixed = reinterpret_cast<const std::byte*>(&fixed_);
    Record record(fixed, fixed + sizeof fixed_);
    record.insert(record.end(), parts_.begin(), parts_.end());
    return record;
  }

 private:
  void append(const void* bytes, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(bytes);
    parts_.insert(parts_.end(), first, first + size);
  }

  T fixed_{};
  Record parts_;
};

// Texts with their NULs, as in arguments and walks.
inline std::string texts(const std::vector<std::string>& all) {
  std::string bytes;
  for (const std::string& one : all) bytes += one + '\0';
  return bytes;
}

inline RecordBuilder<bailiff_observed_event> fork_record(std::uint32_t pid) {
  return {BAILIFF_EVENT_FORK, pid};
}
inline RecordBuilder<bailiff_observed_event> exit_record(std::uint32_t pid) {
  return {BAILIFF_EVENT_EXIT, pid};
}
inline RecordBuilder<bailiff_exec_event> exec_record(
    std::uint32_t pid, const std::vector<std::string>& args) {
  RecordBuilder<bailiff_exec_event> record(BAILIFF_EVENT_EXEC, pid);
  record.fixed().program.call = BAILIFF_CALL_EXECVE;
  const std::string& path = args.front();
  record.comm(std::string_view(path).substr(path.rfind('/') + 1));
  record.part(BAILIFF_PART_ARGUMENTS, texts(args));
  return record;
}
inline RecordBuilder<bailiff_call_event> call_record(std::uint32_t pid,
                                                     bailiff_call call) {
  RecordBuilder<bailiff_call_event> record(BAILIFF_EVENT_CALL, pid);
  record.fixed().call = call;
  record.fixed().descriptor.number = -1;
  return record;
}

}  // namespace bailiff::test
