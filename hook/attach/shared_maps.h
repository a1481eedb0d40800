// SPDX-License-Identifier: Apache-2.0
// hook/attach/shared_maps.h
#pragma once

#include <string>

#include "hook/kernel/kernel.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// Makes BPF_DIR and pins the ring buffer and the counter of lost records there,
// unless they are, and loads the observer: what the sidecar reads can then be
// opened before the first container was attached.  Made under the same lock as
// attach() holds until it has succeeded or undone its work, so that the maps
// found here stay.
//
// kUnsupported when BPF_DIR is not on a bpffs.  That the observer cannot be
// loaded is no error here: attach() says so for a container that needs it.
Status ensure_shared_maps(const std::string& bpf_dir, Kernel& kernel);

}  // namespace bailiff::hook
