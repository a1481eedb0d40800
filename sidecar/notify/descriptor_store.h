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

// A keeper answers in microseconds.  One that is stopped (SIGSTOP) never does.
inline constexpr std::chrono::seconds kKeeperLimit{5};

// One thread.  A listener whose container has ended is dropped by whoever keeps
// it; nobody needs to ask for that.
class DescriptorStore {
 public:
  virtual ~DescriptorStore() = default;
  // A copy of `fd` is kept; of two with one name the later one.  Does not wait:
  // an error with EAGAIN says that what was given before has not been taken
  // yet, and that it is to be tried again once events() is writable.
  virtual Status keep(const std::string& name, int fd) = 0;
  // Names of what was given and found no room, since the last call.
  virtual std::vector<std::string> refused() = 0;
  // How many may be kept at once; 0: refused() tells.
  virtual std::size_t most() const { return 0; }

  // Readable (poll(2)) when refused() has something; hangs up when everything
  // that was kept is lost; -1: neither ever.  Another one after renew().
  virtual int events() const = 0;
  // Whoever keeps does not take anything: events() hangs up.
  virtual void give_up() = 0;
  // After that: a store to which everything is to be given anew.
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
