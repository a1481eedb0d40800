// SPDX-License-Identifier: Apache-2.0
// hook/kernel/foreign.h
// The sockets that containers have and that were made outside of them
// (hook/bpf/foreign.bpf.c).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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

// Finds them as long as it lives, and nothing of it is pinned: one that is
// loaded anew tells everything again.  One thread at a time.
class ForeignSockets {
 public:
  using Use = std::function<void(const bailiff_foreign&)>;

  // `judged` has the containers (hook/attach/judged.h).  Begins to see who
  // connects, and what attend() says; `use` is called by consume().
  // kUnsupported without Linux 6.1 or its BTF.
  static Result<ForeignSockets> load(const Map& judged, Use use);
  ForeignSockets(ForeignSockets&&) noexcept;
  ForeignSockets& operator=(ForeignSockets&&) noexcept;
  ~ForeignSockets();

  // Sees what is sent and received if there are judged containers now, and
  // otherwise not: whoever sends on this host pays for it.  With `datagrams`,
  // also to whom datagrams go, of the sockets that were told of before; each
  // time it is another than the last, and not the socket's peer.
  Status attend(bool datagrams);
  // Readable (epoll) when something was used.
  int fd() const;
  // Hands over `most` of the uses; whether there may be more.  Never blocks.
  Result<bool> consume(int most);
  // Those in the tables of descriptors now: of the process and its threads, or,
  // when it is 0, of all.  Goes through all descriptors there are.
  Result<HeldSockets> held(pid_t pid = 0) const;
  // Uses that found no room, ever.
  Result<std::uint64_t> lost() const;
  // Whether what is sent and received is seen too: since Linux 6.3.
  bool sees_all_uses() const;

 private:
  struct Impl;
  explicit ForeignSockets(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Ends the connection of the socket with that cookie, which the thread has as
// `fd`: TCP is reset, and over others nothing is sent or received any more.
// Waits for whoever uses the socket, which may be for as long as that one
// likes.  kNotFound when thread, descriptor or socket is gone; kUnsupported
// before Linux 6.9 for a thread that has descriptors of its own.
Status cut_socket(pid_t tid, int fd, std::uint64_t cookie);

}  // namespace bailiff::hook
