// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/containers.h
// Which containers there are, and what applies to each.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec/container_record.h"
#include "rules/base/result.h"
#include "rules/lower/lower.h"
#include "sidecar/ingest/generations.h"

namespace bailiff::sidecar {

// Containers that have ended and are still known: events of them may be
// waiting, and people ask.  Past it the longest gone is forgotten.
inline constexpr std::size_t kRememberedContainers = 1024;

// A rule that a program judges, where it is judged by the service.
struct ForeignRule {
  std::uint32_t rule = 0;
  bool deny = false;       // some policy refuses it
  bool datagrams = false;  // it is about these alone
  // Programs for frames refuse by it, too: of all sockets, or of all but TCP's.
  bool frames = false;
  bool frames_but_tcp = false;
};

// Never changes once made.
struct Container {
  oci::ContainerRecord record;
  Facts facts;
  GenerationPtr generation;  // nullptr: not enforced, or its policy is lost
  std::vector<std::uint32_t> policies;  // that apply, in generation->policy
  // Rules its own start is judged by.
  std::vector<std::uint32_t> start_rules;
  // By which its processes and system calls are judged.
  Observation observed;
  // Which of the rules have calls refused, and which calls.
  HeldCalls held;
  // Those of them by which a program refuses IP sockets; ascending.
  std::vector<std::uint32_t> socket_rules;
  // By which connections are refused before they are made; ascending.
  std::vector<std::uint32_t> refused_connects;
  // By which packets are refused; ascending.  Not by who sends them.
  std::vector<std::uint32_t> refused_peers;
  // By which connections of sockets that were made outside are judged: those
  // the container has begun, and those it has taken.
  std::vector<ForeignRule> foreign_out, foreign_in;
};
// Shared by the registry and by events on their way.
using ContainerPtr = std::shared_ptr<const Container>;

// The record with what follows from it.  `generation` may be nullptr.
ContainerPtr make_container(oci::ContainerRecord record,
                            GenerationPtr generation);

// Whether the cgroup the container was started in still exists and has a
// process, or its first process is there, which may have left the cgroup.  When
// that cannot be told of a cgroup that exists: true.  Of one that had no cgroup
// of its own (and so is not enforced), whether its first process is there.
bool has_processes(const oci::ContainerRecord& record);

struct KnownContainer {
  ContainerPtr container;
  bool gone = false;
};

// Any thread.
class Containers {
 public:
  // Of two records with one id (runtimes use an id again) the newer one is the
  // running container, the other is remembered as gone.  False: nothing
  // changed, as it was known.
  bool add(ContainerPtr container);
  // Puts `container` in the place of the one that is known by its cgroup, or by
  // its id and start when it has none: the same with another policy.  One that
  // is not known, or is gone, is left alone.
  void update(ContainerPtr container);
  // The container with this id that had started by `time_ns` has ended; that
  // one, or nullptr when there is none.
  ContainerPtr stop(const std::string& id, std::uint64_t time_ns);

  // nullopt: never seen, or forgotten.
  std::optional<KnownContainer> by_cgroup(std::uint64_t cgroup_id) const;
  // The one whose cgroup this is or, while it exists, lies in.  Reads cgroupfs.
  std::optional<KnownContainer> by_cgroup_or_above(
      std::uint64_t cgroup_id) const;
  // By id, unique id prefix, name or NAMESPACE/POD/NAME; those that run win
  // over those that are gone.  kNotFound; kInvalidArgument when it is
  // ambiguous.
  Result<KnownContainer> by_name(const std::string& name) const;
  // By the first characters of an id, as in container.id; running ones only.
  // Same errors.
  Result<KnownContainer> by_id_prefix(const std::string& prefix) const;
  // Running ones by id, then those that are gone, the latest first.
  std::vector<KnownContainer> all() const;

 private:
  bool is_known(const oci::ContainerRecord& record) const;
  void bury(ContainerPtr container);

  mutable std::mutex mutex_;
  std::map<std::string, ContainerPtr> running_;      // by id
  std::map<std::uint64_t, ContainerPtr> by_cgroup_;  // all that have one
  std::deque<ContainerPtr> gone_;                    // latest first
};

}  // namespace bailiff::sidecar
