// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/engine.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "sidecar/alert/alert.h"

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
// poll(2) counts the time the host is awake, limits are of all time: looking
// this often bounds how late one is after a suspend.
constexpr std::chrono::seconds kLongestSleep{60};
// How long what replaces a container is linked to what ended it.
constexpr std::uint64_t kRememberedNs = 3600ULL * 1'000'000'000;
// Processes of one container that were killed and are remembered.
constexpr std::size_t kMaxKilledProcesses = 1024;
constexpr const char* kGone = "already gone";

// CLOCK_BOOTTIME.
std::uint64_t boottime_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t nanoseconds(std::int64_t milliseconds) {
  return static_cast<std::uint64_t>(milliseconds) * kNanosecondsPerMillisecond;
}

// When the response ends by itself; 0: it does not.
std::uint64_t until(Response response, const ResponseTerms& terms,
                    std::uint64_t now_ns) {
  std::int64_t milliseconds = 0;
  switch (response) {
    case Response::kNone:
    case Response::kKillProcess:
    case Response::kKill:
      break;
    case Response::kIsolate:
      milliseconds = terms.isolate_limit_ms;
      break;
    case Response::kPause:
      milliseconds = terms.pause_limit_ms;
      break;
    case Response::kStop:
      return now_ns + nanoseconds(terms.grace_ms);
  }
  return milliseconds == 0 ? 0 : now_ns + nanoseconds(milliseconds);
}

std::string outcome_of(const Error& error) {
  return error.code == Code::kNotFound ? kGone : "error: " + error.message;
}

}  // namespace

Workers::Workers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

Workers::~Workers() { stop(); }

void Workers::close() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void Workers::stop() {
  close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Workers::post(std::uint64_t cgroup_id, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({cgroup_id, std::move(work)});
  }
  changed_.notify_one();
}

std::deque<Workers::Queued>::iterator Workers::next() {
  return std::find_if(queue_.begin(), queue_.end(), [this](const Queued& each) {
    return !busy_.contains(each.cgroup_id);
  });
}

void Workers::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || next() != queue_.end(); });
    if (stopping_) return;
    const auto first = next();
    Queued queued = std::move(*first);
    queue_.erase(first);
    busy_.insert(queued.cgroup_id);
    lock.unlock();
    queued.work();
    lock.lock();
    // Whoever ends it looks for more, and finds what waited for it.
    busy_.erase(queued.cgroup_id);
  }
}

ResponseEngine::ResponseEngine(Parts parts, UniqueFd wake, UniqueFd stop)
    : parts_(std::move(parts)),
      wake_(std::move(wake)),
      stop_(std::move(stop)),
      budget_(parts_.limits) {}

Result<std::unique_ptr<ResponseEngine>> ResponseEngine::start(
    Parts parts, const JournalContent& content) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake || !stop) return errno_error("eventfd");
  std::unique_ptr<ResponseEngine> engine(
      new ResponseEngine(std::move(parts), std::move(wake), std::move(stop)));
  engine->recover(content);
  engine->thread_ = std::thread([raw = engine.get()] { raw->run(); });
  return engine;
}

ResponseEngine::~ResponseEngine() { stop(); }

void ResponseEngine::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  managers_.close();
  static_cast<void>(::eventfd_write(stop_.get(), 1));
  if (thread_.joinable()) thread_.join();
  acts_.stop();
  managers_.stop();
  teller_.stop();
}

void ResponseEngine::wake() const {
  // Fails only when the counter is full, and then the thread is awake.
  static_cast<void>(::eventfd_write(wake_.get(), 1));
}

void ResponseEngine::written(const Status& status) const {
  // The response is carried out all the same: not to respond would be worse
  // than not to know of it after a crash.
  if (!status) parts_.log("journal: " + status.error().message);
}

// A restart.

void ResponseEngine::recover(const JournalContent& content) {
  for (const OverBudget& over : content.over) budget_.remember(over);
  for (const Journaled& known : content.responses) {
    const Begun& begun = known.begun;
    if (!begun.policy.empty() && begun.begun_ns > content.rearmed_ns) {
      budget_.remember(begun.policy, begun.workload, begun.begun_ns);
    }
    if (known.outcome == "killed") remember_ended(begun);
    recover_one(known);
  }
}

