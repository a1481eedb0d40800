// SPDX-License-Identifier: Apache-2.0
// oci/sys/child.h
#pragma once

#include <string>
#include <vector>

#include "oci/sys/pidfd.h"
#include "rules/base/result.h"

namespace bailiff {

struct ChildResult {
  int exit = -1;  // its exit status; 128 + the number of the signal it died of
  std::string out;
  std::string err;
};

// Runs a program (args[0], looked for in the system's folders when it has no
// '/') to its end, with `input` as its standard input and no environment but a
// PATH.  Of what it prints, the first MiB of each stream counts.  It is killed
// at the deadline, and that is an error.  Blocks.
Result<ChildResult> run_child(const std::vector<std::string>& args,
                              const std::string& input, Deadline deadline);

}  // namespace bailiff
