// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/descriptor_store.h
// Where descriptors are while no bailiffd runs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "rules/base/result.h"
#include "sidecar/notify/descriptors.h"

namespace bailiff::sidecar {

// A keeper answers in microseconds.  One that is stopped (SIGSTOP) never does,
// and whoever waits for it answers no held call meanwhile.
inline constexpr std::chrono::seconds kKeeperLimit{5};

// One thread.  A listener whose container has ended is dropped by whoever keeps
// it; nobody needs to ask for that.
class DescriptorStore {
 public:
  virtual ~DescriptorStore() = default;
  // A copy of `fd` is kept; of two with one name the later one.  One that does
  // not take it in time is given up: then everything is lost, as lost() tells.
  virtual Status keep(const std::string& name, int fd) = 0;

  // Hangs up (poll(2)) when everything that was kept is lost; -1: it never is.
  // Another one after renew().
  virtual int lost() const = 0;
  // After that: a store to which everything is to be given anew.  Blocks until
  // it is there.
  virtual Status renew() = 0;
};

struct OpenedStore {
  std::unique_ptr<DescriptorStore> store;
  std::vector<NamedDescriptor> kept;  // by an earlier process
};

// systemd's store of the unit's descriptors where it says that it has room
// (NOTIFY_SOCKET, and FDSTORE that is not 0), otherwise a keeper, which is
// started when none runs yet: `program --keeper RUN_DIR`.  Without a program
// nothing is kept.  Fails when one that runs does not answer within `limit`.
Result<OpenedStore> open_store(const std::string& run_dir,
                               const std::string& program,
                               std::chrono::milliseconds limit = kKeeperLimit);

}  // namespace bailiff::sidecar
