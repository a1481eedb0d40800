// SPDX-License-Identifier: Apache-2.0
// sidecar/service/files.h
// Reads what the user wrote: bailiff.yaml, rule files and policy files.
#pragma once

#include <set>
#include <string>

#include "rules/base/result.h"
#include "rules/document/service_config.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::sidecar {

// All refuse, naming it, a file or folder that somebody other than root could
// change.  A mistake in a file is kInvalidArgument and the message holds the
// rendered diagnostics.
Result<ServiceConfig> load_config(const std::string& path);

struct LoadedPolicy {
  CompiledPolicy policy;
  std::string warnings;  // rendered; "" when there are none
  // The lists that stand in conditions as text; see Loaded::pasted_lists.
  std::set<std::string> pasted_lists;
};

// The rule and policy files `config` names.  Also refused is a policy that
// notifies a sink `config` does not have.
Result<LoadedPolicy> load_policy(const ServiceConfig& config);

}  // namespace bailiff::sidecar
