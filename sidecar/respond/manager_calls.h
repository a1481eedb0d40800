// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/manager_calls.h
// Tells whoever manages a container what was done to it, so that its own state
// stays true: podman and Docker and containerd keep one, and a container they
// do not know to be paused cannot be resumed through them.
//
// Their command lines are what they promise to keep; a call takes a tenth of a
// second, so none stands between an event and its response.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "oci/spec/container_record.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

enum class ManagerKind : std::uint8_t {
  kNone,  // nobody keeps a state: runc by hand, CRI-O (its CRI has no pause)
  kPodman,
  kContainerd,
  kDocker,
};

struct ManagerAddress {
  ManagerKind kind = ManagerKind::kNone;
  std::string name_space;  // containerd's
  std::string address;     // of containerd's socket; "": its own default
};

enum class ManagerVerb : std::uint8_t { kPause, kResume, kStop };

// By where the bundle lies, which the runtime told the hook; nothing that is
// configured in the container counts.  Pure but for a look whether containerd's
// socket lies beside its bundles.
ManagerAddress manager_of(const oci::ContainerRecord& record);

// The command; empty when the manager has none for it.  `grace_seconds` is
// kStop's.  Pure.
std::vector<std::string> manager_command(const ManagerAddress& manager,
                                         ManagerVerb verb,
                                         const std::string& id,
                                         std::int64_t grace_seconds);

// A command that was started.
class ManagerCall {
 public:
  ManagerCall() = default;
  ManagerCall(int pid, UniqueFd process, UniqueFd said)
      : pid_(pid), process_(std::move(process)), said_(std::move(said)) {}
  // Ends it.
  ~ManagerCall();
  ManagerCall(ManagerCall&& other) noexcept;
  ManagerCall& operator=(ManagerCall&& other) noexcept;

  // Borrowed, readable when it has ended.
  int fd() const { return process_.get(); }
  // Blocks until it has ended; past the deadline it is killed.  The error says
  // what it wrote.
  Status wait(std::chrono::steady_clock::time_point deadline);

 private:
  int pid_ = -1;
  UniqueFd process_;
  UniqueFd said_;  // what it writes to its outputs
};

// Any thread.
class Managers {
 public:
  virtual ~Managers() = default;
  // Whether the container's manager has a call for it.
  virtual bool has(const oci::ContainerRecord& record, ManagerVerb verb) = 0;
  virtual Result<ManagerCall> start(const oci::ContainerRecord& record,
                                    ManagerVerb verb,
                                    std::int64_t grace_seconds) = 0;
};

// By the managers' own programs, found in the folders of a root's PATH.
class CommandManagers final : public Managers {
 public:
  bool has(const oci::ContainerRecord& record, ManagerVerb verb) override;
  Result<ManagerCall> start(const oci::ContainerRecord& record,
                            ManagerVerb verb,
                            std::int64_t grace_seconds) override;
};

}  // namespace bailiff::sidecar
