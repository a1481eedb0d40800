// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/intake.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "oci/sys/cgroup.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/process.h"
#include "rules/lower/observed.h"
#include "sidecar/evidence/event_line.h"
#include "sidecar/ingest/call_parameters.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/ingest/connect_fields.h"
#include "sidecar/ingest/container_fields.h"
#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/observed_fields.h"
#include "sidecar/ingest/observed_record.h"
#include "sidecar/ingest/process_facts.h"
#include "sidecar/service/log.h"
#include "sidecar/service/observed_work.h"
#include "sidecar/service/telling.h"
#include "sidecar/service/trigger.h"

namespace bailiff::sidecar {
namespace {

// How often what could not be opened or taken is tried again.
constexpr std::chrono::seconds kRetry{2};
// RUN_DIR/containers is read again for an event of a cgroup nobody knows, at
// most this often.
constexpr std::chrono::seconds kContainersEvery{1};
// Records between two looks at everything else.
constexpr int kEventsAtOnce = 256;
constexpr int kObservedAtOnce = 256;
// What is read before the thread starts: a ring that is full.  What comes
// meanwhile is not waited for, since it need not end.
constexpr int kPortionsAtStart = 512;
// How often losses are told of.
constexpr std::chrono::seconds kLossesEvery{1};

// Events of one kind of record keep what the recorder will render.
struct SeenConnect {
  ConnectEvent event;
  ProcessFacts process;
  ContainerPtr container;
  GenerationPtr generation;
  std::shared_ptr<const Settings> settings;
  std::uint64_t realtime_ns = 0;
  std::uint64_t number = 0;
  Enforcement enforcement = Enforcement::kKernel;
  Decision decision;
  ConnectionCutPtr cut;  // of a packet; may be nullptr
};

std::vector<Draft> drafts_of(const SeenConnect& seen) {
  const ConnectFields fields(seen.event, seen.process, seen.container->facts,
                             seen.realtime_ns, seen.number,
                             ConnectFields::Use::kOutput);
  Alert alert = rule_alert(*seen.settings, *seen.container, *seen.generation,
                           seen.event.rule, fields, seen.realtime_ns);
  alert.hook = to_string(seen.event.judged_at);
  if (seen.cut) alert.connections_cut = seen.cut->count();
  return policy_drafts(*seen.settings, alert, seen.generation->policy(),
                       seen.enforcement, seen.decision);
}

// What a connect event holds on to in memory, beside its record.
constexpr std::size_t kSeenBytes = 1024;

EventLine line_of(std::shared_ptr<const SeenConnect> seen, Secrets secrets) {
  return [seen = std::move(seen), secrets] {
    const ConnectFields fields(seen->event, seen->process,
                               seen->container->facts, seen->realtime_ns,
                               seen->number, ConnectFields::Use::kOutput);
    return event_line(fields, seen->realtime_ns, secrets);
  };
}

// The record itself is kept, which is smaller than what it is parsed into.
EventLine line_of(std::span<const std::byte> bytes, const Observed& observed,
                  ContainerPtr container, Secrets secrets) {
  return [record = std::vector<std::byte>(bytes.begin(), bytes.end()),
          lineage = observed.lineage, names = observed.client_names,
          clocks = observed.clocks, number = observed.number,
          container = std::move(container), secrets] {
    Result<ObservedEvent> parsed = parse_observed(record);
    if (!parsed) return std::string("{}");  // it was parsed once
    Observed again;
    again.event = *std::move(parsed);
    again.lineage = lineage;
    again.descriptor = describe_descriptor(again.event);
    again.client_names = names;
    again.clocks = clocks;
    again.number = number;
    again.container_start_ns = container->record.time_ns;
    const ObservedFields fields(again, container->facts);
    return event_line(fields, fields.realtime_ns(), secrets);
  };
}

// What an operation can be to a rule, the likeliest first.
std::vector<std::string_view> types_at(JudgedAt place) {
  switch (place) {
    case JudgedAt::kConnect:
      return {"connect"};
    case JudgedAt::kSendmsg:
      return {"sendto", "sendmsg", "sendmmsg", "connect"};
    case JudgedAt::kEgress:
    case JudgedAt::kFrame:
    case JudgedAt::kQuery:
      return {"connect", "sendto", "sendmsg", "sendmmsg"};
    case JudgedAt::kIngress:
      return {"accept4", "accept", "recvfrom", "recvmsg", "recvmmsg"};
    case JudgedAt::kBind:
      return {"bind"};
    case JudgedAt::kForeign:  // in no record
      break;
  }
  return {};
}

bool fulfils(const SeenConnect& seen, MatchMemory& memory) {
  const ConnectFields fields(seen.event, seen.process, seen.container->facts,
                             seen.realtime_ns, seen.number,
                             ConnectFields::Use::kCondition);
  return !seen.generation->matcher()
              ->match(fields, {&seen.event.rule, 1}, memory)
              .empty();
}

// Finds as what the event fulfils its rule; false: as nothing.
bool find_type(SeenConnect& seen, MatchMemory& memory) {
  for (const std::string_view type : types_at(seen.event.judged_at)) {
    seen.event.type = type;
    if (fulfils(seen, memory)) return true;
  }
  return false;
}

// A list may have lost a name since.
void find_names(SeenConnect& seen) {
  ConnectEvent& event = seen.event;
  for (const std::uint64_t hash : event.name_hashes) {
    std::string name = seen.generation->host_name(hash);
    if (name.empty()) continue;
    if (hash == event.name_hash) event.name = name;
    event.names.push_back(std::move(name));
  }
}

// Of a peer that is listed as several, tells the name that the rule holds for;
// records have what the last rule held for.
void pick_name(SeenConnect& seen, MatchMemory& memory) {
  if (seen.event.names.size() < 2) return;
  const std::vector<std::string> all = std::move(seen.event.names);
  for (const std::string& name : all) {
    seen.event.names = {name};
    if (!fulfils(seen, memory)) continue;
    seen.event.name = name;
    break;
  }
  seen.event.names = all;
}

// A rule that holds for the start of a container.
struct StartHit {
  std::uint32_t rule = 0;
  Decision decision;
};

// None for a container that was started without a policy.
std::vector<StartHit> start_hits(const Container& container,
                                 const Settings& settings, std::uint64_t number,
                                 MatchMemory& memory) {
  std::vector<StartHit> hits;
  if (!container.generation) return hits;
  const CompiledPolicy& policy = container.generation->policy();
  const bool exempt = is_exempt(settings, container.record);
  const ContainerEventFields fields(container.record, container.facts, number);
  const std::shared_ptr<const Matcher> matcher =
      container.generation->matcher();
  for (const std::uint32_t rule :
       matcher->match(fields, container.start_rules, memory)) {
    hits.push_back(
        {rule, decide(policy, container.policies, {.rule = rule}, exempt)});
  }
  return hits;
}

// The policies that what was refused of nobody who is known is told under: what
// the kernel answers by itself has no container.  A scope that asks for one
// cannot be decided, and the policy that had it refused may be any.
std::vector<std::uint32_t> with_refusing(
    const CompiledPolicy& policy, const std::vector<std::uint32_t>& in_scope) {
  std::vector<std::uint32_t> told;
  for (std::uint32_t i = 0; i < policy.policies.size(); ++i) {
    const Policy& each = policy.policies[i];
    const bool refuses = each.block && each.mode == Mode::kEnforce;
    if (refuses || std::binary_search(in_scope.begin(), in_scope.end(), i)) {
      told.push_back(i);
    }
  }
  return told;
}

std::uint64_t shifted(std::uint64_t time, std::int64_t by) {
  return time + static_cast<std::uint64_t>(by);  // wraps as two's complement
}

}  // namespace

Result<std::unique_ptr<Intake>> Intake::start(Parts parts) {
  ASSIGN_OR_RETURN(FolderWatch spool_watch,
                   FolderWatch::open(parts.run_dir + "/spool"));
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return errno_error("epoll");
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return errno_error("eventfd");
  UniqueFd answered(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!answered) return errno_error("eventfd");
  std::unique_ptr<Intake> intake(
      new Intake(std::move(parts), std::move(spool_watch), std::move(epoll),
                 std::move(wake), std::move(answered)));
  RETURN_IF_ERROR(intake->watch(intake->wake_.get()));
  RETURN_IF_ERROR(intake->watch(intake->answered_.get()));
  RETURN_IF_ERROR(intake->watch(intake->spool_watch_.fd()));
  // The registry before the events, so that those know whom they are about.
  intake->read_containers();
  intake->read_spool();
  intake->bury_gone();
  intake->open_events();
  intake->open_observer();
  intake->seed_processes();
  for (int i = 0; i < kPortionsAtStart && intake->read_events(); ++i) {
  }
  for (int i = 0; i < kPortionsAtStart && intake->read_observer(); ++i) {
  }
  intake->tell_losses();
  intake->backlog_ = false;
  intake->thread_ = std::thread([raw = intake.get()] { raw->run(); });
  return intake;
}

Intake::~Intake() { stop(); }

void Intake::stop() {
  static_cast<void>(::eventfd_write(wake_.get(), 1));
  if (thread_.joinable()) thread_.join();
}

Status Intake::watch(int fd) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return errno_error("epoll_ctl");
  }
  return Ok{};
}

