// SPDX-License-Identifier: Apache-2.0
// hook/kernel/foreign.h
// The sockets that containers have and that were made outside of them, and the
// processes that leave their container's cgroup (hook/bpf/foreign.bpf.c).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/abi/foreign.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// Sockets that one reading tells; what is beyond is found when it is used.
inline constexpr std::size_t kMaxHeldSockets = 16384;

struct HeldSockets {
  std::vector<bailiff_foreign> sockets;  // each once for each container
  bool all = true;                       // there are no more
};

// Finds them as long as it lives; one that is loaded anew tells everything
// again.  One thread at a time.
//
// How they are used is seen beyond its life, while there are judged containers,
// by what is pinned in a folder of its own:
//   uses-FORMAT    the ring, with what nobody has read yet
//   lost-FORMAT    how many uses found no room in it
//   homes-FORMAT   which container each process is of
//   links/NAME     the tracepoints
// FORMAT is that of the records, and a ring of another one is removed unread.
// The links are removed by whoever removes the last container (judged.h).
class ForeignSockets {
 public:
  using Use = std::function<void(const bailiff_foreign&)>;

  // `judged` has the containers (hook/attach/judged.h), and `senders` gets of
  // each socket who sends over it (emit::MapKind::kSenders).  Begins to
  // see who connects and who leaves, and what attend() says; `use` is called by
  // consume(). `folder`, on a bpffs and made if it is not there, is where it is
  // pinned; "" pins nothing.  Links that are there are replaced, with no moment
  // in which neither is attached: a use may be told twice.  When it fails, each
  // of them is attached still.  kUnsupported without Linux 6.1 or its BTF.
  static Result<ForeignSockets> load(const Map& judged, const Map& senders,
                                     const std::string& folder, Use use);
  ForeignSockets(ForeignSockets&&) noexcept;
  ForeignSockets& operator=(ForeignSockets&&) noexcept;
  ~ForeignSockets();

  // Sees what is sent and received if there are judged containers now, and
  // otherwise not: whoever sends on this host pays for it.
  // With `datagrams`, also to whom datagrams go, of the sockets that were told
  // of before, if that is not the socket's peer: each destination again after
  // BAILIFF_REPEAT_NS. What is attached for a judged container is pinned, what
  // is not any more is not.
  Status attend(bool datagrams);
  // Readable (epoll) when something was used.
  int fd() const;
  // Hands over `most` of the uses; whether there may be more.  Never blocks.
  Result<bool> consume(int most);
  // Those in the tables of descriptors now: of the process and its threads, or,
  // when it is 0, of all.  Goes through all descriptors there are.
  Result<HeldSockets> held(pid_t pid = 0) const;
  // Goes through all processes: those in a container's cgroup are the
  // container's from now on, also when they leave it, and each that has left is
  // told as a use, again each time.  One that attend() was too late for is
  // known by this.
  Status look_at_tasks() const;
  // Uses that found no room, and that nobody took before.
  Result<std::uint64_t> take_lost();
  // Whether what is sent and received is seen too: since Linux 6.3.
  bool sees_all_uses() const;

 private:
  struct Impl;
  explicit ForeignSockets(std::unique_ptr<Impl> impl);
  Status take_over();
  std::unique_ptr<Impl> impl_;
};

// Ends the connection of the socket with that cookie, which the thread has as
// `fd`: TCP is reset, and over others nothing is sent or received any more.
// Waits for whoever uses the socket, which may be for as long as that one
// likes.  kNotFound when thread, descriptor or socket is gone; kUnsupported
// before Linux 6.9 for a thread that has descriptors of its own.
Status cut_socket(pid_t tid, int fd, std::uint64_t cookie);

}  // namespace bailiff::hook
