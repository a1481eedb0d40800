// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/container_cgroup.h
#pragma once

#include "oci/spec/container_record.h"
#include "oci/sys/cgroup.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// The cgroup the container was started in and no other: it is opened by its
// path, held open, and its id compared with the record's (ids are not used
// again while the host runs).  The root of the hierarchy, our own cgroup and
// those above it are refused whatever a record says.  kNotFound: it is gone.
// kPermission: what the record names is not a container's alone.
Result<Cgroup> open_container_cgroup(const CgroupMount& mount,
                                     const oci::ContainerRecord& record);

Error container_is_gone(const oci::ContainerRecord& record);

}  // namespace bailiff::sidecar
