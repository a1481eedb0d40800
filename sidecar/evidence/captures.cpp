// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/captures.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/process.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/evidence/pace.h"

namespace bailiff::sidecar {
namespace {

using Clock = std::chrono::steady_clock;

// Captures that failed and are still shown.
constexpr std::size_t kRememberedFailures = 64;
// How often what is too old is looked for.
constexpr std::chrono::hours kRetainEvery{1};
constexpr std::size_t kMaxMark = 4096;
// How often it is asked how long a checkpoint has become.
constexpr std::chrono::milliseconds kLookAgain{50};
constexpr std::uint64_t kMib = std::uint64_t{1024} * 1024;

std::string marks_folder(const std::string& run_dir) {
  return run_dir + "/frozen";
}

// The number of its cgroup; behind it, when a checkpoint is made, the process
// that makes it, when that started, and whether it was frozen before.
Status write_mark(const std::string& run_dir, const std::string& container,
                  const std::string& text) {
  return write_atomically(marks_folder(run_dir) + "/" + container, text, 0600,
                          Durability::kProcess);
}

std::optional<Interrupted> read_mark(const std::string& container,
                                     std::string_view text) {
  std::array<std::uint64_t, 4> numbers{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::uint64_t& number : numbers) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) break;
    at = next == end ? end : next + 1;
  }
  // What a crash left of one.
  if (numbers[0] == 0) return std::nullopt;
  return Interrupted{.container = container,
                     .cgroup_id = numbers[0],
                     .checkpoint = {static_cast<pid_t>(numbers[1]), numbers[2]},
                     .was_frozen = numbers[3] != 0};
}

// Whether somebody else had the cgroup frozen before.
bool is_frozen_already(const Cgroup& cgroup) {
  const UniqueFd fd(
      ::openat(cgroup.fd(), "cgroup.freeze", O_RDONLY | O_CLOEXEC));
  char value = '0';
  return fd && ::pread(fd.get(), &value, 1, 0) == 1 && value == '1';
}

}  // namespace

// One capture on its way.  Its collector, the clock and whoever joins it share
// it; the writer is its last owner.
struct Captures::Capture {
  Capture(CaptureRequest request, std::chrono::milliseconds limit,
          std::string marks_in,
          std::function<bool(std::uint64_t cgroup_id)> stays_frozen)
      : begun(Clock::now()),
        pace(begun, limit),
        run_dir(std::move(marks_in)),
        keeps_frozen(std::move(stays_frozen)),
        cgroup_id(request.record.cgroup_id),
        container(request.record.id) {
    collected.begun_ns = now_ns();
    collected.id = EvidenceFolder::new_id(collected.begun_ns);
    collected.limit_ms = limit.count();
    collected.request = std::move(request);
    id = collected.id;
  }

  void step(const std::string& name) {
    const std::lock_guard lock(mutex);
    collected.steps.push_back(
        {name, std::chrono::duration_cast<std::chrono::microseconds>(
                   Clock::now() - begun)
                   .count()});
  }

  // False when the response was given: the caller responds itself.
  bool join(const Respond& respond, Leaves leaves) {
    const std::lock_guard lock(mutex);
    if (responded) return false;
    waiting.push_back(respond);
    if (leaves == Leaves::kNothing) waits_for_no_checkpoint = true;
    return true;
  }

  // Whether the clock is to respond; nullopt when nobody knows when that will
  // be, as a checkpoint is being made.
  std::optional<Clock::time_point> respond_at() {
    const std::lock_guard lock(mutex);
    if (run != nullptr && !waits_for_no_checkpoint) return std::nullopt;
    return pace.response_due();
  }

  // Carries out what waits, and thaws.  Once: who comes second waits for the
  // first.
  void respond() {
    std::call_once(once, [this] {
      std::vector<Respond> ready;
      {
        const std::lock_guard lock(mutex);
        responded = true;
        cut_off();
        ready.swap(waiting);
      }
      pace.respond();
      for (const Respond& each : ready) each(id);
      step("responded");
      const std::lock_guard lock(mutex);
      thaw();
    });
  }

