// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/test_policies.h
// `bailiff policies test`: what policy files would have made of stored events.
#pragma once

#include <string>
#include <vector>

#include "sidecar/cli/online.h"
#include "sidecar/http/client.h"

namespace bailiff::sidecar {

struct PolicyTestOptions {
  std::vector<std::string> files;  // policy files and, or not, rule files
  std::string since, until;        // as of EventsOptions
  std::string container, rule;
  std::string events;  // a file of events; "": the service's
  std::string config;  // a bailiff.yaml with limits and exempt; "": defaults
  bool all = false;    // also what would have been as it was
};

// Changes nothing.  kExitFailed when files do not load, or a line of the file
// of events is none.
int test_policies(HttpClient& client, const Terminal& terminal,
                  const PolicyTestOptions& options);

}  // namespace bailiff::sidecar
