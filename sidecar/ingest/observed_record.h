// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/observed_record.h
// The records of the observer (rules/abi/observe.h) as events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rules/abi/observe.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

struct Ancestor {
  std::uint32_t pid = 0;
  std::uint32_t vpid = 0;
  std::uint64_t start_ns = 0;  // CLOCK_BOOTTIME
  std::string comm;
};

// What happened to a process.  A part that is absent could not be read, or does
// not belong to the kind.
struct ObservedEvent {
  enum class Kind { kFork, kExec, kExit, kCall };

  Kind kind = Kind::kCall;
  std::uint64_t monotonic_ns = 0;
  std::uint64_t cgroup_id = 0;
  std::uint64_t policy_id = 0;                        // Generation::policy_id()
  std::uint32_t tgid = 0, tid = 0, uid = 0, gid = 0;  // as on the host
  std::string comm;
  bailiff_process process{};
  bailiff_program program{};  // kExec

  // kCall, and kExec as the call it was.
  bailiff_call call = BAILIFF_CALL_EXECVE;
  std::int64_t result = 0;
  std::uint64_t arguments[6] = {};
  std::uint64_t more[3] = {};
  bailiff_descriptor descriptor{};

  std::optional<std::vector<std::string>> args;  // argv, the first included
  std::optional<std::vector<std::string>> environment;
  std::optional<std::string> executable;
  std::optional<std::string> directory;
  std::optional<std::vector<Ancestor>> ancestors;  // the parent first
  std::optional<std::string> path, path2;          // as given
  std::optional<std::string> base, base2;          // what they are relative to
  std::optional<std::string> text;
  std::optional<std::string> file;
  std::optional<std::string> data;
  // kExec: what the kernel decided of it before the program ran.
  struct Decided {
    std::uint32_t rule = 0;
    bool open = false;  // it could not be decided; otherwise it holds
  };
  // Absent: nothing was decided.
  std::optional<std::vector<Decided>> decided;
  bool killed = false;  // before the program's first instruction
};

// Whether a record is one of the observer's.
bool is_observed_record(std::span<const std::byte> record);

// As parse_event(): nothing in the record is believed to be in bounds.
Result<ObservedEvent> parse_observed(std::span<const std::byte> record);

}  // namespace bailiff::sidecar
