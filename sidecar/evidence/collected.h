// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/collected.h
// What a capture has of a container before it is written down.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "oci/spec/container_record.h"
#include "sidecar/evidence/container_files.h"
#include "sidecar/evidence/evidence_folder.h"
#include "sidecar/evidence/flight_recorder.h"
#include "sidecar/evidence/missing.h"
#include "sidecar/evidence/processes.h"
#include "sidecar/evidence/secrets.h"

namespace bailiff::sidecar {

// Why there is a capture.
struct Trigger {
  std::string kind;                   // "rule" or "operator"
  std::vector<std::string> rules;     // that matched
  std::vector<std::string> policies;  // that ask for evidence
  std::string response;               // what follows: "kill"
  std::string actor, reason;          // of an operator
};

struct CaptureRequest {
  oci::ContainerRecord record;
  Trigger trigger;
  // The container's last events, the oldest first.
  std::vector<EventLine> events;
  // The alerts that tell of it, as a JSON array; asked for when all else is
  // written, on the writer's thread.  May be empty.
  std::function<std::string()> alerts;
};

struct Collected {
  std::string id;
  std::uint64_t begun_ns = 0;  // CLOCK_REALTIME
  CaptureRequest request;
  bool running = false;  // it had a process
  bool frozen = false;
  std::string not_frozen;  // why; "": it was
  // What came when: "frozen", "collected", "responded", with the microseconds
  // since the beginning.
  struct Step {
    std::string name;
    std::int64_t microseconds = 0;
  };
  std::vector<Step> steps;
  std::int64_t limit_ms = 0;
  CollectedProcesses processes;
  ContainerFiles files;
  // The folder of its images, which the capture owns; "": there is none.
  std::string checkpoint;
  MissingList missing;
};

struct WriteOptions {
  Secrets secrets = Secrets::kMask;
  std::string node;
  // Set when what can be left out is to be left out.  Borrowed.
  const std::atomic<bool>* give_up = nullptr;
};

// Writes it down as a capture of `folder`; the summary.  On failure there is
// nothing of it.  Takes as long as the disk does, but reads the container's
// files for no longer than a minute.
Result<std::string> write_capture(Collected collected,
                                  const WriteOptions& options,
                                  EvidenceFolder& folder);

}  // namespace bailiff::sidecar
