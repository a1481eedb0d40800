// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/foreign_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <future>
#include <iterator>
#include <limits>
#include <system_error>

#include "oci/sys/errno_error.h"
#include "oci/sys/process.h"
#include "rules/abi/limits.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/service/log.h"
#include "sidecar/service/trigger.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kRetry{10};
// Uses that are read at once.
constexpr int kUsesAtOnce = 256;
// Looking costs at most a hundredth of a processor, and a tenth while
// containers start.
constexpr int kRestFactor = 100;
constexpr int kRestFactorAsked = 10;
// How long a container's record may take to be read.
constexpr std::chrono::seconds kUnknownFor{2};
constexpr std::size_t kMaxWaiting = 1024;
// A cut waits for whoever uses the socket, in a thread of its own.  No
// container can keep all of them waiting.
constexpr std::size_t kMaxCutsOfOne = 8;
constexpr std::size_t kMaxCuts = 128;
// Cgroups that processes of one container have left for, told one by one.  It
// may make any number: the others are told as if they were one, kAny.
constexpr std::ptrdiff_t kMaxPlacesOfOne = 16;
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

std::uint64_t shifted(std::uint64_t time, std::int64_t by) {
  return time + static_cast<std::uint64_t>(by);  // wraps as two's complement
}

// Whether anything is refused to the container.
bool blocks(const Container& container) {
  if (!container.generation) return false;
  const std::vector<Policy>& policies = container.generation->policy().policies;
  return std::any_of(container.policies.begin(), container.policies.end(),
                     [&policies](std::uint32_t index) {
                       return policies[index].block &&
                              policies[index].mode == Mode::kEnforce;
                     });
}

}  // namespace

// Cuts under way, which may outlive the watch.
class ForeignWatch::Cuts {
 public:
  // False when it is under way, or too many are; else end() follows.
  bool begin(const bailiff_foreign& socket) {
    const std::lock_guard lock(mutex_);
    const auto of_one = std::count_if(
        under_way_.begin(), under_way_.end(),
        [&](const auto& each) { return each.first == socket.cgroup_id; });
    return static_cast<std::size_t>(of_one) < kMaxCutsOfOne &&
           under_way_.size() < kMaxCuts &&
           under_way_.emplace(socket.cgroup_id, socket.cookie).second;
  }
  void end(const bailiff_foreign& socket) {
    const std::lock_guard lock(mutex_);
    under_way_.erase({socket.cgroup_id, socket.cookie});
  }

 private:
  std::mutex mutex_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> under_way_;
};

ForeignWatch::ForeignWatch(Parts parts, UniqueFd wake)
    : parts_(std::move(parts)),
      wake_(std::move(wake)),
      cuts_(std::make_shared<Cuts>()) {}

Result<std::unique_ptr<ForeignWatch>> ForeignWatch::start(Parts parts) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return errno_error("eventfd");
  std::unique_ptr<ForeignWatch> watch(
      new ForeignWatch(std::move(parts), std::move(wake)));
  // Before anything that comes is let pass unseen.
  watch->open();
  watch->thread_ = std::thread([raw = watch.get()] { raw->run(); });
  return watch;
}

ForeignWatch::~ForeignWatch() { stop(); }

void ForeignWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  static_cast<void>(::eventfd_write(wake_.get(), 1));
  if (thread_.joinable()) thread_.join();
}

void ForeignWatch::look() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  static_cast<void>(::eventfd_write(wake_.get(), 1));
}

std::string ForeignWatch::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void ForeignWatch::open() {
  opened_ = steady_clock::now();
  auto source = parts_.open(
      [this](const bailiff_foreign& used) { used_.push_back(used); });
  const std::lock_guard lock(mutex_);
  problem_ = source ? "" : source.error().message;
  if (source) {
    source_ = *std::move(source);
    attend();
  } else {
    log_repeated("foreign", "foreign sockets are not looked for: " + problem_);
  }
}

void ForeignWatch::attend() {
  // An earlier service may have had reason to see datagrams: that is not ended
  // before it is known whether there still is.
  const bool datagrams = !looked_ || !with_datagrams_.empty();
  const Status attended = source_->attend(datagrams);
  if (attended) return;
  log_repeated("foreign", "see who uses sockets: " + attended.error().message);
}