void ResponseEngine::recover_one(const Journaled& known) {
  const Begun& begun = known.begun;
  const std::unique_lock lock(mutex_);
  if (is_over(known)) {
    if (known.told) return;
    teller_.post(
        begun.record.cgroup_id, [this, begun, outcome = known.outcome] {
          tell({.cause = begun, .outcome = outcome, .recovered = true});
        });
    return;
  }
  if (begun.response == Response::kStop && known.outcome.empty()) {
    // Killed between the signal and writing down that it was sent.  The
    // container ran when the stop was begun, so it is that which has ended.
    const Result<ProcessesState> state = parts_.responder.look(begun.record);
    if (state && state->gone) {
      teller_.post(begun.record.cgroup_id, [this, begun] {
        tell({.cause = begun, .outcome = "stopping", .recovered = true});
      });
      finish(begun, "stopped");
      return;
    }
  }
  Entry& entry = entry_of(begun.record.cgroup_id);
  active_.insert(begun.record.cgroup_id);
  if (!known.outcome.empty()) {
    if (!known.told) {
      teller_.post(
          begun.record.cgroup_id, [this, begun, outcome = known.outcome] {
            tell({.cause = begun, .outcome = outcome, .recovered = true});
          });
    }
    recover_lasting(entry, known);
    return;
  }
  // Begun, and nobody knows whether it took effect: it is made again.
  const auto again = std::make_shared<const Begun>(begun);
  begin(entry, again, make_ticket(again, true));
}

// What was in force when the process ended goes on with its time.
void ResponseEngine::recover_lasting(Entry& entry, const Journaled& known) {
  const Begun& begun = known.begun;
  Lasting lasting{.begun = begun,
                  .ticket = std::make_shared<Ticket>(begun.id, begun.response,
                                                     known.outcome)};
  const Result<ProcessesState> state = parts_.responder.look(begun.record);
  const bool gone = state && state->gone;
  switch (begun.response) {
    case Response::kNone:
    case Response::kKillProcess:
    case Response::kKill:
      return;
    case Response::kStop: {
      if (gone) {
        finish(begun, "stopped");
        return;
      }
      Result<std::unique_ptr<Waiting>> end =
          parts_.responder.watch_end(begun.record);
      if (!end) {
        finish(begun, outcome_of(end.error()));
        return;
      }
      lasting.end = *std::move(end);
      entry.stop = std::move(lasting);
      if (entry.pause) {
        end_pause(begun.record, entry.pause->begun.id);
        entry.pause.reset();
      }
      // It was asked behind what is written down, if it was.
      if (parts_.managers.has(begun.record, ManagerVerb::kStop)) {
        managers_.post(begun.record.cgroup_id,
                       [this, begun] { stop_by_manager(begun); });
      }
      return;
    }
    case Response::kPause:
    case Response::kIsolate:
      break;
  }
  if (gone) {
    const bool over = begun.response == Response::kPause &&
                      begun.then == PauseThen::kKill && begun.until_ns != 0 &&
                      begun.until_ns <= boottime_ns();
    if (over) {
      finish(begun, "killed");  // before it could be told
    } else {
      written(parts_.journal->end(begun.id));
    }
    return;
  }
  std::optional<Lasting>& place =
      begun.response == Response::kPause ? entry.pause : entry.isolation;
  place = std::move(lasting);
  if (known.undone) static_cast<void>(undo(place, begun));
}

// Beginning.

TicketPtr ResponseEngine::make_ticket(const BegunPtr& begun, bool recovered) {
  return std::make_shared<Ticket>(
      begun->id, begun->response,
      [this, begun, recovered](const std::string& outcome) {
        on_done(*begun, outcome, recovered);
      });
}

TicketPtr ResponseEngine::join(const ResponseRequest& request) const {
  const auto in_force = [&](const TicketPtr& ticket) {
    return ticket && request.response <= ticket->response() &&
           (!ticket->done() || !is_error(ticket->result().outcome));
  };
  const bool of_process = request.response == Response::kKillProcess;
  // Of a policy the strongest is enough.  A person who isolates what is paused
  // means to resume it so.
  const bool beside_pause =
      request.policy.empty() && request.response == Response::kIsolate;
  for (const auto& [id, prepared] : prepared_) {
    const auto& [begun, ticket] = prepared;
    if (begun->record.cgroup_id != request.record.cgroup_id) continue;
    if (beside_pause && begun->response == Response::kPause) continue;
    const bool other = of_process && begun->response == request.response &&
                       begun->process.pid != request.process.pid;
    if (!other && in_force(ticket)) return ticket;
  }
  const auto known = entries_.find(request.record.cgroup_id);
  if (known == entries_.end()) return nullptr;
  const Entry& entry = known->second;
  if (in_force(entry.kill)) return entry.kill;
  for (const auto* lasting : {&entry.stop, &entry.pause, &entry.isolation}) {
    if (beside_pause && lasting == &entry.pause) continue;
    if (!*lasting || (*lasting)->ending) continue;
    if (in_force((*lasting)->ticket)) return (*lasting)->ticket;
  }
  if (!of_process) return nullptr;
  const auto process = entry.processes.find(request.process.pid);
  if (process == entry.processes.end()) return nullptr;
  const auto& [begun, ticket] = process->second;
  if (!ticket->done()) return ticket;
  // Another process may have got the number since.
  const bool same = request.process.seen_ns <= begun->begun_ns;
  return same && !is_error(ticket->result().outcome) ? ticket : nullptr;
}

