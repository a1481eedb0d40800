// SPDX-License-Identifier: Apache-2.0
// hook/attach/update.h
// What a reload does to containers that run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "oci/spec/container_record.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::hook {

// Writes the records down; what it wrote before an error is put back by it.
using WriteRecords =
    std::function<Status(const std::vector<oci::ContainerRecord>&)>;

struct UpdatedContainers {
  std::vector<oci::ContainerRecord> records;
  // Why some of what is judged no longer could not be taken off; "": all was.
  std::string left;
  // Of what frames are not judged, and why, a line for each, which names the
  // container.
  std::vector<std::string> unjudged;
};

// Brings the containers to `policy`, its lists included: all of them or none,
// without a moment in which one is not judged (see Exchange).  Their records as
// they are now are handed to `write` when everything else is in place, and
// returned.
//
// A container that is gone is left out.  One that runs unprotected (`degraded`)
// is protected from now on; if it still cannot be, whatever is in the way, its
// record says why, and that is no error.  Exempt containers have everything
// taken off.
//
// Precondition: each has a cgroup_id.
Result<UpdatedContainers> update_containers(
    const std::string& bpf_dir, const CompiledPolicy& policy,
    const std::vector<oci::ContainerRecord>& containers,
    const WriteRecords& write, Kernel& kernel);

// The network namespace of a running container that has `cgroup`: the one it
// was started in, if that is known and some process is in it still; otherwise
// that of its first process or, when that is gone, of another.  nullopt when
// that is the host's, or when there is no process to tell.
Result<std::optional<UniqueFd>> container_netns(
    const oci::ContainerRecord& record, const Cgroup& cgroup);

}  // namespace bailiff::hook
