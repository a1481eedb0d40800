// SPDX-License-Identifier: Apache-2.0
// sidecar/service/intake.h
// The thread that stands between an event and its response:
//
//   ring buffer record ─▶ container, policy, /proc ─▶ decide ─▶ respond ─▶
//   recorder                                          └▶ capture ─▶ respond …
//   record of the observer ─▶ process table ─▶ match ─▶ decide ─▶ respond ─▶
//   recorder
//   spool file (start) ─▶ container registry ─▶ decide ─▶ respond ─▶
//   recorder
//
// It sleeps in epoll until there is something, reads what it needs of the
// process before it ends it, and leaves everything that may wait (rendering,
// storing, delivering, waiting for the death) to the recorder.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/eval/matcher.h"
#include "sidecar/evidence/captures.h"
#include "sidecar/evidence/flight_recorder.h"
#include "sidecar/evidence/secrets.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/event_record.h"
#include "sidecar/ingest/event_source.h"
#include "sidecar/ingest/generations.h"
#include "sidecar/ingest/observed_fields.h"
#include "sidecar/ingest/process_table.h"
#include "sidecar/ingest/record_folder.h"
#include "sidecar/ingest/ring_share.h"
#include "sidecar/respond/engine.h"
#include "sidecar/service/draft.h"
#include "sidecar/service/held_answers.h"
#include "sidecar/service/kernel_side.h"
#include "sidecar/service/metrics.h"
#include "sidecar/service/recorder.h"

namespace bailiff::sidecar {

class Intake {
 public:
  // Borrowed, all of them, for the life of the intake.
  struct Parts {
    std::string run_dir;
    KernelSide& kernel;
    std::mutex& kernel_mutex;  // held for each call of `kernel`
    Generations& generations;
    Containers& containers;
    ResponseEngine& engine;
    Captures& captures;
    FlightRecorder& flight;
    Secrets secrets = Secrets::kMask;  // of captures
    Recorder& recorder;
    Metrics& metrics;
    std::function<std::shared_ptr<const Settings>()> settings;
    // Called when a container has started under another policy than the
    // current one.  Does not block.
    std::function<void()> outdated;
    // Called when a container has started, or is enforced from now on.  Does
    // not block.
    std::function<void()> started = [] {};
    // The same of one that has ended.
    std::function<void()> ended = [] {};
    // As ConnectionCuts::look(): one that ran before is enforced from now on,
    // and a packet was refused.
    std::function<void(const ContainerPtr&)> adopted = [](const ContainerPtr&) {
    };
    std::function<ConnectionCutPtr(const ContainerPtr&, const ConnectEvent&)>
        cut = [](const ContainerPtr&, const ConnectEvent&) { return nullptr; };
    // A call that was answered has returned by then, or the record of it is
    // lost.
    std::chrono::milliseconds untold_after = std::chrono::seconds(5);
  };

  // Reads what waits in RUN_DIR and in the ring buffer, then starts the
  // thread.  A ring buffer that cannot be opened is tried again every few
  // seconds: see events_problem().
  static Result<std::unique_ptr<Intake>> start(Parts parts);
  // As stop().
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // Ends the thread; what it has not read stays where it is.  Captures, the
  // recorder and whoever cuts may still hold work of this object: they have to
  // end before it.
  void stop();

  // Responds, captures before that, and has it told.  `request` is about the
  // container's record.  Any thread.
  void answer(Work work, const ContainerPtr& container,
              std::optional<ResponseRequest> request,
              std::optional<Trigger> capture);
  // A held call is about to be answered: told of once it has returned.  Any
  // thread; does not block.
  void answered(HeldAnswer answer);
  // evt.num of what is told next.  Any thread.
  std::uint64_t next_number() { return ++last_number_; }

  // Why no events are read; "" when they are.
  std::string events_problem() const;
  // Records the kernel dropped.
  std::uint64_t kernel_lost() const;

 private:
  Intake(Parts parts, FolderWatch spool_watch, UniqueFd epoll, UniqueFd wake,
         UniqueFd answered)
      : parts_(std::move(parts)),
        spool_watch_(std::move(spool_watch)),
        epoll_(std::move(epoll)),
        wake_(std::move(wake)),
        answered_(std::move(answered)) {}

  Status watch(int fd) const;
  void run();
  void bury_gone();
  void open_events();
  // Whether there is more to read.
  bool read_events();
  void on_record(std::span<const std::byte> record);
  void on_observed(std::span<const std::byte> record);
  std::vector<std::string> client_names(const Descriptor& descriptor,
                                        const Container& container);
  void push(Work work, const oci::ContainerRecord& container);
  // Counts what the queue refuses.  Any thread.
  void push_or_drop(Work work, const oci::ContainerRecord& container,
                    Recorder::WhenFull when_full);
  void open_observer();
  // Whether there is more to read.
  bool read_observer();
  // What is known of the process at an event of a hook.
  ProcessFacts process_at(const ConnectEvent& event, std::uint64_t boottime_ns);
  void on_observed(Observed observed, const ContainerPtr& container,
                   const std::optional<HeldAnswer>& told);
  void tell_unjudged(const HeldAnswer& answer, const Observed* observed,
                     const ContainerPtr& container);
  void tell_untold();
  void tell_losses();
  void tell_loss(const Loss& loss);
  void seed_processes();
  void seed_processes(const Container& container);
  KnownContainer container_of(std::uint64_t cgroup_id, std::uint64_t policy_id);
  // The container as it was under that policy, or as it will be: it may be
  // changing.  nullptr: no such policy is known.
  ContainerPtr under(const ContainerPtr& container, std::uint64_t policy_id);
  void read_spool();
  // False: it is to be read again later.
  bool take_spooled(const std::string& path);
  bool take_start(const std::string& path, oci::ContainerRecord record);
  void read_containers();
  GenerationPtr generation_of(const oci::ContainerRecord& record);

  Parts parts_;
  const FolderWatch spool_watch_;
  const UniqueFd epoll_;
  const UniqueFd wake_;      // eventfd: the end
  const UniqueFd answered_;  // eventfd: answers_ has some
  HeldAnswers answers_;
  std::atomic<std::uint64_t> last_number_{0};  // evt.num
  MatchMemory match_memory_;                   // of the thread

  ProcessTable processes_;  // of the thread
  ContainerPtr under_;      // what under() returned last
  RingShare ring_share_;    // of the thread
  // Calls whose paths their callers took away, by container; not told of yet.
  std::map<std::uint64_t, std::uint64_t> hidden_;
  // What is lost was lost before we read the ring.
  bool lost_unread_ = true;
  // Losses are asked for when something was read since.
  bool read_since_losses_ = false;
  std::chrono::steady_clock::time_point losses_told_{};

  mutable std::mutex events_mutex_;  // of the three below
  std::unique_ptr<EventSource> events_;
  std::unique_ptr<ObserverSource> observer_;
  std::string events_problem_;
  bool read_failed_ = false;         // of the thread
  std::atomic<bool> backlog_{true};  // what is read had waited for us

  std::mutex taken_mutex_;
  // Spool files whose alerts are on their way to the store.
  std::set<std::string> taken_;
  std::atomic<bool> spool_left_{false};  // some could not be taken yet

  std::chrono::steady_clock::time_point containers_read_{};
  std::thread thread_;
};

}  // namespace bailiff::sidecar