std::string Intake::events_problem() const {
  const std::lock_guard lock(events_mutex_);
  return events_problem_;
}

std::uint64_t Intake::kernel_lost() const {
  const std::lock_guard lock(events_mutex_);
  if (!events_) return 0;
  Result<std::uint64_t> lost = events_->lost();
  return lost ? *lost : 0;
}

void Intake::open_events() {
  Result<std::unique_ptr<EventSource>> events = [&] {
    const std::lock_guard lock(parts_.kernel_mutex);
    return parts_.kernel.open_events(
        [this](std::span<const std::byte> record) { on_record(record); });
  }();
  Status watched = events ? watch((*events)->fd()) : Status(events.error());
  const std::lock_guard lock(events_mutex_);
  if (!watched) {
    events_problem_ = watched.error().message;
    log_repeated("events", "open ring buffer: " + events_problem_);
    return;
  }
  events_ = *std::move(events);
  events_problem_.clear();
}

bool Intake::read_events() {
  // Only this thread changes the pointer, so it may be used without the lock.
  if (!events_) return false;
  const Result<bool> more = events_->consume(kEventsAtOnce);
  if (more && !read_failed_) return *more;
  read_failed_ = !more;
  const std::lock_guard lock(events_mutex_);
  events_problem_ = more ? "" : more.error().message;
  if (more) return *more;
  log_repeated("events", "read ring buffer: " + events_problem_);
  return false;
}