void ResponseEngine::take_over(const ResponseRequest& by,
                               const TicketPtr& joined) {
  if (!by.policy.empty() || by.response != joined->response()) return;
  if (by.response != Response::kPause && by.response != Response::kIsolate) {
    return;
  }
  const auto limit = [&](Begun& begun) {
    begun.until_ns = until(by.response, by.terms, boottime_ns());
    begun.then = by.terms.pause_then;
    written(parts_.journal->limit(begun.id, begun.until_ns, begun.then));
  };
  if (const auto found = prepared_.find(joined->id());
      found != prepared_.end()) {
    Begun begun = *found->second.first;
    limit(begun);
    found->second.first = std::make_shared<const Begun>(std::move(begun));
    return;
  }
  const auto entry = entries_.find(by.record.cgroup_id);
  if (entry == entries_.end()) return;
  for (auto* lasting : {&entry->second.pause, &entry->second.isolation}) {
    if (*lasting && (*lasting)->ticket == joined) limit((*lasting)->begun);
  }
  wake();
}

TicketPtr ResponseEngine::refused_by_budget(const ResponseRequest& request,
                                            const std::string& workload) {
  if (request.policy.empty()) return nullptr;  // a person knows what he does
  const Budget::Taken taken =
      budget_.take(request.policy, workload, boottime_ns());
  if (!taken.newly_over.empty()) {
    for (const OverBudget& over : taken.newly_over) {
      written(parts_.journal->over(over));
    }
    Effect effect{.outcome = "over_budget", .over = taken.newly_over};
    effect.cause.response = request.response;
    effect.cause.record = request.record;
    effect.cause.policy = request.policy;
    effect.cause.rule = request.rule;
    teller_.post(request.record.cgroup_id,
                 [this, effect = std::move(effect)] { tell(effect); });
  }
  switch (taken.answer) {
    case Budget::Answer::kGranted:
      return nullptr;
    case Budget::Answer::kOverBudget:
      return std::make_shared<Ticket>("", request.response, "over_budget");
    case Budget::Answer::kCoolingDown:
      return std::make_shared<Ticket>("", request.response, "cooling_down");
  }
  return nullptr;
}

TicketPtr ResponseEngine::prepare_locked(const ResponseRequest& request) {
  if (request.record.cgroup_path.empty()) {
    return std::make_shared<Ticket>("", request.response,
                                    "error: the container is not known");
  }
  if (request.response == Response::kKillProcess && request.process.pid <= 0) {
    return std::make_shared<Ticket>("", request.response,
                                    "error: nobody knows the process");
  }
  if (const auto known = entries_.find(request.record.cgroup_id);
      known != entries_.end() && known->second.pause) {
    look_at_pause(known->second);
  }
  if (TicketPtr joined = join(request)) {
    take_over(request, joined);
    return joined;
  }
  const std::string workload = workload_of(request.record);
  if (TicketPtr refused = refused_by_budget(request, workload)) return refused;

  const std::uint64_t now = boottime_ns();
  const auto begun = std::make_shared<const Begun>(
      Begun{.id = new_uuid(),
            .response = request.response,
            .record = request.record,
            .begun_ns = now,
            .until_ns = until(request.response, request.terms, now),
            .then = request.terms.pause_then,
            .policy = request.policy,
            .rule = request.rule,
            .actor = request.actor,
            .reason = request.reason,
            .workload = workload,
            .process = request.process});
  written(parts_.journal->begin(*begun));
  TicketPtr ticket = make_ticket(begun);
  prepared_.emplace(begun->id, std::pair(begun, ticket));
  return ticket;
}

void ResponseEngine::carry_out_locked(const TicketPtr& ticket) {
  const auto place = prepared_.find(ticket->id());
  if (place == prepared_.end()) return;
  const BegunPtr begun = std::move(place->second.first);
  prepared_.erase(place);
  begin(entry_of(begun->record.cgroup_id), begun, ticket);
  forget_some();
}

ResponseEngine::Entry& ResponseEngine::entry_of(std::uint64_t cgroup_id) {
  const auto [entry, is_new] = entries_.try_emplace(cgroup_id);
  if (is_new) order_.push_back(cgroup_id);
  return entry->second;
}

