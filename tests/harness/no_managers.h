// SPDX-License-Identifier: Apache-2.0
// tests/harness/no_managers.h
#pragma once

#include <cstdint>

#include "sidecar/respond/manager_calls.h"

namespace bailiff::sidecar {

// Nobody manages the container.
class NoManagers final : public Managers {
 public:
  bool has(const oci::ContainerRecord& /*record*/,
           ManagerVerb /*verb*/) override {
    return false;
  }
  Result<ManagerCall> start(const oci::ContainerRecord& /*record*/,
                            ManagerVerb /*verb*/,
                            std::int64_t /*grace_seconds*/) override {
    return Error{Code::kUnsupported, "no manager"};
  }
};

}  // namespace bailiff::sidecar