void Intake::open_observer() {
  Result<std::unique_ptr<ObserverSource>> observer = [&] {
    const std::lock_guard lock(parts_.kernel_mutex);
    return parts_.kernel.open_observer(
        [this](std::span<const std::byte> record) { on_observed(record); });
  }();
  Status watched =
      observer ? watch((*observer)->fd()) : Status(observer.error());
  const std::lock_guard lock(events_mutex_);
  if (!watched) {
    events_problem_ = watched.error().message;
    log_repeated("observer", "open the observer's ring: " + events_problem_);
    return;
  }
  observer_ = *std::move(observer);
}

bool Intake::read_observer() {
  if (!observer_) return false;
  read_since_losses_ = true;
  const Result<bool> more = observer_->consume(kObservedAtOnce);
  if (more) return *more;
  log_repeated("observer", "read the observer's ring: " + more.error().message);
  return false;
}

void Intake::tell_losses() {
  const auto now = std::chrono::steady_clock::now();
  if (!observer_ || !read_since_losses_ || now < losses_told_ + kLossesEvery) {
    return;
  }
  losses_told_ = now;
  read_since_losses_ = false;
  // Not under kernel_mutex, which is held for as long as a reload takes.
  const Result<std::vector<hook::LostRecords>> lost = observer_->take_lost();
  if (!lost) {
    log_repeated("losses", "ask for lost records: " + lost.error().message);
    return;
  }
  for (const Loss& each : ring_share_.judge(*lost, now)) tell_loss(each);
  lost_unread_ = false;
  for (const auto& [cgroup_id, count] : std::exchange(hidden_, {})) {
    tell_loss({.cgroup_id = cgroup_id, .count = count, .hidden = true});
  }
}

void Intake::tell_loss(const Loss& loss) {
  parts_.metrics.count_lost(loss.hidden ? "hidden" : "observer", loss.count);
  const ContainerPtr container = container_of(loss.cgroup_id, 0).container;
  // Nobody has read until now: whoever made the most did nothing wrong.
  const bool caused =
      loss.hidden || (!lost_unread_ && loss.most_by == loss.cgroup_id);
  std::string cause = caused ? "itself" : "no service";
  if (!lost_unread_ && !caused) {
    cause = container_of(loss.most_by, 0).container->record.id;
    if (cause.empty()) cause = "another container";
  }
  log_repeated(
      "losses",
      "events of a container were lost container=" + container->record.id +
          " count=" + std::to_string(loss.count) + " cause=" + cause);
  const std::shared_ptr<const Settings> settings = parts_.settings();
  Decision decision;
  if (container->generation) {
    decision = decide_loss(container->generation->policy(), container->policies,
                           caused, is_exempt(*settings, container->record));
  }
  std::optional<ResponseRequest> request;
  std::optional<Trigger> capture;
  if (decision.response != Response::kNone) {
    request.emplace(request_of(container->generation->policy(), decision,
                               kLostEventsRule, container->record, {}));
  }
  if (decision.capture) {
    add_to(capture, container->generation->policy(), kLostEventsRule, decision);
  }
  Work work;
  work.event_ns = monotonic_ns();
  work.draft = [container, settings, decision = std::move(decision), loss,
                cause = std::move(cause),
                realtime =
                    shifted(work.event_ns, ClockOffsets::now().realtime_ns)] {
    const Alert alert =
        lost_alert(*settings, container->record, loss, cause, realtime);
    if (decision.policies.empty()) {
      return std::vector<Draft>{
          plain_draft(*settings, alert, Enforcement::kObserve, "none")};
    }
    return policy_drafts(*settings, alert, container->generation->policy(),
                         Enforcement::kObserve, decision);
  };
  answer(std::move(work), container, std::move(request), std::move(capture));
}