// To whom it sends is seen from now on, if it can be.
void ForeignWatch::attend_datagrams(const bailiff_foreign& socket) {
  if (!has_datagrams(socket)) return;
  const bool first = with_datagrams_.empty();
  with_datagrams_.insert(socket.cgroup_id);
  if (first) attend();
}

milliseconds ForeignWatch::wait() const {
  auto until = source_ ? next_ : opened_ + kRetry;
  if (source_ && !waiting_.empty()) {
    until = std::min(until, steady_clock::now() + parts_.period / 10);
  }
  {
    const std::lock_guard lock(mutex_);
    if (source_ && asked_) until = std::min(until, earliest_);
  }
  const auto left =
      std::chrono::ceil<milliseconds>(until - steady_clock::now());
  return std::max(left, milliseconds(0));
}

void ForeignWatch::run() {
  for (;;) {
    std::array<pollfd, 2> polls = {
        {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
         {.fd = source_ ? source_->fd() : -1, .events = POLLIN, .revents = 0}}};
    ::poll(polls.data(), polls.size(), static_cast<int>(wait().count()));
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(wake_.get(), &count));
    bool asked = false;
    {
      const std::lock_guard lock(mutex_);
      if (ends_) return;
      asked = asked_;
    }
    const auto now = steady_clock::now();
    if (!source_) {
      if (now >= opened_ + kRetry) open();
      continue;
    }
    read_uses();
    take_waiting();
    if (now >= next_ || (asked && now >= earliest_)) look_now();
  }
}

void ForeignWatch::read_uses() {
  const Result<bool> more = source_->consume(kUsesAtOnce);
  if (!more) {
    log_repeated("foreign", "read uses of sockets: " + more.error().message);
  }
  for (const bailiff_foreign& used : std::exchange(used_, {})) {
    if (!take(used) && waiting_.size() < kMaxWaiting) {
      waiting_.push_back({used, steady_clock::now() + kUnknownFor});
    }
  }
}

void ForeignWatch::take_waiting() {
  const auto now = steady_clock::now();
  for (std::size_t left = waiting_.size(); left > 0; --left) {
    const Waiting one = waiting_.front();
    waiting_.pop_front();
    if (take(one.socket)) continue;
    if (now < one.until) {
      waiting_.push_back(one);
      continue;
    }
    // Its record was lost: it is told all the same.
    oci::ContainerRecord record;
    record.cgroup_id = one.socket.cgroup_id;
    take_of(one.socket, make_container(std::move(record), nullptr));
  }
}

void ForeignWatch::look_now() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = false;
  }
  const auto begun = steady_clock::now();
  std::erase_if(with_datagrams_, [this](std::uint64_t cgroup_id) {
    const auto known = parts_.containers.by_cgroup(cgroup_id);
    return !known || known->gone;
  });
  attend();
  const std::vector<KnownContainer> all = parts_.containers.all();
  const bool any =
      std::any_of(all.begin(), all.end(),
                  [](const KnownContainer& known) { return !known.gone; });
  if (any) {
    ++round_;
    const Status looked = source_->look_at_tasks();
    if (!looked) {
      log_repeated("foreign", "look at processes: " + looked.error().message);
    }
    Result<hook::HeldSockets> held = source_->held(0);
    if (!held) {
      log_repeated("foreign", "look for sockets: " + held.error().message);
    } else {
      if (!held->all) {
        log_repeated("foreign",
                     "there are more foreign sockets than are looked at");
      }
      listeners_.clear();
      for (const bailiff_foreign& each : held->sockets) {
        if (!listens(each)) continue;
        listeners_.emplace(each.cgroup_id, each.socket_cgroup, each.protocol,
                           each.local_port);
      }
      for (const bailiff_foreign& each : held->sockets) {
        static_cast<void>(take(each));  // the next time, if not now
      }
      // A socket that was used and is gone stays for one round.
      const std::uint64_t now_ns = monotonic_ns();
      std::erase_if(known_, [this, now_ns](const auto& each) {
        const bool sent_to = each.first.sent_to != decltype(Key::sent_to){} &&
                             now_ns < each.second.told_ns + BAILIFF_REPEAT_NS;
        return each.second.round + 1 < round_ && !sent_to;
      });
      if (!std::exchange(looked_, true)) attend();
    }
  }
  const Result<std::uint64_t> lost = source_->take_lost();
  if (!lost) {
    log_repeated("foreign", "ask for lost uses: " + lost.error().message);
  } else if (*lost > 0) {
    parts_.metrics.count_lost("foreign", *lost);
    log_repeated("foreign",
                 "uses of sockets were lost count=" + std::to_string(*lost));
  }
  const auto now = steady_clock::now();
  const auto cost = now - begun;
  next_ =
      now + std::max<steady_clock::duration>(parts_.period, cost * kRestFactor);
  earliest_ = now + cost * kRestFactorAsked;
}

