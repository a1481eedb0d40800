// SPDX-License-Identifier: Apache-2.0
// oci/inject/bundle.h
// inject() and inject_seccomp() on the file of a bundle.
#pragma once

#include <string>

#include "oci/inject/inject.h"
#include "oci/inject/seccomp.h"
#include "rules/base/result.h"

namespace bailiff::oci {

// Rewrites `config_path` in place: same mode, same owner, whole or not at all.
// A file that needs no change is not written.  It is not synced to disk: a
// bundle does not outlive the crash of its host.
Result<Injection> inject_into_file(const std::string& config_path,
                                   const HookPlan& plan,
                                   const SeccompRequest& seccomp = {});

}  // namespace bailiff::oci
