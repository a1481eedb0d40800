// SPDX-License-Identifier: Apache-2.0
// sidecar/service/interface_watch.h
// The thread that hears when the networks of containers get interfaces, and has
// what leaves by them judged.  Engines add some while a container runs, or
// between its creation and its start.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "hook/kernel/interface_events.h"
#include "oci/spec/container_record.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "sidecar/ingest/containers.h"

namespace bailiff::sidecar {

class InterfaceWatch {
 public:
  // Borrowed, all of them, for the life of the watch.
  struct Parts {
    const Containers& containers;
    // Of the container's network; nullopt: it has none that could be found.
    std::function<Result<std::optional<hook::InterfaceEvents>>(
        const oci::ContainerRecord&)>
        open;
    // Judges the interfaces that no program of the container is at.
    std::function<Status(const ContainerPtr&)> judge;
    // When either is tried again that failed.
    std::chrono::milliseconds retry{10000};
  };

  static Result<std::unique_ptr<InterfaceWatch>> start(Parts parts);
  // As stop().
  ~InterfaceWatch();
  InterfaceWatch(const InterfaceWatch&) = delete;
  InterfaceWatch& operator=(const InterfaceWatch&) = delete;

  // Containers have come, or have gone: the network of one that is gone is let
  // go of.  Never blocks.  Any thread.
  void look();
  // Ends the thread.
  void stop();

 private:
  struct Network {
    hook::InterfaceEvents events;
    std::set<std::uint64_t> members = {};  // containers in it, by cgroup
    // When these are to be judged.
    std::optional<std::chrono::steady_clock::time_point> due = {};
    // Until when that was done enough.
    std::chrono::steady_clock::time_point rests_until{};
  };

  InterfaceWatch(Parts parts, UniqueFd wake);

  void run();
  void wait();
  void find_networks();
  static void hear(Network& network);
  static void make_due(Network& network);
  void judge(std::uint64_t inode, Network& network);

  const Parts parts_;
  const UniqueFd wake_;                        // eventfd: look, or the end
  std::map<std::uint64_t, Network> networks_;  // of the thread, by inode
  // When those that could not be opened are tried again; of the thread, too.
  std::optional<std::chrono::steady_clock::time_point> find_again_;

  std::mutex mutex_;
  bool asked_ = true;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bailiff::sidecar