bool ForeignWatch::take(const bailiff_foreign& socket) {
  const auto known = parts_.containers.by_cgroup(socket.cgroup_id);
  if (!known) return false;
  take_of(socket, known->container);
  return true;
}

// As one that the container has taken, because it looks so, or because the
// listener it came by is here.
bool ForeignWatch::is_accepted(const bailiff_foreign& socket) const {
  return looks_accepted(socket) ||
         (socket.use != BAILIFF_FOREIGN_CONNECTS &&
          listeners_.contains({socket.cgroup_id, socket.socket_cgroup,
                               socket.protocol, socket.local_port}));
}

// A process that has left is moved back to where it is judged, if anything is
// refused to its container; each time, and told once as long as it goes on.
void ForeignWatch::take_left(const bailiff_foreign& left,
                             const ContainerPtr& container) {
  const std::shared_ptr<const Settings> settings = parts_.settings();
  const ClockOffsets clocks = ClockOffsets::now();
  std::string outcome = "none";
  if (!is_exempt(*settings, container->record) && blocks(*container)) {
    const Result<BroughtBack> back =
        parts_.bring_back(left.cgroup_id, static_cast<pid_t>(left.tgid),
                          shifted(left.time_ns, clocks.boottime_ns));
    if (!back) {
      log_repeated("left", "move a process back into its cgroup: " +
                               back.error().message);
    } else {
      switch (*back) {
        case BroughtBack::kReturned:
          outcome = "returned";
          break;
        case BroughtBack::kKilled:
          outcome = "killed";
          break;
        case BroughtBack::kEnded:
          break;
      }
    }
  }
  std::erase_if(left_, [&left](const auto& each) {
    return each.second.first + BAILIFF_REPEAT_NS <= left.time_ns;
  });
  std::pair<std::uint64_t, std::uint64_t> place{left.cgroup_id,
                                                left.socket_cgroup};
  const auto of_one = std::distance(left_.lower_bound({left.cgroup_id, 0}),
                                    left_.upper_bound({left.cgroup_id, kAny}));
  if (of_one >= kMaxPlacesOfOne && !left_.contains(place)) place.second = kAny;
  auto& [seen_ns, outcomes] = left_[place];
  seen_ns = left.time_ns;
  if (!outcomes.insert(outcome).second) return;
  Work work;
  work.event_ns = left.time_ns;
  work.draft = [settings, container, left, outcome,
                realtime_ns = shifted(left.time_ns, clocks.realtime_ns)] {
    return std::vector<Draft>{
        left_draft(*settings, container->record, left, outcome, realtime_ns)};
  };
  parts_.answer(std::move(work), container, std::nullopt, std::nullopt);
}

