// SPDX-License-Identifier: Apache-2.0
// sidecar/service/kernel_side.h
// The seam to everything that enforces in the kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hook/attach/refused_connections.h"
#include "hook/attach/update.h"
#include "oci/spec/container_record.h"
#include "rules/base/digest.h"
#include "rules/base/result.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/value.h"
#include "sidecar/ingest/event_source.h"
#include "sidecar/ingest/foreign_socket.h"

namespace bailiff::sidecar {

// What is asked about connections, by any number of threads, and whatever has
// become of the KernelSide.
struct ConnectionCalls {
  using NamesOf = std::function<Result<std::vector<std::uint64_t>>(
      std::uint64_t cgroup_id, const IpAddress& address)>;
  NamesOf names_of;  // as hook::told_names()
  std::function<hook::CutConnections(const std::vector<hook::ContainerSockets>&,
                                     const hook::Refused&)>
      cut;  // as hook::cut_refused()
};

// One thread at a time.
class KernelSide {
 public:
  virtual ~KernelSide() = default;
  // Whether kernel objects can be kept here; the error says what to do.
  virtual Status check() = 0;
  // Shows that this host enforces; see hook/attach/self_test.h.  Forks.
  virtual Result<std::string> self_test() = 0;
  // Removes what containers that are gone left; their ids.
  virtual Result<std::vector<std::string>> reconcile() = 0;
  // Gives the lists of running containers the items of `policy`, whose digest
  // is `digest`.
  virtual Status publish_lists(const CompiledPolicy& policy,
                               const Digest& digest) = 0;
  // Gives running containers the conditions and the lists of `policy`; see
  // hook/attach/update.h.
  virtual Result<hook::UpdatedContainers> update_containers(
      const CompiledPolicy& policy,
      const std::vector<oci::ContainerRecord>& containers,
      const hook::WriteRecords& write) = 0;
  // Judges what leaves by interfaces that the network of a running container
  // has got; see hook/attach/update.h.
  virtual Result<hook::UpdatedContainers> judge_interfaces(
      const hook::PolicyInForce& policy, const oci::ContainerRecord& container,
      const hook::WriteRecords& write) = 0;
  // Makes the shared maps when they are not there yet.
  virtual Result<std::unique_ptr<EventSource>> open_events(
      EventSource::Record record) = 0;
  // The same for the observer.
  virtual Result<std::unique_ptr<ObserverSource>> open_observer(
      EventSource::Record record) = 0;
  // Begins to look for sockets that were made outside of their containers.
  virtual Result<std::unique_ptr<ForeignSource>> open_foreign(
      ForeignSource::Use use) = 0;
  // Takes the container off the network but for what is allowed, and cuts its
  // connections; see hook/attach/isolation.h.
  virtual Status isolate(const oci::ContainerRecord& record,
                         const std::vector<IpNetwork>& allowed) = 0;
  virtual Status release(const oci::ContainerRecord& record) = 0;
  virtual ConnectionCalls connection_calls() = 0;
};

std::unique_ptr<KernelSide> make_kernel_side(std::string bpf_dir);

}  // namespace bailiff::sidecar
