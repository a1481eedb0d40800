// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/engine.h
// Carries out responses: each once, however many events ask for it; what takes
// effect at once on the caller's thread, what may wait on threads of its own;
// and ends what has a limit when it is over, after a restart as well.
//
//   prepare() ──▶ journal
//   carry_out() ──▶ Responder: kill, freeze, SIGTERM    (caller)
//                    └─▶ Workers: Isolator
//                    └─▶ Workers: the container's manager
//   a thread: grace, limits, deadlines ──▶ kill, thaw, release
//                    └─▶ Tell: what came of it later
//
// After kill -9 at any point, start() finds in the journal what was begun: it
// makes the step again that may or may not have been made (each is harmless
// twice), goes on waiting for what was waited for, with the times it had, and
// tells of what was carried out but not told.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/document/service_config.h"
#include "sidecar/respond/budget.h"
#include "sidecar/respond/isolator.h"
#include "sidecar/respond/journal.h"
#include "sidecar/respond/manager_calls.h"
#include "sidecar/respond/request.h"
#include "sidecar/respond/responder.h"
#include "sidecar/respond/ticket.h"

namespace bailiff::sidecar {

// Containers that were responded to and have ended, remembered so that late
// events of one get the response's outcome and not "already gone", and so that
// what replaces one can be linked to it.
inline constexpr std::size_t kRememberedResponses = 1024;

// Longest a manager's call may take, and when the engine is stopped.
struct ManagerLimits {
  std::chrono::milliseconds call = std::chrono::seconds(20);
  std::chrono::milliseconds at_stop = std::chrono::seconds(2);
};

// When the kill at a pause's limit is tried again, should it fail.
inline constexpr std::chrono::nanoseconds kKillAgain = std::chrono::minutes(1);

// Containers whose managers are called at once.  One that hangs holds up its
// own container, and no other unless as many do.
inline constexpr std::size_t kManagersAtOnce = 8;

// Work on threads of their own: that of one container in order and never two at
// once, that of several on as many threads as there are.  Any thread.
class Workers {
 public:
  explicit Workers(std::size_t threads);
  // As stop().
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  void post(std::uint64_t cgroup_id, std::function<void()> work);
  // Nothing is begun any more.  What is queued is dropped: the journal has it.
  void close();
  // Closes, and waits for what was begun.
  void stop();

 private:
  struct Queued {
    std::uint64_t cgroup_id = 0;
    std::function<void()> work;
  };
  void run();
  // The first whose container nobody works for.
  std::deque<Queued>::iterator next();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  std::set<std::uint64_t> busy_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// What came of a response after its alert, or what a restart has found.
struct Effect {
  Begun cause;
  // "resumed", "released", "stopped", "killed", "over_budget"; of a restart
  // also what respond() gives; or "error: …".
  std::string outcome;
  // The response itself is told of: the process that carried it out was killed
  // before its alert was stored, or may have been.
  bool recovered = false;
  std::string actor, reason;     // of a person who undid it
  std::vector<OverBudget> over;  // over_budget
};

// What is in force of a container.
struct Condition {
  // Each with what began it; nullopt: it is not so.
  std::optional<Begun> paused, isolated, stopping;
};

class ResponseEngine {
 public:
  // Borrowed for the life of the engine, but for `limits` and the functions.
  struct Parts {
    Responder& responder;
    Isolator& isolator;
    Managers& managers;
    ResponseLimits limits;
    std::unique_ptr<Journal> journal;
    // Stores it; on a thread of the engine, and may wait for the disk.  True
    // when it is stored, or need not be.
    std::function<bool(const Effect&)> tell;
    std::function<void(const std::string&)> log;  // one line of a failure
    std::chrono::nanoseconds kill_again = kKillAgain;
    ManagerLimits manager_limits = {};
  };

  // Goes on with what `content` has.
  static Result<std::unique_ptr<ResponseEngine>> start(
      Parts parts, const JournalContent& content);
  // As stop().
  ~ResponseEngine();
  ResponseEngine(const ResponseEngine&) = delete;
  ResponseEngine& operator=(const ResponseEngine&) = delete;

  // Ends the threads, which a manager that hangs holds up for
  // ManagerLimits::at_stop.  What is in force stays so, and the journal has it;
  // after this nothing is told.
  void stop();

  // Starts the response, or joins one as strong that is under way or in force;
  // of that a person's limit counts from then on, or that he gave none.  Never
  // nullptr; does not wait.  Any thread.
  TicketPtr respond(const ResponseRequest& request);
  // The same in two steps, for what is to be done before a response: from the
  // first on it is in the journal, and is carried out whatever becomes of this
  // process.  carry_out() of what was carried out, or of nothing, does nothing.
  TicketPtr prepare(const ResponseRequest& request);
  void carry_out(const TicketPtr& ticket);
  // The timeline has it.
  void told(const TicketPtr& ticket);

  // Undo by hand; `by` names the person.  kUnsupported when there is nothing to
  // undo.  A container that somebody else has paused can be resumed too.
  Result<TicketPtr> resume(const ResponseRequest& by);
  Result<TicketPtr> release(const ResponseRequest& by);

