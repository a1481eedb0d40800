// SPDX-License-Identifier: Apache-2.0
// hook/attach/attach.h
// Puts a compiled policy in front of one container, all or nothing.
//
// Pins, below BPF_DIR (a folder on a bpffs):
//   events, lost, containers,     the shared maps; they stay when the last
//   tables, told                  container goes, with what nobody read yet
//   lists/NAME~KIND               the place of a list in `tables` (tables.h)
//   programs/DIGEST               one per distinct program, shared
//   numbers/DIGEST                the places of its lists
//   users/DIGEST                  a container that uses it (unused.h)
//   links/ID/connect4, …          one folder per container, a link in it for
//                                 each hook point that judges; for frames one
//                                 for each interface and program,
//                                 links/ID/frame-INDEX-DIGEST, with
//                                 -LINK where one with that index has gone
//                                 into another network, and
//                                 links/ID/setsockopt, which guards sockets;
//                                 links/ID/isolate-…, see isolation.h
//   observer/…                    see observer.h
//   judged                        see judged.h
//   foreign/…                     see foreign.h of hook/kernel
// A link at an interface is in the folder of each container of the network that
// has its program, and ends with the last of these pins.
// NAME and ID are percent-encoded where they have bytes other than
// [A-Za-z0-9_-]: bpffs takes no name with a dot.
//
// Everything is made and removed under an exclusive flock of BPF_DIR itself, so
// that two containers that start together share one program and a removal never
// meets an attach, whoever runs either.  It is waited for at most kLockWait.
//
// Programs and lists outlive their last container: the next one most likely
// needs them again, and lists cost about 10 ms to make, which the kernel
// waits, and more when they are long.  What is unused is removed by the next
// attach that has to make something new, and by reconcile().  Who uses what is
// never counted: the kernel is asked, from link to program, and a program's
// places are what it was made with, so no crash can leave a count that is
// wrong.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hook/attach/pins.h"
#include "hook/attach/undo.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/observe.h"
#include "rules/lower/lower.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::hook {

// Attaching one container takes about a millisecond, and 11 for each interface
// of which frames are judged (the kernel waits for packets on their way);
// several hundred at once are through by then, and a runtime's hook timeout is
// longer.
inline constexpr std::chrono::seconds kLockWait{8};

// Gives a policy whose lists are all complete.  Called only when a list has to
// be made, since reading it takes as long as its lists are.  Borrowed for as
// long as the function lives.
using WholePolicy = std::function<Result<const CompiledPolicy*>()>;

// Where a container's frames leave.
struct Network {
  int netns = -1;     // borrowed; -1: it is not known, and no frames are judged
  bool host = false;  // it is the host's
};

struct AttachRequest {
  std::string bpf_dir;
  std::string container_id;
  const CompiledPolicy& policy;  // its head is enough; borrowed for the call
  WholePolicy whole_policy;
  Digest policy_digest;
  std::uint64_t policy_id = 0;  // in records: short_id() of conditions_digest()
  const Plan& plan;  // of lower(policy, facts); borrowed for the call
  Network network = {};
};

struct Attachment {
  std::vector<Digest> programs;  // attached, each once
  bool observed = false;         // by the observer
  // Of what frames are not judged, and why, a line each; empty when all are, or
  // none need be.
  std::vector<std::string> unjudged;
};

// Attaches the plan to `cgroup` so that either every program is attached and
// pinned, or none is: on failure what was done is undone, in reverse, the
// shared objects this call created included.
//
// The container must not have started: while its cgroup holds only the
// runtime's own process no event can be missed and none judged twice.
//
// A list that is in the kernel already keeps the items it has; publish_lists()
// brings it up to date.
//
// Links the same id left behind are removed, those of an isolation included; if
// they are on another cgroup that still lives, the id is in use and
// kInvalidArgument says so.
//
// Fails with kUnsupported, naming the feature, when this kernel lacks one; the
// caller decides whether the container may then start (see OnError).  Not so
// for frames: without tcx, and on interfaces of a kind nobody can read, they
// are left unjudged and Attachment says so.  The interfaces are those there are
// now; Exchange::add_interfaces() is for those that come.
// An empty plan attaches nothing and succeeds.
Result<Attachment> attach(const AttachRequest& request, const Cgroup& cgroup,
                          Kernel& kernel);

// Brings containers that run to what another policy asks, all of them or none,
// with no moment in which one is not judged: the program of a link at a cgroup
// is replaced at once, what is judged from now on is attached, as is what
// judges frames by other rules, and only when all is in place, in keep(), ends
// what is judged no longer.  So for a moment a container may be judged by some
// rules of both policies.
//
// A container that nothing is attached to yet is one whose programs are all
// new.  What it did before is not judged, nor are what it has opened as long as
// it does not use it.
class Exchange {
 public:
  // Locks BPF_DIR until the object is destroyed.  Borrows `kernel`.
  static Result<std::unique_ptr<Exchange>> begin(const std::string& bpf_dir,
                                                 Kernel& kernel);
  // Without keep(), puts back what was, the last first.
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The errors are those of attach(); after one, this container is as it was.
  Result<Attachment> add(const AttachRequest& request, const Cgroup& cgroup);
  // Of a container whose rules stay as they are: judges what leaves by the
  // interfaces of its network that have no program of it yet, as they came
  // after it was attached.  What has the programs for frames is told all the
  // same.  One that is not judged, or whose frames are not, is success.
  Result<Attachment> add_interfaces(const AttachRequest& request,
                                    const Cgroup& cgroup);
  // As publish_lists(), which would wait for the lock.
  Status publish_lists(const CompiledPolicy& policy, const Digest& digest);
  // The change is complete: it stays.  After an error too, which is about what
  // is judged no longer and could not be ended.
  Status keep();

 private:
  class Step;
  // Of the container's folder and links.
  struct Found {
    std::string folder;
    bool judged = false;  // one is not of its isolation
  };
  Result<Found> find(const AttachRequest& request, const Cgroup& cgroup);
  Exchange(const std::string& bpf_dir, Kernel& kernel)
      : pins_(bpf_dir), kernel_(kernel) {}

  Status retire(const std::string& pin);

  const Pins pins_;
  Kernel& kernel_;
  UniqueFd lock_;  // longer than what follows
  Undo folder_undo_;
  std::vector<std::unique_ptr<Undo>> undo_;  // of each container
  std::vector<std::string> retired_;         // pins of links
  std::vector<std::string> unobserved_;      // ids of containers
  std::vector<std::string> unjudged_;        // the same
  // Ids of cgroups, and of their programs for frames.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> judged_;
  // Of processes' bits, that were replaced, by cgroup id.
  std::vector<std::pair<std::uint64_t, bailiff_observed>> tables_;
};

// Whether some interface of the network has no program of the container's, as
// Exchange::add_interfaces() gives it one where it can read its frames.  Does
// not wait for the lock: a first look, for where most times there is none.
Result<bool> lacks_programs(const std::string& bpf_dir,
                            const std::string& container_id,
                            const Network& network, Kernel& kernel);

// Removes the container's links; the kernel ends those at interfaces some time
// later.  Nothing there is success: poststop may run twice.
Status detach(const std::string& bpf_dir, const std::string& container_id,
              Kernel& kernel);

// Removes what containers left whose cgroup is gone (a runtime that crashed
// runs no poststop), and each program and list no container uses.  Returns the
// ids of those containers.
Result<std::vector<std::string>> reconcile(const std::string& bpf_dir,
                                           Kernel& kernel);

}  // namespace bailiff::hook