void ForeignWatch::take_of(const bailiff_foreign& socket,
                           const ContainerPtr& container) {
  if (socket.use == BAILIFF_FOREIGN_LEFT) {
    take_left(socket, container);
    return;
  }
  Key key{socket.cgroup_id, socket.cookie, {}, 0};
  Known& known = known_[key];
  known.round = round_;
  if (socket.use == BAILIFF_FOREIGN_HELD) known.holder = socket;
  attend_datagrams(socket);
  SeenForeign seen;
  seen.socket = socket;
  seen.container = container;
  const ClockOffsets clocks = ClockOffsets::now();
  seen.realtime_ns = shifted(socket.time_ns, clocks.realtime_ns);
  // Of connections that come by an inherited listener, the listener is told.
  const bool comes_by_listener =
      !listens(socket) &&
      listeners_.contains({socket.cgroup_id, socket.socket_cgroup,
                           socket.protocol, socket.local_port});
  seen.tell_socket = !known.told && !comes_by_listener;
  known.told = known.told || seen.tell_socket;
  bool judged = false;
  if (socket.use == BAILIFF_FOREIGN_SENDS_TO) {
    std::copy(std::begin(socket.remote_be), std::end(socket.remote_be),
              key.sent_to.begin());
    key.port = socket.remote_port;
    Known& sent = known_[key];
    sent.round = round_;
    judged = judge(socket, sent, seen);
    if (sent.hits.empty()) known_.erase(key);
  } else {
    judged = judge(socket, known, seen);
  }
  if (!seen.tell_socket && !judged) return;
  find_holder(seen.socket);
  tell(std::move(seen));
}

// Of the peer; an error is told, and leaves it without.
std::vector<std::string> ForeignWatch::names_of(const bailiff_foreign& socket,
                                                const Container& container) {
  if (!container.generation->names_hosts()) return {};
  const Result<std::vector<std::uint64_t>> names = source_->names_of(
      container.record.cgroup_id, connect_event(socket, false).address);
  if (names) return container.generation->host_names(*names);
  log_repeated("names",
               "ask for the names of a peer: " + names.error().message);
  return {};
}

// Whether there is something to tell.  Cuts the connection if it has to.
bool ForeignWatch::judge(const bailiff_foreign& socket, Known& known,
                         SeenForeign& seen) {
  const Container& container = *seen.container;
  if (!container.generation || !has_peer(socket)) return false;
  const std::shared_ptr<const Matcher> matcher =
      container.generation->matcher();
  const bool sends_to = socket.use == BAILIFF_FOREIGN_SENDS_TO;
  const bool begins = socket.use == BAILIFF_FOREIGN_CONNECTS || sends_to;
  const Peer peer{
      .address = {std::begin(socket.remote_be), std::end(socket.remote_be)},
      .port = socket.remote_port,
      .accepted = is_accepted(socket)};
  if (peer != known.peer) {
    known.peer = peer;
    known.hits.clear();
    known.judged_by = nullptr;
    known.uncut = false;
  }
  if (!begins && !known.uncut && known.judged_by == matcher) return false;
  known.judged_by = matcher;
  seen.settings = parts_.settings();
  seen.number = parts_.next_number();
  const bool exempt = is_exempt(*seen.settings, container.record);
  const ClockOffsets clocks = ClockOffsets::now();
  seen.process = read_process(static_cast<pid_t>(socket.tgid),
                              shifted(socket.time_ns, clocks.boottime_ns));
  std::vector<ForeignHit> hits = judge_foreign(
      socket, peer.accepted, names_of(socket, container), container,
      seen.process, seen.realtime_ns, seen.number, memory_);
  const bool deny =
      !exempt && std::any_of(hits.begin(), hits.end(),
                             [](const ForeignHit& hit) { return hit.deny; });
  const bool was_uncut = known.uncut;
  // A server answers over one socket whoever asks: no client is to have it cut
  // by asking.
  const bool shared = sends_to && peer.accepted && goes_to_client(socket);
  bailiff_foreign found = socket;
  if (deny && !shared) find_holder(found);
  const bool is_cut = deny && !shared && cut(found);
  known.uncut = deny && !is_cut;
  // That is told already, as refused, by those who did.
  if (found.refused != 0) {
    std::erase_if(hits, [&](const ForeignHit& hit) {
      if (hit.frames) known.hits.insert(hit.rule);
      return hit.frames;
    });
  }
  // What begins again and again is told of now and then.
  const bool again =
      (begins && socket.time_ns >= known.told_ns + BAILIFF_REPEAT_NS) ||
      (was_uncut && is_cut);
  std::erase_if(hits, [&](const ForeignHit& hit) {
    return known.hits.contains(hit.rule) && !again;
  });
  if (hits.empty()) return false;
  known.told_ns = socket.time_ns;
  for (ForeignHit& hit : hits) {
    known.hits.insert(hit.rule);
    hit.decision = decide(container.generation->policy(), container.policies,
                          {.rule = hit.rule,
                           .enforcement = Enforcement::kObserve,
                           .denied = is_cut},
                          exempt);
  }
  seen.cut = is_cut;
  seen.hits = std::move(hits);
  return true;
}