TicketPtr ResponseEngine::prepare(const ResponseRequest& request) {
  const std::lock_guard lock(mutex_);
  return prepare_locked(request);
}

void ResponseEngine::carry_out(const TicketPtr& ticket) {
  const std::lock_guard lock(mutex_);
  carry_out_locked(ticket);
}

TicketPtr ResponseEngine::respond(const ResponseRequest& request) {
  const std::lock_guard lock(mutex_);
  const std::size_t before = prepared_.size();
  TicketPtr ticket = prepare_locked(request);
  // One that was joined is carried out by whoever prepared it.
  if (prepared_.size() > before) carry_out_locked(ticket);
  return ticket;
}

void ResponseEngine::begin(Entry& entry, const BegunPtr& begun,
                           const TicketPtr& ticket) {
  const auto lasting = [&] {
    return Lasting{.begun = *begun, .ticket = ticket};
  };
  switch (begun->response) {
    case Response::kNone:
      break;
    case Response::kKillProcess:
      if (entry.processes.size() >= kMaxKilledProcesses) {
        entry.processes.clear();
      }
      entry.processes[begun->process.pid] = {begun, ticket};
      entry.dying.push_back(ticket);
      break;
    case Response::kIsolate:
      entry.isolation = lasting();
      break;
    case Response::kPause:
      entry.pause = lasting();
      break;
    case Response::kStop:
      entry.stop = lasting();
      break;
    case Response::kKill:
      entry.kill = ticket;
      break;
  }
  active_.insert(begun->record.cgroup_id);
  act(entry, *begun, ticket);
  wake();
}

void ResponseEngine::act(Entry& entry, const Begun& begun,
                         const TicketPtr& ticket) {
  const auto wait_for = [&](Result<std::unique_ptr<Waiting>> waiting,
                            const char* outcome) {
    if (waiting) {
      ticket->wait_for(*std::move(waiting), outcome);
    } else {
      ticket->finish(outcome_of(waiting.error()));
    }
  };
  switch (begun.response) {
    case Response::kNone:
      ticket->finish("none");
      return;
    case Response::kKillProcess:
      wait_for(parts_.responder.kill_process(begun.record, begun.process),
               "process killed");
      return;
    case Response::kIsolate:
      acts_.post(begun.record.cgroup_id,
                 [this, begun, ticket] { isolate(begun, ticket); });
      return;
    case Response::kPause:
      wait_for(parts_.responder.freeze(begun.record), "paused");
      return;
    case Response::kStop:
      start_stop(entry, begun, ticket);
      return;
    case Response::kKill:
      wait_for(parts_.responder.kill(begun.record), "killed");
      return;
  }
}

void ResponseEngine::start_stop(Entry& entry, const Begun& begun,
                                const TicketPtr& ticket) {
  Result<std::unique_ptr<Waiting>> end =
      parts_.responder.watch_end(begun.record);
  if (!end) {
    ticket->finish(outcome_of(end.error()));
    return;
  }
  entry.stop->end = *std::move(end);
  std::string pause;
  if (entry.pause) pause = entry.pause->begun.id;
  entry.pause.reset();
  if (parts_.managers.has(begun.record, ManagerVerb::kStop)) {
    managers_.post(begun.record.cgroup_id, [this, begun, pause] {
      // podman does not stop what it takes for paused.
      if (!pause.empty()) call_manager(begun.record, ManagerVerb::kResume);
      end_pause(begun.record, pause);
      stop_by_manager(begun);
    });
  } else {
    if (auto told = parts_.responder.terminate(begun.record); !told) {
      parts_.log(
          "stop: " + told.error().message +
          ", killing when the grace is over container=" + begun.record.id);
    }
    end_pause(begun.record, pause);
  }
  ticket->finish("stopping");
}

void ResponseEngine::end_pause(const oci::ContainerRecord& record,
                               const std::string& id) {
  if (id.empty()) return;
  // What is frozen takes no signal but SIGKILL.
  static_cast<void>(parts_.responder.thaw(record));
  written(parts_.journal->end(id));
}

void ResponseEngine::stop_by_manager(const Begun& begun) {
  const std::uint64_t now = boottime_ns();
  const std::uint64_t left = begun.until_ns > now ? begun.until_ns - now : 0;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  Result<ManagerCall> call =
      parts_.managers.start(begun.record, ManagerVerb::kStop,
                            static_cast<std::int64_t>(left / kSecond));
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(begun.record.cgroup_id);
  if (entry == entries_.end() || !entry->second.stop) return;
  if (call) {
    entry->second.stop->call = *std::move(call);
  } else {
    parts_.log("stop: " + call.error().message +
               ", signalling it ourselves container=" + begun.record.id);
    static_cast<void>(parts_.responder.terminate(begun.record));
  }
  wake();
}

