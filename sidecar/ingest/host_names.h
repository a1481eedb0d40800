// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/host_names.h
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff::sidecar {

// The host names the rules of a policy ask for, by the number event records
// have in their place.  Immutable; any thread.
class HostNames {
 public:
  HostNames() = default;
  explicit HostNames(const CompiledPolicy& policy);

  bool empty() const { return names_.empty(); }
  // Whether some are of clients (fd.cip.name).
  bool of_clients() const { return of_clients_; }
  // "" for the number of none.
  std::string find(std::uint64_t hash) const;

 private:
  std::vector<std::pair<std::uint64_t, std::string>> names_;  // by hash
  bool of_clients_ = false;
};

}  // namespace bailiff::sidecar