// Containers may have run before this service did.
void Intake::seed_processes() {
  for (const KnownContainer& known : parts_.containers.all()) {
    if (!known.gone) seed_processes(*known.container);
  }
}

// Those the observer told nobody of.
void Intake::seed_processes(const Container& container) {
  if (container.observed.rules.empty()) return;
  const Result<CgroupMount> mount = CgroupMount::find();
  if (!mount) return;
  const Result<Cgroup> cgroup =
      Cgroup::open_by_id(*mount, container.record.cgroup_id);
  if (!cgroup) return;
  const Result<std::vector<pid_t>> pids = cgroup->processes();
  if (!pids) return;
  for (const pid_t pid : *pids) {
    if (pid > 0) processes_.seed(static_cast<std::uint32_t>(pid));
  }
}

void Intake::run() {
  prefer_this_thread();
  std::array<epoll_event, 4> ready{};
  for (;;) {
    const bool retry = !events_ || !observer_ || spool_left_;
    std::chrono::milliseconds wait{-1};
    if (retry) wait = kRetry;
    if (read_since_losses_ || !answers_.empty()) wait = kLossesEvery;
    const int count =
        ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()),
                     static_cast<int>(wait.count()));
    bool spool = spool_left_;
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (fd == wake_.get()) return;
      spool = spool || fd == spool_watch_.fd();
      eventfd_t added = 0;
      if (fd == answered_.get()) ::eventfd_read(fd, &added);
    }
    // Events first: a response waits for nothing.  What is left makes the ring
    // readable again at once.
    static_cast<void>(read_events());
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (observer_ && fd == observer_->fd())
        static_cast<void>(read_observer());
    }
    tell_untold();
    tell_losses();
    if (spool) read_spool();
    if (!events_) open_events();
    if (!observer_) open_observer();
  }
}

GenerationPtr Intake::generation_of(const oci::ContainerRecord& record) {
  if (record.policy.empty()) return nullptr;
  Result<GenerationPtr> generation = parts_.generations.find(record.policy);
  if (generation) return *std::move(generation);
  log_repeated("policy", "policy of container: " + generation.error().message +
                             " container=" + record.id);
  return nullptr;
}

void Intake::read_containers() {
  containers_read_ = std::chrono::steady_clock::now();
  Result<std::vector<RecordFile>> files =
      read_records(parts_.run_dir + "/containers");
  if (!files) {
    log_repeated("containers", "read containers: " + files.error().message);
    return;
  }
  for (RecordFile& file : *files) {
    if (!file.record) {
      log_repeated("containers", "read '" + file.path +
                                     "': " + file.record.error().message +
                                     ", ignoring");
      continue;
    }
    oci::ContainerRecord record = *std::move(file.record);
    GenerationPtr generation = generation_of(record);
    parts_.containers.add(
        make_container(std::move(record), std::move(generation)));
  }
}

// A runtime that crashed runs no poststop: nobody told that it ended.
void Intake::bury_gone() {
  for (const KnownContainer& known : parts_.containers.all()) {
    const oci::ContainerRecord& record = known.container->record;
    if (known.gone || has_processes(record)) continue;
    parts_.containers.stop(record.id, record.time_ns);
  }
}

KnownContainer Intake::container_of(std::uint64_t cgroup_id,
                                    std::uint64_t policy_id) {
  std::optional<KnownContainer> known = parts_.containers.by_cgroup(cgroup_id);
  if (!known) {
    // The record is written before the container starts: if it is not in the
    // registry, it is in the spool.
    read_spool();
    known = parts_.containers.by_cgroup(cgroup_id);
  }
  const auto now = std::chrono::steady_clock::now();
  if (!known && now >= containers_read_ + kContainersEvery) {
    read_containers();
    known = parts_.containers.by_cgroup(cgroup_id);
  }
  // The container may have made the cgroup that a frame came from.
  if (!known) known = parts_.containers.by_cgroup_or_above(cgroup_id);
  if (known) return *std::move(known);
  // Forgotten, or its record was lost.  The event is told all the same, under
  // the policies that need to know nothing of the container.
  oci::ContainerRecord record;
  record.cgroup_id = cgroup_id;
  return {make_container(std::move(record), parts_.generations.find(policy_id)),
          true};
}

ContainerPtr Intake::under(const ContainerPtr& container,
                           std::uint64_t policy_id) {
  const auto is = [&](const ContainerPtr& one) {
    return one && one->generation && one->generation->policy_id() == policy_id;
  };
  if (is(container)) return container;
  if (is(under_) && under_->record.id == container->record.id &&
      under_->record.cgroup_id == container->record.cgroup_id) {
    return under_;
  }
  GenerationPtr generation = parts_.generations.find(policy_id);
  if (!generation) return nullptr;
  under_ = make_container(container->record, std::move(generation));
  return under_;
}