void ResponseEngine::isolate(const Begun& begun, const TicketPtr& ticket) {
  const Status done = parts_.isolator.isolate(begun.record);
  ticket->finish(done ? "isolated" : outcome_of(done.error()));
}

void ResponseEngine::on_done(const Begun& begun, const std::string& now,
                             bool recovered) {
  // What is gone when the kill is made again was killed by the first one.
  const bool killed_before =
      recovered && now == kGone && begun.response == Response::kKill;
  const std::string outcome = killed_before ? "killed" : now;
  written(parts_.journal->done(begun.id, outcome));
  if (begun.response == Response::kKill && outcome == "killed") {
    remember_ended(begun);
  }
  if (begun.response == Response::kPause) {
    if (outcome == "paused") {
      managers_.post(begun.record.cgroup_id, [this, record = begun.record] {
        call_manager(record, ManagerVerb::kPause);
      });
    } else if (is_error(outcome)) {
      // What is half frozen stays so, and nobody would know.
      static_cast<void>(parts_.responder.thaw(begun.record));
    }
  }
  if (recovered) {
    teller_.post(begun.record.cgroup_id, [this, begun, outcome] {
      tell({.cause = begun, .outcome = outcome, .recovered = true});
    });
  }
}

void ResponseEngine::told(const TicketPtr& ticket) {
  if (ticket->id().empty() || !ticket->first_to_tell()) return;
  written(parts_.journal->told(ticket->id()));
}

void ResponseEngine::call_manager(const oci::ContainerRecord& record,
                                  ManagerVerb verb) {
  if (!parts_.managers.has(record, verb)) return;
  Result<ManagerCall> call = parts_.managers.start(record, verb, 0);
  const Status done = call ? wait_for_manager(*call) : Status(call.error());
  if (done) return;
  parts_.log((verb == ManagerVerb::kPause ? "pause: " : "resume: ") +
             done.error().message +
             ", its own state may differ container=" + record.id);
}