  Condition condition(std::uint64_t cgroup_id) const;
  // Whether its processes are to be frozen, or are about to be.
  bool wants_frozen(std::uint64_t cgroup_id) const;
  // The container has ended: nothing of it is in force any more.
  void ended(std::uint64_t cgroup_id);
  // The latest response that ended a container this one may have replaced: one
  // of the same id, or of the same name in the same pod.
  std::optional<Begun> replaced(const oci::ContainerRecord& started) const;

  std::vector<OverBudget> over();
  void rearm();
  void set_limits(const ResponseLimits& limits);

 private:
  // What a response has left in force.
  struct Lasting {
    Begun begun;
    TicketPtr ticket;
    // Of a stop: the container is empty; of a pause: it was resumed.
    std::unique_ptr<Waiting> end;
    std::optional<ManagerCall> call;  // of a stop: the manager's
    std::uint64_t killed_ns = 0;      // of a stop: the grace was over; or 0
    bool ending = false;              // undoing it is under way
  };
  // Made once and shared by what is prepared and by its ticket: all that is
  // known of a container is long to copy, and a kill would wait for it.
  using BegunPtr = std::shared_ptr<const Begun>;
  struct Entry {
    TicketPtr kill;
    std::unordered_map<pid_t, std::pair<BegunPtr, TicketPtr>> processes;
    std::vector<TicketPtr> dying;  // of those processes
    std::optional<Lasting> stop, pause, isolation;
    // Resumes under way: a thaw is theirs, and ends no later pause.
    std::size_t resumes = 0;
  };

  ResponseEngine(Parts parts, UniqueFd wake, UniqueFd stop);

  void recover(const JournalContent& content);
  void recover_one(const Journaled& known);
  void recover_lasting(Entry& entry, const Journaled& known);
  TicketPtr join(const ResponseRequest& request) const;
  TicketPtr refused_by_budget(const ResponseRequest& request,
                              const std::string& workload);
  void take_over(const ResponseRequest& by, const TicketPtr& joined);
  // All with mutex_ held.
  TicketPtr prepare_locked(const ResponseRequest& request);
  void carry_out_locked(const TicketPtr& ticket);
  Entry& entry_of(std::uint64_t cgroup_id);
  void begin(Entry& entry, const BegunPtr& begun, const TicketPtr& ticket);
  void act(Entry& entry, const Begun& begun, const TicketPtr& ticket);
  void start_stop(Entry& entry, const Begun& begun, const TicketPtr& ticket);
  Result<TicketPtr> undo(std::optional<Lasting>& lasting, const Begun& by);
  // Without it.
  TicketPtr make_ticket(const BegunPtr& begun, bool recovered = false);
  void on_done(const Begun& begun, const std::string& outcome, bool recovered);
  void isolate(const Begun& begun, const TicketPtr& ticket);
  void call_manager(const oci::ContainerRecord& record, ManagerVerb verb);
  Status wait_for_manager(ManagerCall& call) const;
  void stop_by_manager(const Begun& begun);
  // Of a container that is stopped; nothing without an id.
  void end_pause(const oci::ContainerRecord& record, const std::string& id);
  void undo_now(Response what, const Begun& by, const TicketPtr& ticket);
  void finish(const Begun& begun, const std::string& outcome);
  void tell(const Effect& effect);
  void remember_ended(const Begun& begun);

  void run();
  // When to look again, in nanoseconds of CLOCK_BOOTTIME.
  std::uint64_t look_at(Entry& entry, std::uint64_t now_ns,
                        std::vector<std::shared_ptr<const Waiting>>& watched);
  void look_at_stop(Entry& entry, std::uint64_t now_ns);
  // A kill at the limit of a pause has failed: what is paused stays so, and is
  // killed later.
  void look_at_failed_kill(Entry& entry, std::uint64_t now_ns) const;
  // Ends a pause that somebody else has ended.
  void look_at_pause(Entry& entry);
  void forget_some();
  void wake() const;
  void written(const Status& status) const;

  Parts parts_;
  const UniqueFd wake_;  // eventfd
  const UniqueFd stop_;  // eventfd, readable from stop() on

  mutable std::mutex mutex_;  // short: what it guards stands in events' way
  std::unordered_map<std::uint64_t, Entry> entries_;  // by cgroup id
  std::deque<std::uint64_t> order_;                   // oldest first
  std::set<std::uint64_t> active_;  // those that something is to come of
  // Not carried out yet, by id.
  std::unordered_map<std::string, std::pair<BegunPtr, TicketPtr>> prepared_;
  Budget budget_;
  bool stopping_ = false;

  mutable std::mutex ended_mutex_;
  std::deque<Begun> ended_;  // latest first

  // After what their work uses.
  Workers acts_{1};                    // isolation
  Workers managers_{kManagersAtOnce};  // calls of managers, and undoing
  Workers teller_{1};                  // what is told
  std::thread thread_;
};

}  // namespace bailiff::sidecar