ProcessFacts Intake::process_at(const ConnectEvent& event,
                                std::uint64_t boottime_ns) {
  ProcessFacts facts =
      read_process(static_cast<pid_t>(event.tgid), boottime_ns);
  // The folder is what is read last.
  const bool whole =
      facts.args && !facts.args->empty() && facts.exe_path && facts.cwd;
  if (event.tgid == 0 || whole) return facts;
  // It has ended.  Where its container is observed, its last program was told
  // of before this event, perhaps not read yet.  One portion is read, whatever
  // waits behind it: a flood must not hold up the response.
  static_cast<void>(read_observer());
  if (const ProcessPtr known = processes_.last_known(event.tgid, boottime_ns)) {
    fill_in(facts, *known);
  }
  return facts;
}

void Intake::on_record(std::span<const std::byte> bytes) {
  Result<ConnectEvent> parsed = parse_event(bytes);
  if (!parsed) {
    parts_.metrics.count_lost("malformed");
    log_repeated("record", parsed.error().message);
    return;
  }
  auto seen = std::make_shared<SeenConnect>();
  seen->event = *std::move(parsed);
  const ConnectEvent& event = seen->event;
  const ClockOffsets clocks = ClockOffsets::now();
  seen->realtime_ns = shifted(event.monotonic_ns, clocks.realtime_ns);
  seen->process =
      process_at(event, shifted(event.monotonic_ns, clocks.boottime_ns));

  seen->container = container_of(event.cgroup_id, event.policy_id).container;
  const Container& container = *seen->container;
  seen->generation = container.generation;
  if (!seen->generation || seen->generation->policy_id() != event.policy_id) {
    seen->generation = parts_.generations.find(event.policy_id);
  }
  if (!seen->generation ||
      event.rule >= seen->generation->policy().rules.size()) {
    parts_.metrics.count_lost("policy");
    log_repeated("policy", "event of a policy that is not known container=" +
                               container.record.id);
    return;
  }
  find_names(*seen);
  const CompiledPolicy& policy = seen->generation->policy();
  std::vector<std::uint32_t> in_scope =
      seen->generation == container.generation
          ? container.policies
          : lower(policy, container.facts).policies;
  if (event.denied && container.record.id.empty()) {
    in_scope = with_refusing(policy, in_scope);
  }

  seen->number = next_number();
  const auto keep = [&] {
    parts_.flight.keep(container.record.cgroup_id,
                       line_of(seen, parts_.secrets),
                       bytes.size() + kSeenBytes);
  };
  if (event.candidate || event.judged_at != JudgedAt::kConnect) {
    const bool holds = find_type(*seen, match_memory_);
    if (event.candidate) {
      if (!holds) return keep();
      seen->enforcement = Enforcement::kObserve;
    } else if (!holds) {
      // The list has changed since: the kernel's word counts.
      seen->event.type = types_at(event.judged_at).front();
    }
  }
  pick_name(*seen, match_memory_);
  keep();
  seen->settings = parts_.settings();
  seen->decision = decide(policy, in_scope,
                          {.rule = event.rule,
                           .enforcement = seen->enforcement,
                           .denied = event.denied},
                          is_exempt(*seen->settings, container.record));

  // The connection may be older than the rule, or the peer's.
  if (event.judged_at == JudgedAt::kEgress && event.denied &&
      event.l4proto == IPPROTO_TCP) {
    seen->cut = parts_.cut(seen->container, event);
  }
  std::optional<Trigger> capture;
  add_to(capture, policy, policy.rules[event.rule].name, seen->decision);
  Work work;
  work.cut = seen->cut;
  std::optional<ResponseRequest> request;
  if (seen->decision.response != Response::kNone) {
    const ProcessName process{
        .pid = static_cast<pid_t>(event.tgid),
        .seen_ns = shifted(event.monotonic_ns, clocks.boottime_ns)};
    request.emplace(request_of(policy, seen->decision,
                               policy.rules[event.rule].name, container.record,
                               process));
  }
  work.event_ns = event.monotonic_ns;
  work.draft = [seen] { return drafts_of(*seen); };
  answer(std::move(work), seen->container, std::move(request),
         std::move(capture));
}

// An error is told, and leaves the client without a name.
std::vector<std::string> Intake::client_names(const Descriptor& descriptor,
                                              const Container& container) {
  const std::optional<SocketEnd>& client = descriptor.client();
  if (!client || !container.generation->names_clients()) return {};
  const Result<std::vector<std::uint64_t>> names =
      observer_->names_of(container.record.cgroup_id, client->address);
  if (names) return container.generation->host_names(*names);
  log_repeated("names",
               "ask for the names of a client: " + names.error().message);
  return {};
}