// Which descriptor it is, if it is still in a table, and what is known of it
// by now.
void ForeignWatch::find_holder(bailiff_foreign& socket) {
  if (socket.fd >= 0) return;
  const Result<hook::HeldSockets> held =
      source_->held(static_cast<pid_t>(socket.tgid));
  if (!held) return;
  for (const bailiff_foreign& each : held->sockets) {
    if (each.cookie != socket.cookie) continue;
    socket.fd = each.fd;
    socket.tid = each.tid;
    socket.refused |= each.refused;
  }
}

bool ForeignWatch::cut(bailiff_foreign held) {
  if (held.fd < 0) {
    const auto known = known_.find({held.cgroup_id, held.cookie, {}, 0});
    if (known != known_.end() && known->second.holder.tid != 0) {
      held = known->second.holder;
    }
  }
  const std::string about = " cookie=" + std::to_string(held.cookie);
  if (held.fd < 0) {
    log_repeated(
        "foreign-cut",
        "a socket that is to be cut is in no table of descriptors" + about);
    return false;
  }
  if (!cuts_->begin(held)) {
    log_repeated("foreign-cut",
                 "a socket, or too many of them, are still being cut" + about);
    return false;
  }
  auto done = std::make_shared<std::promise<Status>>();
  std::future<Status> result = done->get_future();
  try {
    std::thread([done, cut = parts_.cut, cuts = cuts_, held] {
      // No signal ends it while the socket is used: what the process holds open
      // must not last as long.
      Status status = keep_only_descriptor(-1);
      if (status) {
        status = cut(static_cast<pid_t>(held.tid), held.fd, held.cookie);
      }
      cuts->end(held);
      done->set_value(std::move(status));
    }).detach();
  } catch (const std::system_error&) {
    cuts_->end(held);
    log_repeated("foreign-cut", "no thread to cut a socket" + about);
    return false;
  }
  if (result.wait_for(parts_.cut_wait) != std::future_status::ready) {
    log_repeated("foreign-cut", "a socket is not cut in time" + about);
    return false;
  }
  const Status status = result.get();
  if (!status) {
    log_repeated("foreign-cut",
                 "cut a socket: " + status.error().message + about);
  }
  return status.has_value();
}

void ForeignWatch::tell(SeenForeign told) {
  if (!told.settings) told.settings = parts_.settings();
  const auto seen = std::make_shared<const SeenForeign>(std::move(told));
  const Container& container = *seen->container;
  std::optional<ResponseRequest> request;
  if (const ForeignHit* strongest = seen->strongest()) {
    const CompiledPolicy& policy = container.generation->policy();
    const ClockOffsets clocks = ClockOffsets::now();
    request.emplace(request_of(
        policy, strongest->decision, policy.rules[strongest->rule].name,
        container.record,
        {.pid = static_cast<pid_t>(seen->socket.tgid),
         .seen_ns = shifted(seen->socket.time_ns, clocks.boottime_ns)}));
  }
  std::optional<Trigger> capture;
  for (const ForeignHit& hit : seen->hits) {
    const CompiledPolicy& policy = container.generation->policy();
    add_to(capture, policy, policy.rules[hit.rule].name, hit.decision);
  }
  Work work;
  work.event_ns = seen->socket.time_ns;
  work.draft = [seen] { return drafts_of(*seen); };
  parts_.answer(std::move(work), seen->container, std::move(request),
                std::move(capture));
}

}  // namespace bailiff::sidecar
