// SPDX-License-Identifier: Apache-2.0
// sidecar/service/foreign_watch.h
// The thread that looks for sockets that containers have and that were made
// outside of them, and at processes that leave their container's cgroup, of
// both of which their programs see nothing:
//
//   a use of one, as it happens ─┐
//   all descriptors, every ──────┴▶ container ─▶ judge ─▶ cut ─▶ respond, tell
//   second and at each start
//
// What it reads is everybody's descriptors: it takes its time, and never more
// than a hundredth of one processor.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "hook/kernel/foreign.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/eval/matcher.h"
#include "sidecar/evidence/captures.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/foreign_socket.h"
#include "sidecar/respond/request.h"
#include "sidecar/service/bring_back.h"
#include "sidecar/service/draft.h"
#include "sidecar/service/foreign_work.h"
#include "sidecar/service/metrics.h"
#include "sidecar/service/recorder.h"

namespace bailiff::sidecar {

class ForeignWatch {
 public:
  // Borrowed, all of them, for the life of the watch.
  struct Parts {
    std::function<Result<std::unique_ptr<ForeignSource>>(ForeignSource::Use)>
        open;
    const Containers& containers;
    Metrics& metrics;
    std::function<std::shared_ptr<const Settings>()> settings;
    std::function<std::uint64_t()> next_number;  // evt.num
    // As Intake::answer().
    std::function<void(Work, const ContainerPtr&,
                       std::optional<ResponseRequest>, std::optional<Trigger>)>
        answer;
    // As hook::cut_socket().  May be running when the watch has ended.
    std::function<Status(pid_t, int, std::uint64_t)> cut = hook::cut_socket;
    // As sidecar::bring_back().
    std::function<Result<BroughtBack>(std::uint64_t, pid_t, std::uint64_t)>
        bring_back = sidecar::bring_back;
    std::chrono::milliseconds period{1000};
    // A cut that takes longer is left to itself, and not called one.
    std::chrono::milliseconds cut_wait{200};
  };

  // What cannot be opened is tried again every few seconds: see problem().
  static Result<std::unique_ptr<ForeignWatch>> start(Parts parts);
  // As stop().
  ~ForeignWatch();
  ForeignWatch(const ForeignWatch&) = delete;
  ForeignWatch& operator=(const ForeignWatch&) = delete;

  // Has it look soon: a container has started.  Never blocks.  Any thread.
  void look();
  // Ends the thread.
  void stop();
  // Why nothing is looked for; "" when it is.
  std::string problem() const;

 private:
  struct Key {
    std::uint64_t cgroup_id = 0;
    std::uint64_t cookie = 0;
    // Of what is known of a datagram's address; else all 0.
    std::array<std::uint8_t, 16> sent_to{};
    std::uint16_t port = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Peer {
    std::vector<std::uint8_t> address;
    std::uint16_t port = 0;
    bool accepted = false;
    bool operator==(const Peer&) const = default;
  };
  // What is known of a socket, as long as it is seen.
  struct Known {
    bool told = false;
    std::uint64_t round = 0;  // in which it was seen last
    Peer peer;
    std::shared_ptr<const Matcher> judged_by;
    std::set<std::uint32_t> hits;  // rules that were told of this peer
    std::uint64_t told_ns = 0;     // when
    bool uncut = false;            // it is to be, and could not
    // Who has had it when it was looked for: tid is 0 when it was not found.
    bailiff_foreign holder{};
  };
  // One of a container that is not known yet.
  struct Waiting {
    bailiff_foreign socket{};
    std::chrono::steady_clock::time_point until;
  };
  class Cuts;

  ForeignWatch(Parts parts, UniqueFd wake);

  void run();
  std::chrono::milliseconds wait() const;
  void open();
  void attend();
  void attend_datagrams(const bailiff_foreign& socket);
  void read_uses();
  void look_now();
  void take_waiting();
  // False: whose it is, is not known yet.
  bool take(const bailiff_foreign& socket);
  void take_of(const bailiff_foreign& socket, const ContainerPtr& container);
  void take_left(const bailiff_foreign& left, const ContainerPtr& container);
  bool is_accepted(const bailiff_foreign& socket) const;
  bool judge(const bailiff_foreign& socket, Known& known, SeenForeign& seen);
  std::vector<std::string> names_of(const bailiff_foreign& socket,
                                    const Container& container);
  bool cut(bailiff_foreign held);
  void find_holder(bailiff_foreign& socket);
  void tell(SeenForeign seen);

  Parts parts_;
  const UniqueFd wake_;  // eventfd: look, or the end
  const std::shared_ptr<Cuts> cuts_;
  std::unique_ptr<ForeignSource> source_;  // of the thread, as all below
  std::chrono::steady_clock::time_point opened_{};
  std::vector<bailiff_foreign> used_;
  std::map<Key, Known> known_;
  // Inherited listeners, by container, socket's cgroup, protocol and port.
  std::set<
      std::tuple<std::uint64_t, std::uint64_t, std::uint16_t, std::uint16_t>>
      listeners_;
  // Containers that have one with datagrams, until they are gone.
  std::set<std::uint64_t> with_datagrams_;
  // Who has left, by container and where to: when that was seen last, and the
  // outcomes that were told.
  std::map<std::pair<std::uint64_t, std::uint64_t>,
           std::pair<std::uint64_t, std::set<std::string>>>
      left_;
  std::deque<Waiting> waiting_;
  std::uint64_t round_ = 1;
  bool looked_ = false;  // at all descriptors, since it was opened
  MatchMemory memory_;
  std::chrono::steady_clock::time_point next_{};      // when to look
  std::chrono::steady_clock::time_point earliest_{};  // when asked to

  mutable std::mutex mutex_;
  std::string problem_;
  bool asked_ = false;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bailiff::sidecar