Status ResponseEngine::wait_for_manager(ManagerCall& call) const {
  auto deadline = std::chrono::steady_clock::now() + parts_.manager_limits.call;
  std::array<pollfd, 2> events{
      {{.fd = call.fd(), .events = POLLIN, .revents = 0},
       {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
  while (::poll(events.data(), events.size(), poll_timeout(deadline)) < 0 &&
         errno == EINTR) {
  }
  if (events[1].revents != 0) {
    deadline = std::min(deadline, std::chrono::steady_clock::now() +
                                      parts_.manager_limits.at_stop);
  }
  return call.wait(deadline);
}

// Undoing.

Result<TicketPtr> ResponseEngine::undo(std::optional<Lasting>& lasting,
                                       const Begun& by) {
  if (lasting->ending) {
    return Error{Code::kUnsupported, "container '" + lasting->begun.record.id +
                                         "' is being released already"};
  }
  lasting->ending = true;
  written(parts_.journal->undo(lasting->begun.id));
  Begun begun = lasting->begun;
  if (begun.response == Response::kPause) {
    ++entry_of(begun.record.cgroup_id).resumes;
  }
  begun.actor = by.actor;
  begun.reason = by.reason;
  const auto ticket = std::make_shared<Ticket>(begun.id, begun.response);
  // A manager that does not answer holds up no release.
  Workers& workers = begun.response == Response::kPause ? managers_ : acts_;
  workers.post(begun.record.cgroup_id, [this, begun, ticket] {
    undo_now(begun.response, begun, ticket);
  });
  return ticket;
}

void ResponseEngine::undo_now(Response what, const Begun& by,
                              const TicketPtr& ticket) {
  const bool pause = what == Response::kPause;
  Status done = Ok{};
  bool paused_again = false;
  if (pause) {
    call_manager(by.record, ManagerVerb::kResume);
    // Whatever the manager did; and that may have taken long.
    const std::lock_guard lock(mutex_);
    Entry& entry = entry_of(by.record.cgroup_id);
    paused_again = entry.pause && entry.pause->begun.id != by.id;
    if (entry.resumes > 0) --entry.resumes;
    if (paused_again) {
      static_cast<void>(parts_.responder.freeze(by.record));
    } else {
      done = parts_.responder.thaw(by.record);
    }
  } else {
    done = parts_.isolator.release(by.record);
  }
  std::string outcome = pause ? "resumed" : "released";
  if (!done) outcome = outcome_of(done.error());
  if (paused_again) outcome = "error: it was paused again";
  {
    const std::lock_guard lock(mutex_);
    if (const auto entry = entries_.find(by.record.cgroup_id);
        entry != entries_.end()) {
      std::optional<Lasting>& lasting =
          pause ? entry->second.pause : entry->second.isolation;
      if (lasting && lasting->begun.id == by.id) {
        // An isolation that could not be undone is still one.
        if (is_error(outcome)) {
          lasting->ending = false;
          lasting->begun.until_ns = 0;
        } else {
          lasting.reset();
        }
      }
    }
  }
  if (paused_again) wake();
  tell({.cause = by,
        .outcome = outcome,
        .actor = by.actor,
        .reason = by.reason});
  if (!by.id.empty() && (paused_again || !is_error(outcome))) {
    written(parts_.journal->end(by.id));
  }
  ticket->finish(outcome);
}

Result<TicketPtr> ResponseEngine::resume(const ResponseRequest& by) {
  Begun person{.response = Response::kPause,
               .record = by.record,
               .actor = by.actor,
               .reason = by.reason};
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(by.record.cgroup_id);
  if (entry != entries_.end() && entry->second.pause) {
    return undo(entry->second.pause, person);
  }
  ASSIGN_OR_RETURN(const ProcessesState state,
                   parts_.responder.look(by.record));
  if (state.gone || !state.frozen) {
    return Error{Code::kUnsupported, "container '" + by.record.id + "' is " +
                                         (state.gone ? "gone" : "not paused")};
  }
  ++entry_of(by.record.cgroup_id).resumes;
  const auto ticket = std::make_shared<Ticket>("", Response::kPause);
  managers_.post(by.record.cgroup_id,
                 [this, person = std::move(person), ticket] {
                   undo_now(Response::kPause, person, ticket);
                 });
  return ticket;
}

Result<TicketPtr> ResponseEngine::release(const ResponseRequest& by) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(by.record.cgroup_id);
  if (entry == entries_.end() || !entry->second.isolation ||
      !entry->second.isolation->ticket->done() ||
      is_error(entry->second.isolation->ticket->result().outcome)) {
    return Error{Code::kUnsupported,
                 "container '" + by.record.id + "' is not isolated"};
  }
  return undo(entry->second.isolation,
              {.actor = by.actor, .reason = by.reason});
}

void ResponseEngine::finish(const Begun& begun, const std::string& outcome) {
  if (outcome == "killed" || outcome == "stopped") remember_ended(begun);
  teller_.post(begun.record.cgroup_id, [this, begun, outcome] {
    tell({.cause = begun, .outcome = outcome});
    written(parts_.journal->end(begun.id));
  });
}

void ResponseEngine::tell(const Effect& effect) {
  const bool stored = parts_.tell(effect);
  if (!effect.recovered) return;
  if (stored) written(parts_.journal->told(effect.cause.id));
}

// What is asked.

bool ResponseEngine::wants_frozen(std::uint64_t cgroup_id) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(cgroup_id);
  return entry != entries_.end() && entry->second.pause.has_value();
}

Condition ResponseEngine::condition(std::uint64_t cgroup_id) const {
  const std::lock_guard lock(mutex_);
  Condition condition;
  const auto entry = entries_.find(cgroup_id);
  if (entry == entries_.end()) return condition;
  const auto of = [](const std::optional<Lasting>& lasting) {
    std::optional<Begun> begun;
    if (lasting && lasting->ticket->done()) {
      const std::string outcome = lasting->ticket->result().outcome;
      if (!is_error(outcome) && outcome != kGone) begun = lasting->begun;
    }
    return begun;
  };
  condition.paused = of(entry->second.pause);
  condition.isolated = of(entry->second.isolation);
  condition.stopping = of(entry->second.stop);
  return condition;
}

void ResponseEngine::ended(std::uint64_t cgroup_id) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(cgroup_id);
  if (entry == entries_.end()) return;
  for (auto* lasting : {&entry->second.pause, &entry->second.isolation}) {
    if (!*lasting) continue;
    written(parts_.journal->end((*lasting)->begun.id));
    lasting->reset();
  }
}

void ResponseEngine::remember_ended(const Begun& begun) {
  const std::lock_guard lock(ended_mutex_);
  ended_.push_front(begun);
  if (ended_.size() > kRememberedResponses) ended_.pop_back();
}

std::optional<Begun> ResponseEngine::replaced(
    const oci::ContainerRecord& started) const {
  const std::uint64_t now = boottime_ns();
  const std::lock_guard lock(ended_mutex_);
  for (const Begun& begun : ended_) {
    if (begun.begun_ns + kRememberedNs < now) break;
    const oci::ContainerRecord& before = begun.record;
    if (before.cgroup_id == started.cgroup_id) continue;
    const oci::ContainerFacts& facts = started.facts;
    const bool same_place =
        !facts.pod.empty() && !facts.name.empty() &&
        before.facts.pod == facts.pod &&
        before.facts.namespace_name == facts.namespace_name &&
        before.facts.name == facts.name;
    if (before.id == started.id || same_place) return begun;
  }
  return std::nullopt;
}