  // Stops every process, or says why not.
  void freeze(const Cgroup& of) {
    std::string problem;
    {
      const std::lock_guard lock(mutex);
      if (responded) {
        problem = "the response went first";
      } else if (is_frozen_already(of)) {
        collected.frozen = true;
        was_frozen = true;
        return;
      } else {
        Status frozen =
            write_mark(run_dir, container, std::to_string(cgroup_id));
        if (frozen) frozen = of.freeze();
        if (!frozen) problem = frozen.error().message;
        // Also when it failed: half frozen it would stay so.
        cgroup = &of;
      }
    }
    if (problem.empty()) {
      // Half of the limit: an unfrozen capture is worth more than none.
      const Clock::time_point until =
          Clock::now() + std::chrono::milliseconds(pace.limit()) / 2;
      const Result<bool> stopped = of.wait_frozen(until);
      if (!stopped) {
        problem = stopped.error().message;
      } else if (!*stopped) {
        problem = "not all of its processes stopped in time";
      }
    }
    const std::lock_guard lock(mutex);
    collected.frozen = problem.empty();
    collected.not_frozen = problem;
    if (!problem.empty()) thaw();
  }

  // Lets a checkpoint be made of what is frozen; false when the response goes
  // first.  The run is this capture's until end().
  Result<bool> begin(CheckpointRun& made, const Cgroup& of) {
    const std::lock_guard lock(mutex);
    if (responded || Clock::now() >= pace.response_due()) return false;
    RETURN_IF_ERROR(write_mark(run_dir, container,
                               std::to_string(cgroup_id) + " " +
                                   std::to_string(made.process().pid) + " " +
                                   std::to_string(made.process().ticks) +
                                   (was_frozen ? " 1" : " 0")));
    run = &made;
    dumped = &of;
    made.go();
    return true;
  }

  // Ends the checkpoint, with the container frozen.  Once: what was thawed
  // behind the response since is not frozen again, however long the dying
  // takes.  Precondition: the mutex is held.
  void cut_off() {
    if (run == nullptr || is_cut_off) return;
    // A thread that criu lets go of stops before it is back in its program.
    static_cast<void>(dumped->freeze());
    run->end();
    is_cut_off = true;
  }

  // Whether it was cut off.
  bool end() {
    const std::lock_guard lock(mutex);
    run = nullptr;
    dumped = nullptr;
    if (was_frozen) ::unlink((marks_folder(run_dir) + "/" + container).c_str());
    return is_cut_off;
  }

  // Precondition: the mutex is held.
  void thaw() {
    if (cgroup == nullptr) return;
    // A person may have paused it meanwhile.
    const auto stays = [this] {
      return keeps_frozen && keeps_frozen(cgroup_id);
    };
    const bool left = stays();
    // One that fails is of a cgroup that is gone, or tried again when the
    // service starts, by the mark.
    const bool settled = left || cgroup->thaw();
    // Or between the question and the thaw.
    if (!left && stays()) static_cast<void>(cgroup->freeze());
    if (settled) {
      ::unlink((marks_folder(run_dir) + "/" + container).c_str());
    }
    cgroup = nullptr;
  }

  // Nothing waits for its collector any more: it must not hold up those that
  // answer events.  Precondition: it is among those that collect.
  void demote() const {
    const sched_param ordinary{};
    if (thread != 0) ::sched_setscheduler(thread, SCHED_OTHER, &ordinary);
  }

  const Clock::time_point begun;
  std::atomic<pid_t> thread{0};
  Pace pace;
  const std::string run_dir;
  const std::function<bool(std::uint64_t cgroup_id)> keeps_frozen;
  const std::uint64_t cgroup_id;
  const std::string container;
  std::string id;

  std::mutex mutex;  // of what follows
  std::vector<Respond> waiting;
  bool waits_for_no_checkpoint = false;  // one of them
  bool responded = false;
  bool was_frozen = false;         // by somebody else
  const Cgroup* cgroup = nullptr;  // that we froze: held by its collector
  // While a checkpoint is made: what makes it, and of what.
  CheckpointRun* run = nullptr;
  const Cgroup* dumped = nullptr;
  bool is_cut_off = false;
  std::once_flag once;

