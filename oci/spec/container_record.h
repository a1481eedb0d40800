// SPDX-License-Identifier: Apache-2.0
// oci/spec/container_record.h
// What the hook writes down about a container, and the sidecar reads.
//
// RUN_DIR/containers/ID.json   one per container that is enforced; written by
//                              createRuntime, removed by poststop
// RUN_DIR/spool/SEQ-ID.json    a copy for each start ("event":"start") and a
//                              short one for each stop ("event":"stop"), in
//                              the order of SEQ (20 digits, CLOCK_REALTIME ns);
//                              removed by the sidecar when it has stored it,
//                              so that a container that came and went while
//                              the sidecar was down is still told of
// All written atomically, mode 0600.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec/facts.h"
#include "rules/base/digest.h"
#include "rules/base/result.h"

namespace bailiff::oci {

struct ContainerRecord {
  std::string event;          // "start", "adopt" or "stop"
  std::string id;             // the runtime's
  std::uint64_t time_ns = 0;  // CLOCK_REALTIME of this record
  std::int64_t pid = 0;       // of the container's init, on the host
  std::string bundle;         // "" when the runtime did not tell
  // What started it, where bailiff-runc did: the runtime, and the folder it
  // keeps its containers in ("": its default).  Both absolute.
  std::string runtime, runtime_root;
  std::string cgroup_path;  // absolute, below the cgroup2 mount
  std::uint64_t cgroup_id = 0;
  // Inode of the network namespace it was started in; 0: not known.
  std::uint64_t netns = 0;
  std::string policy;  // Digest::hex() of the compiled policy; "": none
  std::vector<std::string> programs;  // Digest::hex() of those attached
  ContainerFacts facts;
  std::vector<std::string> args;  // process.args of config.json
  std::int64_t uid = 0, gid = 0;  // process.user of config.json
  // Why the container runs without enforcement (on_failure: allow); "": it is
  // enforced.
  std::string degraded;
};

// Adds those that are not there.  False: all were.
bool add_programs(ContainerRecord& record, const std::vector<Digest>& programs);

std::string to_json(const ContainerRecord& record);
// Errors name the JSON field.  At most 4 MiB.
Result<ContainerRecord> parse_container_record(std::string_view json);

}  // namespace bailiff::oci