void Intake::on_observed(std::span<const std::byte> bytes) {
  Result<ObservedEvent> parsed = parse_observed(bytes);
  if (!parsed) {
    parts_.metrics.count_lost("malformed");
    log_repeated("record", parsed.error().message);
    return;
  }
  Observed observed;
  observed.event = *std::move(parsed);
  ObservedEvent& event = observed.event;
  ring_share_.add_read(event.cgroup_id);
  observed.lineage = processes_.take(event);
  if (event.kind == ObservedEvent::Kind::kFork ||
      event.kind == ObservedEvent::Kind::kExit) {
    return;
  }
  const ContainerPtr known =
      container_of(event.cgroup_id, event.policy_id).container;
  const ContainerPtr container = under(known, event.policy_id);
  if (!container) {
    parts_.metrics.count_lost("policy");
    log_repeated("policy", "event of a policy that is not known container=" +
                               known->record.id);
    return;
  }
  const std::optional<HeldAnswer> answer =
      event.kind == ObservedEvent::Kind::kCall
          ? answers_.take(event.tid, event.call)
          : std::nullopt;
  if (answer && answer->judged) restore(event, answer->judged->event);
  if (hides_path(event)) ++hidden_[container->record.cgroup_id];
  observed.descriptor = describe_descriptor(event);
  if (observed.descriptor && observed.descriptor->is_ip()) {
    observed.name_changed = processes_.renames(observed.descriptor->inode,
                                               observed.descriptor->name);
    observed.client_names = client_names(*observed.descriptor, *container);
  }
  observed.clocks = ClockOffsets::now();
  observed.number = next_number();
  observed.container_start_ns = container->record.time_ns;
  parts_.flight.keep(container->record.cgroup_id,
                     line_of(bytes, observed, container, parts_.secrets),
                     bytes.size());
  on_observed(std::move(observed), container, answer);
}

void Intake::on_observed(Observed observed, const ContainerPtr& container,
                         const std::optional<HeldAnswer>& told) {
  const std::shared_ptr<const Settings> settings = parts_.settings();
  // Otherwise its caller was interrupted before it was answered.
  const bool refused = told && observed.event.result == -EPERM;
  const bool same_rules = refused && told->container &&
                          told->container->generation &&
                          told->container->generation->policy_id() ==
                              container->generation->policy_id();
  std::vector<ObservedHit> hits =
      judge(observed, *container, *settings, match_memory_,
            same_rules ? told->rules : std::vector<std::uint32_t>());
  if (hits.empty()) {
    if (told && told->rules.empty() && (refused || !told->refused)) {
      tell_unjudged(*told, &observed, container);
    }
    return;
  }

  auto seen = std::make_shared<SeenObserved>(
      SeenObserved{.observed = std::move(observed),
                   .container = container,
                   .settings = settings,
                   .hits = std::move(hits)});
  const ObservedEvent& by = seen->observed.event;
  const ObservedHit* strongest = seen->strongest();
  // The kernel has killed the process, before its program ran.
  const bool done = strongest != nullptr && by.killed &&
                    strongest->decision.response == Response::kKillProcess;
  std::optional<ResponseRequest> request;
  if (strongest != nullptr && !done) {
    const ProcessName process{
        .pid = static_cast<pid_t>(by.tgid),
        .seen_ns = shifted(by.monotonic_ns, seen->observed.clocks.boottime_ns)};
    const CompiledPolicy& policy = container->generation->policy();
    request.emplace(request_of(policy, strongest->decision,
                               policy.rules[strongest->rule].name,
                               container->record, process));
  }
  std::optional<Trigger> capture;
  for (const ObservedHit& hit : seen->hits) {
    const CompiledPolicy& policy = container->generation->policy();
    add_to(capture, policy, policy.rules[hit.rule].name, hit.decision);
  }
  Work work;
  work.event_ns = seen->observed.event.monotonic_ns;
  work.draft = [seen] { return drafts_of(*seen); };
  answer(std::move(work), container, std::move(request), std::move(capture));
}

void Intake::answered(HeldAnswer answer) {
  if (!answers_.add(std::move(answer), std::chrono::steady_clock::now())) {
    parts_.metrics.count_lost("held");
    log_repeated("held", "a held call is not told of: there are too many");
  }
  static_cast<void>(::eventfd_write(answered_.get(), 1));
}