  bool is_collected = false;
  // Of the collector, then of the writer; `steps`, `frozen` and `not_frozen`
  // of the mutex until then.
  Collected collected;
};

struct Captures::Shared {
  using CapturePtr = std::shared_ptr<Capture>;

  struct Recent {
    std::uint64_t cgroup_id;
    std::string id;
    Clock::time_point since;
  };

  Shared(CaptureOptions given, EvidenceFolder& kept)
      : options(std::move(given)), folder(kept) {}

  CapturePtr under_way(std::uint64_t cgroup_id) const {
    for (const CapturePtr& each : collecting) {
      if (each->cgroup_id == cgroup_id) return each;
    }
    return nullptr;
  }

  std::optional<std::string> recent_of(std::uint64_t cgroup_id) {
    const Clock::time_point now = Clock::now();
    while (!recent.empty() && recent.front().since + kQuiet < now) {
      recent.pop_front();
    }
    for (const Recent& each : recent) {
      if (each.cgroup_id == cgroup_id) return each.id;
    }
    return std::nullopt;
  }

  // Of what is frozen, unless the response goes first.
  void make_checkpoint(Capture& capture, const Cgroup& cgroup) {
    const Status made = checkpoint(capture, cgroup);
    if (made) {
      capture.step("checkpoint");
    } else {
      capture.collected.missing.add("checkpoint", made.error().message);
    }
  }

  static Error too_late(const Capture& capture) {
    return Error{Code::kExhausted,
                 "the limit of " +
                     std::to_string(capture.pace.limit().count()) +
                     " ms had passed before it was begun"};
  }

  Status checkpoint(Capture& capture, const Cgroup& cgroup) {
    Collected& collected = capture.collected;
    if (!options.no_checkpoint.empty()) {
      return Error{Code::kUnsupported, options.no_checkpoint};
    }
    if (!collected.frozen) {
      return Error{Code::kUnsupported,
                   "the container was not frozen: " + collected.not_frozen};
    }
    // Also of a service that has ended: the folder may be gone with it.
    if (capture.pace.is_due()) return too_late(capture);
    // What is there twice for a moment, here and in the archive.
    const std::uint64_t most =
        std::min(options.checkpoint_bytes, folder.room() / 2);
    const std::uint64_t needed = memory_of(collected.processes.processes);
    if (needed > most) {
      return Error{Code::kExhausted,
                   "its processes have " + std::to_string(needed / kMib) +
                       " MiB of memory, and there is room for " +
                       std::to_string(most / kMib)};
    }
    ASSIGN_OR_RETURN(const std::string images,
                     folder.begin_checkpoint(capture.id));
    Status dumped = dump(capture, cgroup, images, most);
    if (dumped) {
      collected.checkpoint = images;
    } else {
      folder.end_checkpoint(capture.id);
    }
    return dumped;
  }

  // Into a folder, and not more than so many bytes.
  static Status dump(Capture& capture, const Cgroup& cgroup,
                     const std::string& images, std::uint64_t most) {
    ASSIGN_OR_RETURN(
        const std::vector<std::string> command,
        checkpoint_command(capture.collected.request.record, images));
    ASSIGN_OR_RETURN(CheckpointRun run,
                     CheckpointRun::prepare(command, images));
    ASSIGN_OR_RETURN(const bool begun, capture.begin(run, cgroup));
    if (!begun) return too_late(capture);
    std::string problem;
    while (!run.wait_ended(Clock::now() + kLookAgain)) {
      if (checkpoint_bytes(images) > most) {
        problem =
            "it became longer than " + std::to_string(most / kMib) + " MiB";
      } else if (capture.pace.is_over()) {
        problem = "it took too long";
      } else {
        continue;
      }
      const std::lock_guard lock(capture.mutex);
      capture.cut_off();
    }
    const bool cut_off = capture.end();
    const int exit = run.reap();
    if (cut_off) {
      if (problem.empty()) problem = capture.pace.reason("it was cut off");
      return Error{Code::kExhausted,
                   problem +
                       "; what criu had done to the processes is not "
                       "undone, and those that go on may fail"};
    }
    RETURN_IF_ERROR(freeze_again(capture, cgroup));
    if (exit != 0) {
      return Error{Code::kIo,
                   checkpoint_failure(command.front(), exit, images)};
    }
    return Ok{};
  }