std::vector<OverBudget> ResponseEngine::over() {
  const std::lock_guard lock(mutex_);
  return budget_.over(boottime_ns());
}

void ResponseEngine::rearm() {
  const std::lock_guard lock(mutex_);
  budget_.rearm();
  written(parts_.journal->rearm(boottime_ns()));
}

void ResponseEngine::set_limits(const ResponseLimits& limits) {
  const std::lock_guard lock(mutex_);
  budget_.set_limits(limits);
}

void ResponseEngine::forget_some() {
  while (entries_.size() > kRememberedResponses && !order_.empty()) {
    const std::uint64_t oldest = order_.front();
    order_.pop_front();
    if (active_.contains(oldest)) {
      order_.push_back(oldest);
      return;
    }
    entries_.erase(oldest);
  }
}

// Limits.

void ResponseEngine::look_at_stop(Entry& entry, std::uint64_t now_ns) {
  Lasting& stop = *entry.stop;
  const Result<bool> over = stop.end->done();
  if (over && *over) {
    finish(stop.begun, stop.killed_ns == 0 ? "stopped" : "killed");
    entry.stop.reset();
    return;
  }
  if (stop.call) {
    pollfd event{.fd = stop.call->fd(), .events = POLLIN, .revents = 0};
    if (::poll(&event, 1, 0) > 0) {
      const Status done = stop.call->wait(std::chrono::steady_clock::now());
      stop.call.reset();
      if (!done && stop.killed_ns == 0) {
        parts_.log(
            "stop: " + done.error().message +
            ", signalling it ourselves container=" + stop.begun.record.id);
        static_cast<void>(parts_.responder.terminate(stop.begun.record));
      }
    }
  }
  if (stop.killed_ns == 0 && now_ns >= stop.begun.until_ns) {
    stop.killed_ns = now_ns;
    const auto killed = parts_.responder.kill(stop.begun.record);
    if (killed) static_cast<void>((*killed)->done());
    if (!killed && killed.error().code != Code::kNotFound) {
      finish(stop.begun, "error: " + killed.error().message);
      entry.stop.reset();
    }
    return;
  }
  const auto limit = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(kEffectLimit).count());
  if (stop.killed_ns != 0 && now_ns >= stop.killed_ns + limit) {
    finish(stop.begun, "error: not killed after " +
                           std::to_string(kEffectLimit.count()) + " s");
    entry.stop.reset();
  }
}

void ResponseEngine::look_at_failed_kill(Entry& entry,
                                         std::uint64_t now_ns) const {
  if (!entry.pause || !entry.pause->ending || !entry.kill) return;
  Begun& begun = entry.pause->begun;
  if (entry.kill->id() != begun.id || !entry.kill->done()) return;
  if (!is_error(entry.kill->result().outcome)) return;
  entry.kill.reset();
  entry.pause->ending = false;
  begun.until_ns =
      now_ns + static_cast<std::uint64_t>(parts_.kill_again.count());
}

void ResponseEngine::look_at_pause(Entry& entry) {
  Lasting& pause = *entry.pause;
  // Killing it ends the frost too.  Nobody reads a change then, and what is not
  // read is told for ever.
  if (pause.ending || entry.kill || entry.resumes > 0) {
    pause.end.reset();
    return;
  }
  if (!pause.ticket->done()) return;
  if (is_error(pause.ticket->result().outcome)) return;
  if (!pause.end) {
    Result<std::unique_ptr<Waiting>> thawed =
        parts_.responder.watch_thaw(pause.begun.record);
    if (!thawed) return;  // it is gone, and ended() will be called
    pause.end = *std::move(thawed);
  }
  const Result<bool> over = pause.end->done();
  if (over && !*over) return;
  pause.end.reset();  // it is readable from now on
  if (!over) return;
  const Result<ProcessesState> state =
      parts_.responder.look(pause.begun.record);
  if (!state || state->gone) return;
  finish(pause.begun, "resumed");
  entry.pause.reset();
}