void Intake::tell_unjudged(const HeldAnswer& answer, const Observed* observed,
                           const ContainerPtr& container) {
  const std::string call(answer.call == BAILIFF_CALL_COUNT
                             ? "unknown"
                             : event_type_of(answer.call));
  Work work;
  work.event_ns = observed ? observed->event.monotonic_ns : monotonic_ns();
  work.draft = [container, settings = parts_.settings(), call,
                process = observed ? observed->event.comm : "",
                pid = observed ? observed->event.tgid : 0,
                refused = answer.refused,
                realtime =
                    shifted(work.event_ns, ClockOffsets::now().realtime_ns)] {
    return std::vector<Draft>{unjudged_draft(*settings, container->record, call,
                                             process, pid, refused, realtime)};
  };
  push(std::move(work), container->record);
}

// The ring may have had no room for the record of a call: that it was refused
// is known all the same.
void Intake::tell_untold() {
  // Records that wait to be read are no reason.
  if (answers_.empty() || read_observer()) return;
  for (HeldAnswer& answer : answers_.take_untold(
           std::chrono::steady_clock::now() - parts_.untold_after)) {
    ContainerPtr container = answer.container;
    if (!container || !container->generation) {
      oci::ContainerRecord record;
      record.id = answer.id;
      container = make_container(std::move(record), nullptr);
    }
    if (!answer.judged) {
      tell_unjudged(answer, nullptr, container);
      continue;
    }
    Observed observed = *std::move(answer.judged);
    observed.event.cgroup_id = container->record.cgroup_id;
    observed.event.policy_id = container->generation->policy_id();
    observed.event.result = -EPERM;
    observed.number = next_number();
    observed.container_start_ns = container->record.time_ns;
    on_observed(std::move(observed), container, answer);
  }
}

void Intake::answer(Work work, const ContainerPtr& container,
                    std::optional<ResponseRequest> request,
                    std::optional<Trigger> capture) {
  if (!request && !capture) return push(std::move(work), container->record);
  const auto telling =
      std::make_shared<Telling>(std::move(work.draft), work.event_ns);
  work.draft = [telling] { return telling->drafts(); };
  if (request) {
    // In the journal before anything is done for it.
    work.ticket = parts_.engine.prepare(*request);
    work.stored = [this, ticket = work.ticket, then = std::move(work.stored)] {
      parts_.engine.told(ticket);
      if (then) then();
    };
  }
  const std::uint64_t cgroup_id = container->record.cgroup_id;
  const Respond respond = [this, container, telling, work = std::move(work)](
                              const std::string& evidence) {
    Work answered = work;
    if (answered.ticket) parts_.engine.carry_out(answered.ticket);
    answered.evidence = evidence;
    telling->answered(answered.ticket, evidence);
    // A capture calls it, and must not be made to wait.
    push_or_drop(std::move(answered), container->record,
                 Recorder::WhenFull::kRefuse);
  };
  const Response response = request ? request->response : Response::kNone;
  const Captures::Leaves leaves = left_by(response);
  if (!capture) return parts_.captures.respond(cgroup_id, respond, leaves);
  capture->response = to_string(response);
  static_cast<void>(parts_.captures.begin(
      {.record = container->record,
       .trigger = *std::move(capture),
       .events = parts_.flight.events(cgroup_id),
       .alerts = [telling,
                  secrets = parts_.secrets] { return telling->json(secrets); }},
      respond, leaves));
}

void Intake::push(Work work, const oci::ContainerRecord& container) {
  // A backlog may be larger than the queue, and is in no hurry.
  push_or_drop(
      std::move(work), container,
      backlog_ ? Recorder::WhenFull::kWait : Recorder::WhenFull::kRefuse);
}

void Intake::push_or_drop(Work work, const oci::ContainerRecord& container,
                          Recorder::WhenFull when_full) {
  if (const ConnectionCutPtr cut = std::exchange(work.cut, nullptr)) {
    return cut->then([this, work = std::move(work), container, when_full] {
      push_or_drop(work, container, when_full);
    });
  }
  const std::function<void()> dropped = std::move(work.dropped);
  if (parts_.recorder.push(std::move(work), when_full)) return;
  parts_.metrics.count_lost("queue");
  log_repeated("queue",
               "event not stored: the queue is full container=" + container.id);
  if (dropped) dropped();
}

void Intake::read_spool() {
  spool_watch_.drain();
  spool_left_ = false;
  Result<std::vector<std::string>> paths =
      list_records(parts_.run_dir + "/spool");
  if (!paths) {
    log_repeated("spool", "read spool: " + paths.error().message);
    return;
  }
  for (const std::string& path : *paths) {
    {
      const std::lock_guard lock(taken_mutex_);
      if (taken_.find(path) != taken_.end()) continue;
    }
    if (!take_spooled(path)) {
      spool_left_ = true;
      return;  // in order
    }
  }
}

