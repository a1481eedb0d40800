// SPDX-License-Identifier: Apache-2.0
// sidecar/service/connection_cuts.h
// Cuts the connections of containers that are older than what refuses them:
//
//   a packet that was refused ─┐
//   lists or rules change ─────┴▶ the container's connections ─▶ judge ─▶ cut
//
// Each is judged as its packets are, by the rules of now: a record may be old.
// A connection that is cut sends a reset, which the programs refuse and tell
// of, so there is a record of each; what is told of it waits for the cut.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hook/attach/refused_connections.h"
#include "rules/base/result.h"
#include "rules/types/value.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/event_record.h"
#include "sidecar/service/connection_cut.h"
#include "sidecar/service/draft.h"
#include "sidecar/service/kernel_side.h"

namespace bailiff::sidecar {

// Any thread; nothing but stop() blocks.
class ConnectionCuts {
 public:
  struct Parts {
    // Borrowed for the life of this object.
    const Containers& containers;
    std::function<std::shared_ptr<const Settings>()> settings;
    ConnectionCalls calls;
    // A cut waits for whoever sends over the socket.  One that takes longer is
    // left to itself, and not told of.
    std::chrono::milliseconds wait{200};
    // When it is tried again to look at a container of which that is so.
    std::chrono::milliseconds retry{1000};
  };

  explicit ConnectionCuts(Parts parts);
  // As stop().
  ~ConnectionCuts();
  ConnectionCuts(const ConnectionCuts&) = delete;
  ConnectionCuts& operator=(const ConnectionCuts&) = delete;

  // Ends the thread; what waits is known to be none.
  void stop();

  // Lists or rules have changed: of every container.
  void look();
  // It has not been judged before.
  void look(const ContainerPtr& container);
  // A packet of it was refused: what will have been cut of its connections with
  // that peer.  nullptr: it has none to be cut, too many others wait, or it is
  // not looked at again for some time.
  ConnectionCutPtr look(const ContainerPtr& container,
                        const ConnectEvent& refused);

 private:
  struct Waiting {
    IpAddress peer;
    std::uint16_t port = 0;
    ConnectionCutPtr cut;
  };
  struct Asked {
    ContainerPtr container;
    std::shared_ptr<const UniqueFd> netns;
    std::vector<Waiting> waiting;
    std::chrono::steady_clock::time_point not_before{};
  };
  class Looks;

  Asked& ask(const ContainerPtr& container);
  void run();
  void look_at(Asked asked);
  void tell_failure(const Status& done, const std::string& container);

  const Parts parts_;
  const std::shared_ptr<Looks> looks_;
  bool warned_ = false;  // of the thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Asked> asked_;  // by cgroup
  std::size_t waiting_ = 0;               // of all of them
  bool ends_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bailiff::sidecar
