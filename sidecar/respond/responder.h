// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/responder.h
// The seam to what ends a container.
#pragma once

#include <memory>
#include <string>

#include "oci/spec/container_record.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// A container whose processes were all told to die.
class Dying {
 public:
  virtual ~Dying() = default;
  // POLLPRI when empty() may have become true.  Borrowed.
  virtual int fd() const = 0;
  // Whether its last process has gone.  Never blocks.
  virtual Result<bool> empty() = 0;
};

class Responder {
 public:
  virtual ~Responder() = default;
  // Tells every process of the container to die, at once; does not wait.
  // kNotFound: there is nothing left to kill.  kPermission: what the record
  // names is not a container's alone.  Any thread.
  virtual Result<std::unique_ptr<Dying>> kill(
      const oci::ContainerRecord& record) = 0;
};

// Kills by cgroup.kill, or where the kernel has none by freezing and
// signalling.
//
// What is killed is the cgroup the container was started in and no other: it
// is opened by its path, held open, and its id compared with the record's (ids
// are not used again while the host runs).  The root of the hierarchy, our own
// cgroup and those above it are refused whatever a record says.
Result<std::unique_ptr<Responder>> make_cgroup_responder();

}  // namespace bailiff::sidecar