bool Intake::take_spooled(const std::string& path) {
  Result<oci::ContainerRecord> record = read_record(path);
  if (!record) {
    if (record.error().code == Code::kNotFound) return true;
    log_error("spooled record set aside: " + record.error().message +
              " path=" + path);
    const std::string aside = path + ".bad";
    // If even that fails, the file is tried again after the next change.
    static_cast<void>(std::rename(path.c_str(), aside.c_str()));
    return true;
  }
  if (record->event == "start" || record->event == "adopt") {
    return take_start(path, *std::move(record));
  }
  if (record->event == "stop") {
    if (const auto ended =
            parts_.containers.stop(record->id, record->time_ns)) {
      parts_.engine.ended(ended->record.cgroup_id);
      parts_.ended();
    }
  }
  static_cast<void>(::unlink(path.c_str()));
  return true;
}

bool Intake::take_start(const std::string& path, oci::ContainerRecord record) {
  GenerationPtr generation = generation_of(record);
  const ContainerPtr container =
      make_container(std::move(record), std::move(generation));
  parts_.containers.add(container);
  const oci::ContainerRecord& started = container->record;
  const GenerationPtr current = parts_.generations.current();
  const bool is_current =
      container->generation && current &&
      container->generation->policy_id() == current->policy_id();
  if (current && !started.policy.empty() && !is_current) parts_.outdated();
  parts_.started();
  if (!started.degraded.empty()) {
    log_warning("container runs without enforcement: " + started.degraded +
                " container=" + started.id);
  }
  if (!container->generation && started.degraded.empty()) {
    static_cast<void>(::unlink(path.c_str()));
    return true;
  }

  const std::shared_ptr<const Settings> settings = parts_.settings();
  const std::uint64_t number = next_number();
  // One that is adopted has started long ago.
  const bool adopted = started.event == "adopt";
  std::vector<StartHit> hits;
  if (adopted) {
    parts_.adopted(container);
    seed_processes(*container);
  } else {
    hits = start_hits(*container, *settings, number, match_memory_);
  }
  const StartHit* strongest = nullptr;
  for (const StartHit& hit : hits) {
    const Response response = hit.decision.response;
    if (response == Response::kNone) continue;
    if (strongest == nullptr || response > strongest->decision.response) {
      strongest = &hit;
    }
  }

  std::optional<Trigger> capture;
  for (const StartHit& hit : hits) {
    const CompiledPolicy& policy = container->generation->policy();
    add_to(capture, policy, policy.rules[hit.rule].name, hit.decision);
  }
  Work work;
  std::optional<ResponseRequest> request;
  if (strongest != nullptr) {
    const ClockOffsets clocks = ClockOffsets::now();
    const ProcessName process{
        .pid = static_cast<pid_t>(started.pid),
        .seen_ns =
            shifted(started.time_ns, clocks.boottime_ns - clocks.realtime_ns)};
    const CompiledPolicy& policy = container->generation->policy();
    request.emplace(request_of(policy, strongest->decision,
                               policy.rules[strongest->rule].name, started,
                               process));
  }
  work.event_ns = shifted(started.time_ns, -ClockOffsets::now().realtime_ns);
  work.draft = [this, container, settings, number, adopted,
                hits = std::move(hits)] {
    const ContainerEventFields output(container->record, container->facts,
                                      number);
    std::vector<Draft> drafts;
    if (!container->record.degraded.empty()) {
      drafts.push_back(unprotected_draft(*settings, container->record));
    } else if (adopted) {
      drafts.push_back(adopted_draft(*settings, container->record));
    }
    // What ended the container that this one stands for is why it started.
    const std::optional<Begun> cause =
        parts_.engine.replaced(container->record);
    for (const StartHit& hit : hits) {
      Alert alert = rule_alert(*settings, *container, *container->generation,
                               hit.rule, output, container->record.time_ns);
      if (cause) {
        alert.caused_by = cause->id;
        alert.replaces = cause->record.id;
      }
      for (Draft& draft :
           policy_drafts(*settings, alert, container->generation->policy(),
                         Enforcement::kObserve, hit.decision)) {
        drafts.push_back(std::move(draft));
      }
    }
    return drafts;
  };
  work.stored = [this, path] {
    // At least once: a service that dies here tells of the container again.
    static_cast<void>(::unlink(path.c_str()));
    const std::lock_guard lock(taken_mutex_);
    taken_.erase(path);
  };
  {
    const std::lock_guard lock(taken_mutex_);
    taken_.insert(path);
  }
  if (request || capture) {
    // Once answered it is not answered again: what the queue has no room for
    // is counted.
    work.dropped = work.stored;
    answer(std::move(work), container, std::move(request), std::move(capture));
    return true;
  }
  if (parts_.recorder.push(std::move(work))) return true;
  const std::lock_guard lock(taken_mutex_);
  taken_.erase(path);
  return false;
}

}  // namespace bailiff::sidecar