std::uint64_t ResponseEngine::look_at(
    Entry& entry, std::uint64_t now_ns,
    std::vector<std::shared_ptr<const Waiting>>& watched) {
  std::uint64_t next = kNever;
  const auto at_most = [&next](std::uint64_t when) {
    next = std::min(next, when);
  };
  const auto soon =
      now_ns + static_cast<std::uint64_t>(
                   std::chrono::nanoseconds(kEffectLimit).count());
  const auto pending = [&](const TicketPtr& ticket) {
    // Whoever asked may have gone away.
    if (!ticket || ticket->done()) return false;
    at_most(soon);
    watched.push_back(ticket->waiting());
    return true;
  };
  pending(entry.kill);
  look_at_failed_kill(entry, now_ns);
  std::erase_if(entry.dying,
                [&](const TicketPtr& ticket) { return !pending(ticket); });
  if (entry.stop && entry.stop->ticket->done()) {
    const std::string outcome = entry.stop->ticket->result().outcome;
    if (is_error(outcome) || outcome == kGone) {
      entry.stop.reset();  // there is nothing that could end
    } else {
      look_at_stop(entry, now_ns);
    }
    if (entry.stop) {
      at_most(entry.stop->killed_ns == 0 ? entry.stop->begun.until_ns : soon);
    }
  }
  for (auto* lasting : {&entry.pause, &entry.isolation}) {
    if (!*lasting) continue;
    if (pending((*lasting)->ticket)) {
      if ((*lasting)->begun.until_ns != 0) at_most((*lasting)->begun.until_ns);
      continue;
    }
    const std::string outcome = (*lasting)->ticket->result().outcome;
    if (is_error(outcome) || outcome == kGone) {
      lasting->reset();
      continue;
    }
    if (lasting == &entry.pause) {
      look_at_pause(entry);
      if (!*lasting) continue;
    }
    const Begun& begun = (*lasting)->begun;
    if ((*lasting)->ending || begun.until_ns == 0) continue;
    if (now_ns < begun.until_ns) {
      at_most(begun.until_ns);
      continue;
    }
    if (begun.response == Response::kIsolate ||
        begun.then == PauseThen::kResume) {
      static_cast<void>(undo(*lasting, {}));
      continue;
    }
    (*lasting)->ending = true;
    entry.kill = std::make_shared<Ticket>(
        begun.id, Response::kKill, [this, begun](const std::string& killed) {
          if (is_error(killed)) {
            teller_.post(begun.record.cgroup_id, [this, begun, killed] {
              tell({.cause = begun, .outcome = killed});
            });
          } else {
            finish(begun, killed);
          }
        });
    Result<std::unique_ptr<Waiting>> waiting =
        parts_.responder.kill(begun.record);
    if (waiting) {
      entry.kill->wait_for(*std::move(waiting), "killed");
    } else {
      entry.kill->finish(outcome_of(waiting.error()));
    }
    if (pending(entry.kill)) continue;
    look_at_failed_kill(entry, now_ns);
    if (!(*lasting)->ending) at_most((*lasting)->begun.until_ns);
  }
  return next;
}

void ResponseEngine::run() {
  std::vector<pollfd> events;
  for (;;) {
    events = {{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    // Held for as long as they are polled.
    std::vector<std::shared_ptr<const Waiting>> watched;
    std::uint64_t next = kNever;
    const std::uint64_t now = boottime_ns();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (auto id = active_.begin(); id != active_.end();) {
        Entry& entry = entries_[*id];
        const std::uint64_t when = look_at(entry, now, watched);
        next = std::min(next, when);
        if (entry.stop && entry.stop->end) {
          events.push_back({.fd = entry.stop->end->fd(),
                            .events = entry.stop->end->events(),
                            .revents = 0});
          if (entry.stop->call) {
            events.push_back(
                {.fd = entry.stop->call->fd(), .events = POLLIN, .revents = 0});
          }
        }
        if (entry.pause && entry.pause->end) {
          events.push_back({.fd = entry.pause->end->fd(),
                            .events = entry.pause->end->events(),
                            .revents = 0});
        }
        const bool idle =
            when == kNever && !entry.pause && !entry.isolation && !entry.stop;
        id = idle ? active_.erase(id) : std::next(id);
      }
    }
    for (const auto& waiting : watched) {
      if (!waiting) continue;  // done since
      events.push_back(
          {.fd = waiting->fd(), .events = waiting->events(), .revents = 0});
    }
    written(
        parts_.journal->shorten(now > kRememberedNs ? now - kRememberedNs : 0));
    auto sleep =
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(
            next == kNever ? 0 : next - std::min(next, now)));
    sleep = std::min<std::chrono::milliseconds>(sleep, kLongestSleep);
    const int timeout = next == kNever ? -1 : static_cast<int>(sleep.count());
    if (::poll(events.data(), events.size(), timeout) < 0) continue;
    eventfd_t count = 0;
    if (events.front().revents != 0) ::eventfd_read(wake_.get(), &count);
  }
}

}  // namespace bailiff::sidecar