  // criu freezes what it found frozen before it lets go of it; a runtime that
  // does not tell it how, leaves it running.
  static Status freeze_again(Capture& capture, const Cgroup& cgroup) {
    const std::lock_guard lock(capture.mutex);
    if (capture.responded || is_frozen_already(cgroup)) return Ok{};
    capture.collected.missing.add(
        "frozen",
        "the runtime let it go on behind the checkpoint, until it "
        "was frozen again");
    return cgroup.freeze();
  }

  // Freezes, reads, responds.
  void collect(Capture& capture) {
    Collected& collected = capture.collected;
    const oci::ContainerRecord& record = collected.request.record;
    const Result<Cgroup> cgroup = options.open_cgroup(record);
    if (cgroup) {
      capture.freeze(*cgroup);
      if (collected.frozen) capture.step("frozen");
    } else {
      collected.not_frozen = cgroup.error().message;
      collected.missing.add("processes", cgroup.error().message);
      collected.missing.add("cgroup", cgroup.error().message);
    }
    collected.files =
        open_container_files(record, capture.pace, collected.missing);
    if (cgroup) {
      collected.processes =
          read_processes(*cgroup, capture.pace, collected.missing);
      collected.running = !collected.processes.processes.empty();
      read_counters(record, *cgroup, capture.pace, collected.files,
                    collected.missing);
    }
    if (collected.files.upper) {
      collected.files.upper->list(capture.pace, collected.missing);
    }
    capture.step("collected");
    if (options.checkpoint_bytes > 0) {
      if (cgroup) {
        make_checkpoint(capture, *cgroup);
      } else {
        collected.missing.add("checkpoint", cgroup.error().message);
      }
    }
    // Before the cgroup is closed.
    capture.respond();
  }

  void write(const CapturePtr& capture) {
    if (!capture->is_collected) collect(*capture);
    const std::string container = capture->container;
    Result<std::string> written = write_capture(std::move(capture->collected),
                                                {.secrets = options.secrets,
                                                 .node = options.node,
                                                 .give_up = &stopping},
                                                folder);
    folder.end_checkpoint(capture->id);
    if (!written && options.log) {
      options.log("write evidence '" + capture->id +
                  "': " + written.error().message + " container=" + container);
    }
    const std::lock_guard lock(mutex);
    writing = nullptr;
    if (written) {
      ++counts.complete;
    } else {
      ++counts.failed;
      failed.push_back({.id = capture->id,
                        .container = container,
                        .state = "failed",
                        .error = written.error().message});
      if (failed.size() > kRememberedFailures) failed.pop_front();
    }
    changed.notify_all();
  }

  const CaptureOptions options;
  EvidenceFolder& folder;
  std::atomic<bool> stopping{false};

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::list<CapturePtr> collecting;  // each has a thread
  std::deque<CapturePtr> unwritten;
  CapturePtr writing;
  std::deque<PendingCapture> failed;
  std::deque<Recent> recent;  // oldest first
  CaptureCounts counts;
  bool closed = false;     // nothing is begun any more
  bool abandoned = false;  // nothing is written any more
};

struct Captures::Threads {
  std::thread clock;
  std::thread writer;
};

Captures::Captures(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), threads_(std::make_unique<Threads>()) {}

