// SPDX-License-Identifier: Apache-2.0
// oci/wrapper/seccomp_request.h
#pragma once

#include "oci/inject/seccomp.h"
#include "oci/wrapper/command_line.h"
#include "rules/base/result.h"
#include "rules/document/service_config.h"

namespace bailiff::oci {

// What seccomp has to do for the container about to be created, by the compiled
// policy and what the bundle tells of it.  No calls: nothing.  Where there is
// no compiled policy at all, it is the hook that says so.
//
// Otherwise the container's listener is expected from here on, and bailiffd was
// found to take connections, or there is an error.
Result<SeccompRequest> seccomp_request(const RuntimeCall& call,
                                       const ServiceConfig& settings);

}  // namespace bailiff::oci
