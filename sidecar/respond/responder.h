// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/responder.h
// The seam to the processes of a container: what is done to them at once,
// without asking whoever started the container.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "oci/spec/container_record.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// What a response waits for.
class Waiting {
 public:
  virtual ~Waiting() = default;
  // Borrowed; tells with one of events() that done() may have become true.
  virtual int fd() const = 0;
  virtual short events() const = 0;  // POLLPRI, POLLIN
  // Never blocks.
  virtual Result<bool> done() = 0;
};

// A process as an event names it: a number, and a time at which it was there.
// A number is not given again to a process that started earlier, so whatever
// process has it and had started by then is the one.
struct ProcessName {
  pid_t pid = 0;              // on the host
  std::uint64_t seen_ns = 0;  // CLOCK_BOOTTIME
};

struct ProcessesState {
  bool gone = false;    // there is none
  bool frozen = false;  // none runs
};

// Any thread.  Nothing waits but for the kernel's locks.  Errors of all:
// kNotFound, there is nothing left to respond to; kPermission, what the record
// names is not a container's alone, or must not be touched.
class Responder {
 public:
  virtual ~Responder() = default;
  // Tells every process of the container to die, at once; done when it has.
  // To be asked so once, whatever its descriptor says: what a runtime froze
  // with version 1 is thawed only then, so that nothing stands before the kill
  // of what is not.
  virtual Result<std::unique_ptr<Waiting>> kill(
      const oci::ContainerRecord& record) = 0;
  // The same for one process; kNotFound when the container has no such process
  // any more.
  virtual Result<std::unique_ptr<Waiting>> kill_process(
      const oci::ContainerRecord& record, const ProcessName& process) = 0;
  // Sends SIGTERM to the container's first process, which may ignore it; done
  // when the container is empty.
  virtual Result<std::unique_ptr<Waiting>> terminate(
      const oci::ContainerRecord& record) = 0;
  // Done when the container is empty, by whomever.
  virtual Result<std::unique_ptr<Waiting>> watch_end(
      const oci::ContainerRecord& record) = 0;
  // Done when every process has stopped.  What is half frozen stays so until
  // thaw(): call it when this takes too long.
  virtual Result<std::unique_ptr<Waiting>> freeze(
      const oci::ContainerRecord& record) = 0;
  virtual Status thaw(const oci::ContainerRecord& record) = 0;
  // Done when nobody wants the container frozen any more, or it is empty.
  virtual Result<std::unique_ptr<Waiting>> watch_thaw(
      const oci::ContainerRecord& record) = 0;
  virtual Result<ProcessesState> look(const oci::ContainerRecord& record) = 0;
};

// By the container's cgroup: cgroup.kill, or where the kernel has none by
// freezing and signalling; cgroup.freeze; processes by pidfd.
//
// What is touched is the cgroup the container was started in and no other: it
// is opened by its path, held open, and its id compared with the record's (ids
// are not used again while the host runs).  Refused, whatever a record says:
// the root of the hierarchy, our own cgroup and those above it, the containers
// of our own pod, and sandboxes, which hold the namespaces of a pod.
Result<std::unique_ptr<Responder>> make_cgroup_responder();

// The cgroup of the pod that the cgroup `relative` lies in, as the kubelet
// names them; "" when it lies in none.  Pure.
std::string pod_cgroup(const std::string& relative);

}  // namespace bailiff::sidecar
