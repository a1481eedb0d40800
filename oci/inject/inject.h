// SPDX-License-Identifier: Apache-2.0
// oci/inject/inject.h
// Adds Bailiff's hooks to a container's config.json, and takes out what would
// switch them or the container's seccomp filter off.  And what no hook of a
// runtime is run for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/spec/config.h"
#include "rules/base/on_error.h"
#include "rules/base/result.h"

namespace bailiff::oci {

// Set on every container that was changed: "1:" and the digest of the hooks
// that were added.  For people and for reports.  It decides nothing, because
// whoever starts a container may set it.
inline constexpr char kMarkerAnnotation[] = "dev.bailiff.hook";

// argv[0] of the hook, by which an earlier injection is recognised.
inline constexpr char kHookName[] = "bailiff-hook";

struct HookPlan {
  std::string hook;  // absolute path of bailiff-hook
  std::string run_dir;
  std::string state_dir;
  std::string bpf_dir;
  OnError on_failure = OnError::kDeny;
  std::uint32_t timeout_seconds = 10;  // at least 1
  // What the container is started by, for its record: the runtime's absolute
  // path, and the folder of its containers.  "": not told.
  std::string runtime;
  std::string runtime_root;
};

struct Injection {
  bool changed = false;  // the document is not what it was
  // Annotations that were taken out, in the order of
  // scrubbed_annotations().
  std::vector<std::string> scrubbed;
};

// The annotations that are taken out.  All are orders to crun which containers
// can be started with where the manager passes annotations on (podman, CRI-O
// before 1.30).
const std::vector<std::string>& scrubbed_annotations();

// Pure.  Afterwards the document has exactly one createRuntime and one poststop
// hook of ours:
//   - createRuntime is the last of its stage.  The runtime runs them in order
//     and gives the container up at the first that fails, so ours is never
//     skipped; being last it sees the cgroup the process will stay in, after
//     whatever other hooks did.  Nothing of the container runs before all have.
//   - poststop is the first of its stage: a failing hook ends the stage, and
//     our cleaning up must not depend on somebody else's.
// Their environment is fixed and not empty: an empty one is taken for "inherit"
// by runc, and what is inherited may come from the image (CVE-2025-23266).
// Everything else is kept.  Doing it twice changes nothing the second time.
Result<Injection> inject(ConfigDocument& document, const HookPlan& plan);

// What is to be run, and has to succeed, before a container that was created so
// is started: program and arguments.
std::vector<std::string> start_command(const HookPlan& plan,
                                       const std::string& id);

}  // namespace bailiff::oci
