// SPDX-License-Identifier: Apache-2.0
// hook/attach/scratch_cgroup.h
#pragma once

#include <string>

#include "oci/sys/cgroup.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// An empty cgroup right below the cgroup2 mount, to try things in; removed when
// this goes out of scope, which needs all that was in it to be gone by then.
class ScratchCgroup {
 public:
  // Its name is `prefix`, the number of this process, and random characters.
  // Those of the prefix whose process is gone are removed: it was killed.  (One
  // of another pid namespace may look so; while it has processes it stays.)
  [[nodiscard]] static Result<ScratchCgroup> make(const std::string& prefix);
  ScratchCgroup(ScratchCgroup&& other) noexcept
      : cgroup_(std::move(other.cgroup_)),
        path_(std::exchange(other.path_, {})) {}
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;
  ~ScratchCgroup();

  const Cgroup& cgroup() const { return cgroup_; }

 private:
  ScratchCgroup(Cgroup cgroup, std::string path)
      : cgroup_(std::move(cgroup)), path_(std::move(path)) {}

  Cgroup cgroup_;
  std::string path_;
};

}  // namespace bailiff::hook
