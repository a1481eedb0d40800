// SPDX-License-Identifier: Apache-2.0
// hook/attach/update.h
// What a reload does to containers that run, and what becomes of their
// networks.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
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

// The policy that a container is under.  Borrowed.
struct PolicyInForce {
  const CompiledPolicy& policy;  // its head is enough
  WholePolicy whole;
  Digest digest;
  std::uint64_t id = 0;  // short_id() of conditions_digest()
};

// Whether add_interfaces() may have something to do for the container; see
// lacks_programs() of attach.h.
Result<bool> lacks_programs(const std::string& bpf_dir,
                            const oci::ContainerRecord& container,
                            Kernel& kernel);

// Judges what leaves by interfaces that the container's network has got since
// its programs were attached, all or nothing.  Its record, where that is
// another then, is handed to `write` and returned.  Where there is no such
// interface nothing is locked.  kNotFound: the container is gone.
//
// Precondition: the policy is the one it is under.
Result<UpdatedContainers> judge_interfaces(
    const std::string& bpf_dir, const PolicyInForce& policy,
    const oci::ContainerRecord& container, const WriteRecords& write,
    Kernel& kernel);

// Has `exchange` judge what leaves by interfaces that the container's network
// has got since its programs were attached; see Exchange::add_interfaces().
// kNotFound: the container is gone.
//
// Precondition: the policy is the one it is under, as of when the exchange had
// begun.
Result<Attachment> add_interfaces(Exchange& exchange,
                                  const std::string& bpf_dir,
                                  const PolicyInForce& policy,
                                  const oci::ContainerRecord& container);

// The network namespace of a running container that has `cgroup`: the one it
// was started in, if that is known and some process is in it still; otherwise
// that of its first process or, when that is gone, of another.  nullopt when
// there is no process to tell.
struct ContainerNetwork {
  UniqueFd netns;
  bool host = false;  // it is the host's
  Network borrow() const { return {.netns = netns.get(), .host = host}; }
};
Result<std::optional<ContainerNetwork>> container_network(
    const oci::ContainerRecord& record, const Cgroup& cgroup);

}  // namespace bailiff::hook