Result<std::unique_ptr<Captures>> Captures::start(CaptureOptions options,
                                                  EvidenceFolder& folder) {
  const std::string marks = marks_folder(options.run_dir);
  if (::mkdir(marks.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_error("make folder '" + marks + "'");
  }
  RETURN_IF_ERROR(folder.retain(std::chrono::system_clock::now(),
                                std::chrono::steady_clock::now()));
  std::unique_ptr<Captures> captures(
      new Captures(std::make_shared<Shared>(std::move(options), folder)));
  Shared* const shared = captures->shared_.get();
  try {
    // Lets the response go at the limit of each capture.
    captures->threads_->clock = std::thread([shared] {
      prefer_this_thread();
      std::unique_lock lock(shared->mutex);
      for (;;) {
        std::vector<Shared::CapturePtr> due;
        Clock::time_point next = Clock::time_point::max();
        for (const Shared::CapturePtr& each : shared->collecting) {
          if (each->pace.responded()) continue;
          const auto at = each->respond_at();
          if (shared->closed || (at && *at <= Clock::now())) {
            due.push_back(each);
            each->demote();
          } else if (at) {
            next = std::min(next, *at);
          }
        }
        if (!due.empty()) {
          lock.unlock();
          for (const Shared::CapturePtr& each : due) each->respond();
          due.clear();
          lock.lock();
          continue;
        }
        if (shared->closed) return;
        if (next == Clock::time_point::max()) {
          shared->changed.wait(lock);
        } else {
          shared->changed.wait_until(lock, next);
        }
      }
    });
    captures->threads_->writer = std::thread([shared] {
      std::unique_lock lock(shared->mutex);
      Clock::time_point retain_at = Clock::now() + kRetainEvery;
      for (;;) {
        const bool more = shared->changed.wait_until(lock, retain_at, [&] {
          return shared->abandoned || !shared->unwritten.empty();
        });
        if (shared->abandoned) return;
        if (more) {
          shared->writing = std::move(shared->unwritten.front());
          shared->unwritten.pop_front();
          const Shared::CapturePtr capture = shared->writing;
          lock.unlock();
          shared->write(capture);
        } else {
          lock.unlock();
        }
        retain_at = Clock::now() + kRetainEvery;
        // What cannot be removed is tried again.
        static_cast<void>(
            shared->folder.retain(std::chrono::system_clock::now(),
                                  std::chrono::steady_clock::now()));
        lock.lock();
      }
    });
  } catch (const std::system_error& e) {
    return Error{Code::kExhausted,
                 std::string("start the threads of captures: ") + e.what()};
  }
  return captures;
}

Captures::~Captures() { stop(Clock::now()); }

void Captures::stop(Clock::time_point deadline) {
  {
    std::unique_lock lock(shared_->mutex);
    shared_->closed = true;
    shared_->changed.notify_all();
    shared_->changed.wait_until(lock, deadline, [this] {
      return shared_->collecting.empty() && shared_->unwritten.empty() &&
             shared_->writing == nullptr;
    });
    shared_->stopping = true;
    shared_->abandoned = true;
    shared_->changed.notify_all();
  }
  if (threads_->clock.joinable()) threads_->clock.join();
  if (threads_->writer.joinable()) threads_->writer.join();
}

std::string Captures::begin(CaptureRequest request, const Respond& respond,
                            Leaves leaves, When when) {
  const std::uint64_t cgroup_id = request.record.cgroup_id;
  std::unique_lock lock(shared_->mutex);
  if (const Shared::CapturePtr known = shared_->under_way(cgroup_id)) {
    const bool waits = known->join(respond, leaves);
    // It may be one that waits for no checkpoint.
    shared_->changed.notify_all();
    lock.unlock();
    if (!waits) respond(known->id);
    return known->id;
  }
  if (when == When::kUnlessRecent) {
    if (const auto recent = shared_->recent_of(cgroup_id)) {
      lock.unlock();
      respond(*recent);
      return *recent;
    }
  }
  if (shared_->closed || shared_->unwritten.size() >= kMaxUnwritten) {
    ++shared_->counts.refused;
    lock.unlock();
    respond("");
    return "";
  }
  const auto capture = std::make_shared<Capture>(
      std::move(request), shared_->options.limit, shared_->options.run_dir,
      shared_->options.keeps_frozen);
  std::string id = capture->id;
  static_cast<void>(capture->join(respond, leaves));
  shared_->recent.push_back({cgroup_id, id, Clock::now()});
  const bool at_once = shared_->options.limit.count() == 0;
  if (shared_->collecting.size() < kMaxCollectors) {
    shared_->collecting.push_back(capture);
    lock.unlock();
    if (at_once) capture->respond();
    try {
      // It may outlive this object: it only knows what it shares.
      std::thread([shared = shared_, capture] {
        // A response waits for it, until the clock says otherwise.
        prefer_this_thread();
        capture->thread = ::gettid();
        shared->collect(*capture);
        const std::lock_guard last(shared->mutex);
        capture->is_collected = true;
        shared->collecting.remove(capture);
        if (!shared->abandoned) shared->unwritten.push_back(capture);
        shared->changed.notify_all();
      }).detach();
      shared_->changed.notify_all();
      return id;
    } catch (const std::system_error&) {
      lock.lock();
      shared_->collecting.remove(capture);
    }
  }
  // Behind the response the writer collects what is left.
  lock.unlock();
  capture->respond();
  lock.lock();
  shared_->unwritten.push_back(capture);
  shared_->changed.notify_all();
  return id;
}

void Captures::respond(std::uint64_t cgroup_id, const Respond& respond,
                       Leaves leaves) {
  Shared::CapturePtr known;
  bool waits = false;
  {
    const std::lock_guard lock(shared_->mutex);
    known = shared_->under_way(cgroup_id);
    waits = known && known->join(respond, leaves);
    shared_->changed.notify_all();
  }
  if (!waits) respond(known ? known->id : "");
}

bool Captures::wait(const std::string& id, Clock::time_point deadline) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_until(lock, deadline, [&] {
    const auto is_it = [&](const Shared::CapturePtr& each) {
      return each != nullptr && each->id == id;
    };
    return std::none_of(shared_->collecting.begin(), shared_->collecting.end(),
                        is_it) &&
           std::none_of(shared_->unwritten.begin(), shared_->unwritten.end(),
                        is_it) &&
           !is_it(shared_->writing);
  });
}

