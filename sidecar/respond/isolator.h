// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/isolator.h
// The seam to what takes a container off the network.
#pragma once

#include "oci/spec/container_record.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// Any thread; both take some milliseconds and may wait for an attach.
class Isolator {
 public:
  virtual ~Isolator() = default;
  // Cuts it off, all or nothing; once more is no failure and finishes what was
  // half done.
  virtual Status isolate(const oci::ContainerRecord& record) = 0;
  // Undoes it.  A container that is not isolated, or gone, is no failure.
  virtual Status release(const oci::ContainerRecord& record) = 0;
};

}  // namespace bailiff::sidecar
