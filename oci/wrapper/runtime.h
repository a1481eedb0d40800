// SPDX-License-Identifier: Apache-2.0
// oci/wrapper/runtime.h
// The runtime bailiff-runc stands in front of.
#pragma once

#include <string>
#include <vector>

#include "rules/base/result.h"

namespace bailiff::oci {

// Where a runtime is looked for when none is configured.  The environment's
// PATH is not asked: it is the caller's.
const std::vector<std::string>& runtime_folders();

// `configured`, an absolute path, or when it is "" the first runc, else the
// first crun, in `folders`.  It must be an executable that nobody but root can
// change (check_trusted), and not this program itself: an explicit one is then
// refused, in a search it is passed over, so that bailiff-runc may be installed
// under the name runc.
Result<std::string> find_runtime(
    const std::string& configured,
    const std::vector<std::string>& folders = runtime_folders());

// Whether the runtime runs createRuntime hooks when it restores a container
// from a checkpoint.  runc does; crun does not, and of others it is not known.
// Told by the name of the file behind all links.
bool runs_hooks_on_restore(const std::string& runtime);

// Replaces this process by the runtime, with our environment as it is.  Returns
// only to say why that failed.
Error execute(const std::string& runtime, const std::vector<std::string>& args);

}  // namespace bailiff::oci