std::vector<PendingCapture> Captures::pending() const {
  const std::lock_guard lock(shared_->mutex);
  std::vector<PendingCapture> pending(shared_->failed.begin(),
                                      shared_->failed.end());
  const auto add = [&](const Shared::CapturePtr& each, const char* state) {
    pending.push_back({each->id, each->container, state, ""});
  };
  if (shared_->writing) add(shared_->writing, "writing");
  for (const Shared::CapturePtr& each : shared_->unwritten) {
    add(each, "writing");
  }
  for (const Shared::CapturePtr& each : shared_->collecting) {
    add(each, "collecting");
  }
  return pending;
}

CaptureCounts Captures::counts() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->counts;
}

std::vector<Interrupted> interrupted_captures(const std::string& run_dir) {
  std::vector<Interrupted> found;
  const std::string folder = marks_folder(run_dir);
  DIR* const opened = ::opendir(folder.c_str());
  if (opened == nullptr) return found;
  while (const dirent* entry = ::readdir(opened)) {
    const std::string name = entry->d_name;
    const Result<std::string> text =
        read_bounded(folder + "/" + name, kMaxMark);
    // "." and "..", and what a crash left of a mark.
    if (!text) continue;
    if (auto interrupted = read_mark(name, *text)) {
      found.push_back(*std::move(interrupted));
    }
  }
  ::closedir(opened);
  return found;
}

Status settle(const std::string& run_dir, const Interrupted& interrupted,
              bool stays_frozen) {
  const bool checkpointed = interrupted.checkpoint.pid > 0;
  const bool thaws = !stays_frozen && !interrupted.was_frozen;
  if (thaws || checkpointed) {
    ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
    const Result<Cgroup> cgroup =
        Cgroup::open_by_id(mount, interrupted.cgroup_id);
    if (!cgroup && cgroup.error().code != Code::kNotFound) {
      return cgroup.error();
    }
    if (cgroup && checkpointed) RETURN_IF_ERROR(cgroup->freeze());
    end_checkpoint(interrupted.checkpoint);
    if (cgroup && thaws) RETURN_IF_ERROR(cgroup->thaw());
  }
  const std::string mark = marks_folder(run_dir) + "/" + interrupted.container;
  if (::unlink(mark.c_str()) != 0) return errno_error("remove '" + mark + "'");
  return Ok{};
}

}  // namespace bailiff::sidecar
