// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/service.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <limits>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include "hook/kernel/network_namespace.h"
#include "oci/sys/errno_error.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/alert/webhook.h"
#include "sidecar/evidence/evidence_json.h"
#include "sidecar/http/placements_json.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/ingest/record_folder.h"
#include "sidecar/respond/container_cgroup.h"
#include "sidecar/service/files.h"
#include "sidecar/service/log.h"
#include "sidecar/service/trigger.h"

namespace bailiff::sidecar {
namespace {

constexpr mode_t kFolderMode = 0700;

// How often is looked for containers that ended without a word, which those do
// that were adopted, and those whose runtime crashed.
constexpr std::chrono::seconds kUpdateEvery{30};

// A container that starts has told which policy it is under by then, however
// often that is replaced meanwhile.
constexpr std::chrono::seconds kStartsWithin{60};

// What an actor and a reason may add to an audit record.
constexpr std::size_t kMaxReasonBytes = 4096;

// Alerts of one container that are looked through for one.
constexpr int kMaxRecoveredAlerts = 1000;
// How much older than its response an event may be.
constexpr std::uint64_t kEventAgeNs = 60ULL * 1'000'000'000;

Error with_context(const std::string& context, Error error) {
  error.message = context + ": " + error.message;
  return error;
}

// Makes the last folder of the path; one that is there must be trusted.
Status make_private_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return errno_error("make folder '" + path + "'");
  }
  return check_trusted(path);
}

std::string node_name(const ServiceConfig& config) {
  if (config.node != "auto") return config.node;
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

Result<std::shared_ptr<const Settings>> make_settings(
    const ServiceConfig& config) {
  auto settings = std::make_shared<Settings>();
  settings->node = node_name(config);
  settings->exempt = config.exempt;
  for (const std::string& text : config.isolate_allow) {
    std::optional<IpNetwork> network = parse_network(text);
    if (const auto address = parse_address(text)) {
      const std::uint8_t bits = address->family == 4 ? 32 : 128;
      network = IpNetwork{.base = *address, .prefix = bits};
    }
    if (!network) {
      return Error{
          Code::kInvalidArgument,
          "isolate_allow: '" + text + "' is neither an address nor a network"};
    }
    settings->isolate_allow.push_back(*network);
  }
  for (const SinkConfig& sink : config.sinks) {
    // What parse_service_config() let through is a priority or "".
    settings->sinks.push_back(
        {sink.name,
         parse_priority(sink.min_priority).value_or(Priority::kDebug)});
  }
  return std::shared_ptr<const Settings>(std::move(settings));
}

bool same_sinks(const std::vector<SinkConfig>& a,
                const std::vector<SinkConfig>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const SinkConfig& x, const SinkConfig& y) {
                      return x.name == y.name && x.type == y.type &&
                             x.url == y.url && x.secret_file == y.secret_file &&
                             x.min_priority == y.min_priority;
                    });
}

// The key of a change that a running service cannot make; "" when there is
// none.
std::string needs_restart(const ServiceConfig& from, const ServiceConfig& to) {
  if (from.node != to.node) return "node";
  if (from.run_dir != to.run_dir) return "run_dir";
  if (from.state_dir != to.state_dir) return "state_dir";
  if (from.bpf_dir != to.bpf_dir) return "bpf_dir";
  if (from.api_unix != to.api_unix || from.api_tcp != to.api_tcp ||
      from.api_group != to.api_group) {
    return "api";
  }
  if (!same_sinks(from.sinks, to.sinks)) return "sinks";
  if (from.evidence != to.evidence) return "evidence";
  return "";
}

// The isolator of the engine's, one call at a time.
class KernelIsolator final : public Isolator {
 public:
  using Allowed = std::function<std::vector<IpNetwork>()>;
  KernelIsolator(KernelSide& kernel, std::mutex& mutex, Allowed allowed)
      : kernel_(kernel), mutex_(mutex), allowed_(std::move(allowed)) {}
  Status isolate(const oci::ContainerRecord& record) override {
    const std::vector<IpNetwork> allowed = allowed_();
    const std::lock_guard lock(mutex_);
    return kernel_.isolate(record, allowed);
  }
  Status release(const oci::ContainerRecord& record) override {
    const std::lock_guard lock(mutex_);
    return kernel_.release(record);
  }

 private:
  KernelSide& kernel_;
  std::mutex& mutex_;
  const Allowed allowed_;
};

std::vector<std::string> list_names(const CompiledPolicy& policy) {
  std::vector<std::string> names;
  for (const List& list : policy.lists) names.push_back(list.name);
  return names;
}

Error out_of_memory() {
  return {Code::kExhausted,
          "not enough memory for the lists of the rule files: raise the limit "
          "of the service, or shorten them"};
}

// As people and logs are told.
std::string name_of(const OverBudget& over) {
  return over.name.empty() ? over.scope : over.scope + " '" + over.name + "'";
}

// The process that somebody else's alert is about, if it says.
ProcessName process_of(const FalcoViolation& told) {
  for (const auto& [name, value] : told.output_fields) {
    if (name != "proc.pid") continue;
    const auto* scalar = std::get_if<Value>(&value);
    const auto* pid =
        scalar == nullptr ? nullptr : std::get_if<std::int64_t>(scalar);
    if (pid == nullptr || *pid <= 0 ||
        *pid > std::numeric_limits<pid_t>::max()) {
      break;
    }
    const ClockOffsets clocks = ClockOffsets::now();
    return {.pid = static_cast<pid_t>(*pid),
            .seen_ns =
                told.time_ns + static_cast<std::uint64_t>(clocks.boottime_ns -
                                                          clocks.realtime_ns)};
  }
  return {};
}

Secrets secrets_of(const ServiceConfig& config) {
  return config.evidence.keep_secrets ? Secrets::kKeep : Secrets::kMask;
}

std::optional<std::uint32_t> find_rule(const CompiledPolicy& policy,
                                       const std::string& name) {
  const auto rule =
      std::find_if(policy.rules.begin(), policy.rules.end(),
                   [&](const Rule& each) { return each.name == name; });
  if (rule == policy.rules.end()) return std::nullopt;
  return static_cast<std::uint32_t>(rule - policy.rules.begin());
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(const std::string& config_path,
                                                const Machine& machine) {
  ASSIGN_OR_RETURN(ServiceConfig config, load_config(config_path));
  std::unique_ptr<Service> service(new Service(config_path));
  service->config_ = std::move(config);
  RETURN_IF_ERROR(service->open_folders());
  ASSIGN_OR_RETURN(LoadedPolicy loaded, load_policy(service->config_));
  if (!loaded.warnings.empty()) log_warning("policy:\n" + loaded.warnings);
  ASSIGN_OR_RETURN(service->settings_, make_settings(service->config_));

  ASSIGN_OR_RETURN(service->store_,
                   Store::open(service->config_.state_dir + "/bailiff.db"));
  ASSIGN_OR_RETURN(service->generations_,
                   Generations::open(service->config_.state_dir));
  ASSIGN_OR_RETURN(service->responder_, machine.responder());
  service->managers_ = machine.managers();
  service->kernel_ = machine.kernel_side(service->config_.bpf_dir);

  // While there is one thread: it forks.
  Result<std::string> shown = service->kernel_->self_test();
  service->self_test_ = {"self_test", shown.has_value(),
                         shown ? *shown : shown.error().message};
  if (shown) {
    log_info("self-test: " + *shown);
  } else {
    log_error("this host does not enforce: " + shown.error().message);
  }
  if (Result<std::vector<std::string>> removed = service->kernel_->reconcile();
      removed) {
    for (const std::string& id : *removed) {
      log_info("removed what a container that is gone left container=" + id);
    }
  } else {
    log_warning("reconcile: " + removed.error().message + ", ignoring");
  }

  RETURN_IF_ERROR(service->open_sinks());
  Service* const raw = service.get();
  ASSIGN_OR_RETURN(
      service->recorder_,
      Recorder::start(*raw->store_, raw->metrics_,
                      [raw](const std::vector<std::string>& dropped) {
                        raw->forwarder_->count_dropped(dropped);
                        raw->forwarder_->notify();
                      }));
  RETURN_IF_ERROR(service->open_lists(loaded));
  RETURN_IF_ERROR(service->apply(loaded.policy));
  RETURN_IF_ERROR(service->start_engine());
  RETURN_IF_ERROR(service->open_evidence());
  // Before there are events that could ask for another capture of one.
  service->settle_captures();
  service->cuts_ = std::make_unique<ConnectionCuts>(
      ConnectionCuts::Parts{.containers = service->containers_,
                            .settings = [raw] { return raw->settings(); },
                            .calls = service->kernel_->connection_calls()});
  service->updater_ = std::make_unique<Updater>(
      [raw] {
        raw->end_list_changes();
        raw->update_containers();
      },
      kUpdateEvery);
  ASSIGN_OR_RETURN(service->intake_,
                   Intake::start({.run_dir = raw->config_.run_dir,
                                  .kernel = *raw->kernel_,
                                  .kernel_mutex = raw->kernel_mutex_,
                                  .generations = *raw->generations_,
                                  .containers = raw->containers_,
                                  .engine = *raw->engine_,
                                  .captures = *raw->captures_,
                                  .flight = raw->flight_,
                                  .secrets = secrets_of(raw->config_),
                                  .recorder = *raw->recorder_,
                                  .metrics = raw->metrics_,
                                  .settings = [raw] { return raw->settings(); },
                                  .outdated = [raw] { raw->updater_->ask(); },
                                  .started =
                                      [raw] {
                                        if (ForeignWatch* watch = raw->looks_)
                                          watch->look();
                                        raw->look_at_networks();
                                      },
                                  .ended = [raw] { raw->look_at_networks(); },
                                  .adopted =
                                      [raw](const ContainerPtr& container) {
                                        raw->cuts_->look(container);
                                      },
                                  .cut =
                                      [raw](const ContainerPtr& container,
                                            const ConnectEvent& refused) {
                                        return raw->cuts_->look(container,
                                                                refused);
                                      }}));
  // Lists may be others than when it ended.
  service->cuts_->look();
  RETURN_IF_ERROR(service->open_foreign());
  RETURN_IF_ERROR(service->open_interfaces());
  service->updater_->ask();
  service->forget_generations();
  service->open_notifier(machine.keeper);
  return service;
}

Service::~Service() { stop(std::chrono::steady_clock::now()); }

void Service::stop(std::chrono::steady_clock::time_point deadline) {
  if (notifier_) notifier_->stop();
  if (intake_) intake_->stop();
  if (foreign_) foreign_->stop();
  if (interfaces_) interfaces_->stop();
  if (updater_) updater_->stop();
  // Before the recorder: what is being collected is answered and told.
  if (captures_) captures_->stop(deadline);
  if (cuts_) cuts_->stop();
  if (recorder_ && !recorder_->drain(deadline)) {
    log_error("stop: events that were decided are not stored");
  }
  if (engine_) engine_->stop();
  recorder_.reset();
  if (forwarder_) forwarder_->stop(deadline);
  // The lock file stays: see FileLock.
  if (lock_) ::unlink((config_.run_dir + "/bailiffd.pid").c_str());
  lock_.reset();
}

Status Service::open_folders() {
  RETURN_IF_ERROR(make_private_folder(config_.run_dir));
  RETURN_IF_ERROR(make_private_folder(config_.state_dir));
  Result<std::optional<FileLock>> lock =
      FileLock::try_acquire(config_.run_dir + "/bailiffd.lock");
  if (!lock) return std::move(lock).error();
  if (!*lock) {
    return Error{Code::kExhausted,
                 "another service runs on run_dir '" + config_.run_dir + "'"};
  }
  lock_ = std::make_unique<FileLock>(*std::move(*lock));
  RETURN_IF_ERROR(make_private_folder(config_.run_dir + "/containers"));
  RETURN_IF_ERROR(make_private_folder(config_.run_dir + "/spool"));
  return write_atomically(config_.run_dir + "/bailiffd.pid",
                          std::to_string(::getpid()) + "\n", 0600,
                          Durability::kProcess);
}

Status Service::start_engine() {
  isolator_ = std::make_unique<KernelIsolator>(
      *kernel_, kernel_mutex_, [this] { return settings()->isolate_allow; });
  JournalContent content;
  ASSIGN_OR_RETURN(std::unique_ptr<Journal> journal,
                   Journal::open(config_.run_dir + "/responses", content));
  ASSIGN_OR_RETURN(
      engine_,
      ResponseEngine::start(
          {.responder = *responder_,
           .isolator = *isolator_,
           .managers = *managers_,
           .limits = config_.limits,
           .journal = std::move(journal),
           .tell =
               [this](const Effect& effect) { return store_effect(effect); },
           .log =
               [](const std::string& line) { log_repeated("respond", line); }},
          content));
  return Ok{};
}

bool Service::store_effect(const Effect& effect) {
  if (effect.recovered) {
    // It was stored, and the process was killed before it could note so?
    const ClockOffsets clocks = ClockOffsets::now();
    const auto boot =
        static_cast<std::uint64_t>(clocks.realtime_ns - clocks.boottime_ns);
    const Result<std::vector<StoredAlert>> alerts =
        store_->query({.limit = kMaxRecoveredAlerts,
                       .container = effect.cause.record.id,
                       .since_ns = effect.cause.begun_ns + boot - kEventAgeNs});
    const std::string mark = "\"response_id\":\"" + effect.cause.id + "\"";
    const auto has_it = [&](const StoredAlert& alert) {
      return alert.json.find(mark) != std::string::npos;
    };
    if (alerts && std::any_of(alerts->begin(), alerts->end(), has_it)) {
      return true;
    }
  }
  return recorder_->store(effect_draft(*settings(), effect, now_ns()))
      .has_value();
}

Status Service::open_sinks() {
  std::vector<NamedSink> sinks;
  for (const SinkConfig& config : config_.sinks) {
    Result<std::unique_ptr<Sink>> sink = open_webhook(config);
    if (!sink) {
      return with_context("sink '" + config.name + "'",
                          std::move(sink).error());
    }
    sinks.push_back({config.name, *std::move(sink)});
  }
  forwarder_ = std::make_unique<Forwarder>(*store_, std::move(sinks));
  return Ok{};
}

Status Service::open_foreign() {
  ASSIGN_OR_RETURN(
      foreign_, ForeignWatch::start(
                    {.open =
                         [this](ForeignSource::Use use) {
                           const std::lock_guard lock(kernel_mutex_);
                           return kernel_->open_foreign(std::move(use));
                         },
                     .containers = containers_,
                     .metrics = metrics_,
                     .settings = [this] { return settings(); },
                     .next_number = [this] { return intake_->next_number(); },
                     .answer =
                         [this](Work work, const ContainerPtr& container,
                                std::optional<ResponseRequest> request,
                                std::optional<Trigger> capture) {
                           intake_->answer(std::move(work), container,
                                           std::move(request),
                                           std::move(capture));
                         }}));
  looks_ = foreign_.get();
  return Ok{};
}

Status Service::open_interfaces() {
  ASSIGN_OR_RETURN(
      interfaces_,
      InterfaceWatch::start(
          {.containers = containers_,
           .open = [](const oci::ContainerRecord& record)
               -> Result<std::optional<hook::InterfaceEvents>> {
             ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
             ASSIGN_OR_RETURN(const Cgroup cgroup,
                              open_container_cgroup(mount, record));
             ASSIGN_OR_RETURN(const auto network,
                              hook::container_network(record, cgroup));
             if (!network) return std::optional<hook::InterfaceEvents>();
             // No process may be left in the one it was started in.
             ASSIGN_OR_RETURN(const hook::NamespaceId id,
                              hook::network_namespace_id(network->netns));
             if (id.second != static_cast<ino_t>(record.netns)) {
               return std::optional<hook::InterfaceEvents>();
             }
             ASSIGN_OR_RETURN(hook::InterfaceEvents events,
                              hook::InterfaceEvents::open(network->netns));
             return std::optional(std::move(events));
           },
           .judge =
               [this](const ContainerPtr& container) {
                 return judge_interfaces(container);
               }}));
  hears_ = interfaces_.get();
  return Ok{};
}

void Service::look_at_networks() {
  if (InterfaceWatch* const watch = hears_) watch->look();
}

Status Service::judge_interfaces(const ContainerPtr& container) {
  const std::lock_guard lock(kernel_mutex_);
  // A reload may have come first, and have judged them too.
  const auto known = containers_.by_cgroup(container->record.cgroup_id);
  if (!known || known->gone || !known->container->generation) return Ok{};
  const oci::ContainerRecord& record = known->container->record;
  const GenerationPtr generation = known->container->generation;
  const Result<hook::UpdatedContainers> judged = kernel_->judge_interfaces(
      {.policy = generation->policy(),
       .whole = [&]() -> Result<const CompiledPolicy*> {
         return &generation->policy();
       },
       .digest = generation->digest(),
       .id = generation->policy_id()},
      record, [&](const std::vector<oci::ContainerRecord>& now) {
        return write_records(now, {record});
      });
  if (!judged) {
    if (judged.error().code == Code::kNotFound) return Ok{};
    return judged.error();
  }
  for (const oci::ContainerRecord& now : judged->records) {
    containers_.update(make_container(now, generation));
  }
  // Whatever else comes, it is told again.
  for (const std::string& line : judged->unjudged) {
    log_repeated("interfaces", line);
  }
  if (!judged->left.empty()) {
    log_warning("remove what nobody uses: " + judged->left);
  }
  return Ok{};
}

// Without it the service is still of use: containers whose calls are to be
// refused are held back by the wrapper, which finds nobody listening.
void Service::open_notifier(const std::string& keeper) {
  // The updater runs, and tells it what it changes.
  const std::lock_guard lock(kernel_mutex_);
  Result<std::unique_ptr<Notifier>> notifier = Notifier::start(
      {.run_dir = config_.run_dir,
       .keeper = keeper,
       .container =
           [this](const std::string& id) { return running_container(id); },
       .on_failure =
           [this] { return generations_->current()->policy().on_failure; },
       .answered =
           [this](HeldAnswer answer) { intake_->answered(std::move(answer)); },
       .report = log_repeated});
  if (notifier) {
    notifier_ = *std::move(notifier);
    return;
  }
  notifier_problem_ = notifier.error().message;
  log_error("system calls cannot be refused: " + notifier_problem_);
}

// From its record, which the hook writes before the container has a filter: the
// registry may have it later.
ContainerPtr Service::running_container(const std::string& id) const {
  Result<oci::ContainerRecord> record =
      read_record(config_.run_dir + "/containers/" + id + ".json");
  if (!record || record->policy.empty()) return nullptr;
  Result<GenerationPtr> generation = generations_->find(record->policy);
  if (!generation) return nullptr;
  return make_container(*std::move(record), *std::move(generation));
}

Status Service::open_evidence() {
  const EvidenceConfig& config = config_.evidence;
  constexpr std::uint64_t kMib = std::uint64_t{1024} * 1024;
  ASSIGN_OR_RETURN(
      evidence_,
      EvidenceFolder::open(
          config_.state_dir,
          {.keep_for = std::chrono::milliseconds(config.keep_for_ms),
           .keep_bytes = static_cast<std::uint64_t>(config.keep_mib) * kMib}));
  // Without a hierarchy there is nothing to freeze, and captures say so.
  const Result<CgroupMount> mount = CgroupMount::find();
  ASSIGN_OR_RETURN(
      captures_,
      Captures::start(
          {.run_dir = config_.run_dir,
           .node = settings()->node,
           .limit = std::chrono::milliseconds(config.limit_ms),
           .secrets = secrets_of(config_),
           // So that one does not drive all others out.
           .checkpoint_bytes =
               config.checkpoint
                   ? static_cast<std::uint64_t>(config.keep_mib) * kMib / 4
                   : 0,
           .no_checkpoint = mount && mount->hybrid
                                ? "beside cgroup version 1 a runtime knows "
                                  "nothing of what version 2 has frozen"
                                : "",
           .open_cgroup =
               [mount](const oci::ContainerRecord& record) -> Result<Cgroup> {
             if (!mount) return mount.error();
             return open_container_cgroup(*mount, record);
           },
           .keeps_frozen =
               [this](std::uint64_t cgroup_id) {
                 return engine_->wants_frozen(cgroup_id);
               },
           .log =
               [](const std::string& line) { log_repeated("evidence", line); }},
          *evidence_));
  return Ok{};
}

void Service::settle_captures() {
  for (const Interrupted& each : interrupted_captures(config_.run_dir)) {
    const bool paused = engine_->wants_frozen(each.cgroup_id);
    log_warning(std::string("the service died while it captured evidence: ") +
                (paused ? "left frozen, as it is paused" : "thawed") +
                " container=" + each.container);
    const Status settled = settle(config_.run_dir, each, paused);
    if (!settled) {
      log_error("thaw: " + settled.error().message +
                " container=" + each.container);
    }
  }
}

// policy.bin first, as publish_lists() wants it: a container that starts in
// between brings the lists to what that file says.
Status Service::apply(const CompiledPolicy& policy, bool with_degraded) {
  const std::lock_guard lock(kernel_mutex_);
  const GenerationPtr before = generations_->current();
  Status published = Ok{};
  try {
    RETURN_IF_ERROR(generations_->publish(policy));
    // Where no kernel object can be kept there is nothing to bring up to
    // date.
    if (!kernel_->check()) return Ok{};
    published = bring_up_to_date(with_degraded);
    if (published) return Ok{};
  } catch (const std::bad_alloc&) {
    published = out_of_memory();
  }
  // All or nothing: back to what was, the lists that did change included.
  Status back = Ok{};
  try {
    back = generations_->restore(before);
    if (back && before) {
      back = kernel_->publish_lists(before->policy(), before->digest());
    }
  } catch (const std::bad_alloc&) {
    back = out_of_memory();
  }
  if (!back) log_error("undo a failed reload: " + back.error().message);
  return published;
}

std::vector<oci::ContainerRecord> Service::outdated(bool with_degraded) const {
  const std::uint64_t policy_id = generations_->current()->policy_id();
  std::vector<oci::ContainerRecord> found;
  for (const KnownContainer& known : containers_.all()) {
    const Container& container = *known.container;
    // Without a cgroup of its own there is nothing to attach to.
    if (known.gone || container.record.cgroup_id == 0) continue;
    if (!container.record.degraded.empty()) {
      if (with_degraded) found.push_back(container.record);
      continue;
    }
    if (container.generation &&
        container.generation->policy_id() == policy_id) {
      continue;
    }
    found.push_back(container.record);
  }
  return found;
}

Status Service::write_records(
    const std::vector<oci::ContainerRecord>& now,
    const std::vector<oci::ContainerRecord>& before) const {
  const auto write = [&](const oci::ContainerRecord& record) -> Status {
    const std::string path =
        config_.run_dir + "/containers/" + record.id + ".json";
    // It has ended, and poststop has removed its record.
    if (::access(path.c_str(), F_OK) != 0) return Ok{};
    return write_atomically(path, to_json(record), 0600, Durability::kProcess);
  };
  for (const oci::ContainerRecord& record : now) {
    Status written = write(record);
    if (written) continue;
    for (const oci::ContainerRecord& each : before) {
      static_cast<void>(write(each));
    }
    return written;
  }
  return Ok{};
}

Status Service::bring_up_to_date(bool with_degraded) {
  const GenerationPtr current = generations_->current();
  const std::vector<oci::ContainerRecord> before = outdated(with_degraded);
  if (before.empty()) {
    outdated_problem_.clear();
    Status published =
        kernel_->publish_lists(current->policy(), current->digest());
    if (published && cuts_) cuts_->look();
    if (published) return published;
    return with_context("lists", std::move(published).error());
  }
  Result<hook::UpdatedContainers> updated = kernel_->update_containers(
      current->policy(), before,
      [&](const std::vector<oci::ContainerRecord>& now) {
        return write_records(now, before);
      });
  if (notifier_) notifier_->containers_changed();
  if (!updated) {
    return with_context("containers that run", std::move(updated).error());
  }
  outdated_problem_.clear();
  for (oci::ContainerRecord& record : updated->records) {
    GenerationPtr generation = record.degraded.empty() ? current : nullptr;
    if (generation) {
      log_info("container is under the current policy container=" + record.id);
    } else {
      log_warning("container still runs without enforcement: " +
                  record.degraded + " container=" + record.id);
    }
    const std::optional<KnownContainer> known =
        containers_.by_cgroup(record.cgroup_id);
    const ContainerPtr now =
        make_container(std::move(record), std::move(generation));
    const std::uint64_t held = known ? known->container->held.calls : 0;
    if ((now->held.calls & ~held) != 0) {
      // A filter is set up when a container starts, and by nobody after.
      log_warning(
          "system calls that its policies refuse now are only observed until "
          "the container is started again container=" +
          now->record.id);
    }
    containers_.update(now);
  }
  if (cuts_) cuts_->look();
  look_at_networks();
  for (const std::string& line : updated->unjudged) log_warning(line);
  if (!updated->left.empty()) {
    log_warning("take off what is judged no longer: " + updated->left);
  }
  return Ok{};
}

void Service::forget_gone() {
  const Result<std::vector<std::string>> removed = kernel_->reconcile();
  if (!removed) {
    log_warning("reconcile: " + removed.error().message + ", ignoring");
    return;
  }
  for (const std::string& id : *removed) {
    log_info("removed what a container that is gone left container=" + id);
    const Result<KnownContainer> known = containers_.by_name(id);
    if (!known || known->container->record.id != id) continue;
    // Another may have the id by now.
    const oci::ContainerRecord& record = known->container->record;
    if (has_processes(record)) continue;
    if (const ContainerPtr ended = containers_.stop(id, record.time_ns)) {
      engine_->ended(ended->record.cgroup_id);
      look_at_networks();
    }
    static_cast<void>(
        ::unlink((config_.run_dir + "/containers/" + id + ".json").c_str()));
  }
}

void Service::update_containers() {
  const std::lock_guard one(reload_mutex_);
  {
    const std::lock_guard lock(kernel_mutex_);
    if (!kernel_->check()) return;
    Status updated = Ok{};
    try {
      forget_gone();
      if (!outdated(try_degraded_).empty()) {
        updated = bring_up_to_date(try_degraded_);
      }
      if (updated) try_degraded_ = false;
    } catch (const std::bad_alloc&) {
      updated = out_of_memory();
    }
    if (!updated) {
      outdated_problem_ = updated.error().message;
      log_error("containers stay under an earlier policy: " +
                outdated_problem_);
      return;
    }
  }
  forget_generations();
}

void Service::forget_generations() {
  std::set<std::string> used;
  for (const KnownContainer& known : containers_.all()) {
    used.insert(known.container->record.policy);
  }
  if (const int failed = generations_->keep_only(used, kStartsWithin);
      failed > 0) {
    log_warning("remove old policies: some could not be, ignoring count=" +
                std::to_string(failed));
  }
}

std::shared_ptr<const Settings> Service::settings() const {
  const std::lock_guard lock(settings_mutex_);
  return settings_;
}

// What a policy needs depends on the lists, which others write: when it is more
// than there is, the service goes on with what it has.
Status Service::reload(const std::string& actor) {
  const auto load = [this]() -> Status {
    const std::lock_guard one(reload_mutex_);
    try {
      return load_anew();
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    }
  };
  Status reloaded = load();
  record_operation("reload", actor, "",
                   reloaded ? "reloaded" : "error: nothing changed");
  return reloaded;
}

Status Service::load_anew() {
  ASSIGN_OR_RETURN(const ServiceConfig config, load_config(config_path_));
  if (const std::string key = needs_restart(config_, config); !key.empty()) {
    return Error{Code::kInvalidArgument,
                 "a change of '" + key + "' needs a restart of the service"};
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const Settings> settings,
                   make_settings(config));
  ASSIGN_OR_RETURN(LoadedPolicy loaded, load_policy(config));
  auto lists = std::make_shared<ListState>(*list_state());
  lists->pasted = std::move(loaded.pasted_lists);
  const std::vector<std::string> warnings = lay_over(loaded.policy, *lists);
  RETURN_IF_ERROR(apply(loaded.policy));
  set_lists(std::move(lists));
  warn_of_lists(warnings);
  {
    const std::lock_guard lock(settings_mutex_);
    settings_ = settings;
  }
  engine_->set_limits(config.limits);
  forget_generations();
  updater_->ask();
  if (!loaded.warnings.empty()) log_warning("policy:\n" + loaded.warnings);
  log_info(
      "reloaded: rules, policies and lists hold for every container policy=" +
      generations_->current()->digest().hex());
  return Ok{};
}

std::vector<ReadinessCheck> Service::readiness() {
  std::vector<ReadinessCheck> checks = {self_test_};
  const auto add = [&](std::string name, const std::string& problem,
                       const std::string& good) {
    checks.push_back(
        {std::move(name), problem.empty(), problem.empty() ? good : problem});
  };
  const GenerationPtr current = generations_->current();
  add("policy", current ? "" : "no policy is loaded",
      current ? current->digest().hex() : "");
  add("store", recorder_ ? recorder_->problem() : "the service is stopping",
      config_.state_dir + "/bailiff.db");
  std::string outdated;
  Status kept = [&] {
    const std::lock_guard lock(kernel_mutex_);
    outdated = outdated_problem_;
    return kernel_->check();
  }();
  add("containers", outdated, "all are under the current policy");
  add("lists", lists_problem_, "changes by hand are kept");
  add("bpffs", kept ? "" : kept.error().message, config_.bpf_dir);
  add("ring_buffer", intake_->events_problem(), config_.bpf_dir + "/events");
  add("foreign_sockets", foreign_->problem(), "looked for");
  const std::size_t unkept = notifier_ ? notifier_->unkept() : 0;
  add("seccomp",
      unkept == 0 ? notifier_problem_
                  : std::to_string(unkept) +
                        " listeners would not survive bailiffd: see its log",
      config_.run_dir + "/seccomp.sock");
  // A workload that cools down is no reason to call the whole service unready.
  std::string used_up;
  std::string cooling;
  for (const OverBudget& over : engine_->over()) {
    (over.scope == "workload" ? cooling : used_up) += " " + name_of(over);
  }
  add("responses",
      used_up.empty() ? "" : "the budget is used up, re-arm it:" + used_up,
      cooling.empty() ? "armed" : "armed, but cooling down:" + cooling);
  return checks;
}

std::string Service::metrics() {
  MetricsText text;
  metrics_.write(text, intake_->kernel_lost());
  std::map<std::string, std::uint64_t> states = {{"running", 0},
                                                 {"degraded", 0},
                                                 {"paused", 0},
                                                 {"isolated", 0},
                                                 {"stopping", 0}};
  for (const ContainerView& each : containers()) {
    if (each.state != "gone") ++states[each.state];
  }
  text.family("bailiff_containers", "gauge", "Containers by state.");
  for (const auto& [state, count] : states) {
    text.sample({{"state", state}}, count);
  }
  const std::vector<SinkCounts> sinks = forwarder_->counts();
  text.family("bailiff_alerts_total", "counter",
              "Deliveries by what became of them.");
  for (const SinkCounts& sink : sinks) {
    text.sample({{"sink", sink.sink}, {"result", "delivered"}}, sink.delivered);
    text.sample({{"sink", sink.sink}, {"result", "failed"}}, sink.failed);
    text.sample({{"sink", sink.sink}, {"result", "retried"}}, sink.retried);
    text.sample({{"sink", sink.sink}, {"result", "dropped"}}, sink.dropped);
  }
  text.family("bailiff_alerts_pending", "gauge",
              "Deliveries still to be made.");
  for (const SinkCounts& sink : sinks) {
    text.sample(
        {{"sink", sink.sink}},
        static_cast<std::uint64_t>(std::max<std::int64_t>(sink.pending, 0)));
  }
  const CaptureCounts captures = captures_->counts();
  text.family("bailiff_captures_total", "counter",
              "Captures of evidence by what became of them.");
  text.sample({{"result", "complete"}}, captures.complete);
  text.sample({{"result", "failed"}}, captures.failed);
  text.sample({{"result", "refused"}}, captures.refused);
  text.family("bailiff_list_entries", "gauge", "Entries of each list.");
  if (const GenerationPtr current = generations_->current()) {
    const std::vector<List>& lists = current->policy().lists;
    for (std::uint32_t i = 0; i < lists.size(); ++i) {
      text.sample({{"list", lists[i].name}}, current->list_entries(i));
    }
  }
  text.family("bailiff_listeners_unkept", "gauge",
              "Seccomp listeners that would not survive bailiffd.");
  text.sample({},
              static_cast<std::uint64_t>(notifier_ ? notifier_->unkept() : 0));
  text.family("bailiff_response_budget_exhausted", "gauge",
              "1 for each budget of responses that is used up.");
  for (const OverBudget& over : engine_->over()) {
    text.sample({{"scope", over.scope}, {"name", over.name}}, std::uint64_t{1});
  }
  text.family("bailiff_self_test", "gauge",
              "1 when this host was shown to enforce.");
  text.sample({}, std::uint64_t{self_test_.ok ? 1U : 0U});
  text.family("bailiff_build_info", "gauge", "What runs here.");
  text.sample({{"version", BAILIFF_VERSION}}, std::uint64_t{1});
  return std::move(text).text();
}

ContainerView Service::view(const KnownContainer& known) const {
  const oci::ContainerRecord& record = known.container->record;
  ContainerView view;
  view.id = record.id;
  view.identity = alert_container(record);
  view.pid = record.pid;
  view.cgroup = record.cgroup_path;
  view.policy_digest = record.policy;
  view.degraded = record.degraded;
  view.started_ns = record.time_ns;
  if (known.container->generation) {
    const CompiledPolicy& policy = known.container->generation->policy();
    for (const std::uint32_t index : known.container->policies) {
      view.policies.push_back(policy.policies[index].name);
    }
  }
  if (known.gone || !has_processes(record)) {
    view.state = "gone";
    return view;
  }
  view.state = record.degraded.empty() ? "running" : "degraded";
  const Condition condition = engine_->condition(record.cgroup_id);
  // Limits are of CLOCK_BOOTTIME.
  const ClockOffsets clocks = ClockOffsets::now();
  const auto add = [&](const std::optional<Begun>& begun, const char* state) {
    if (!begun) return;
    view.state = state;
    const auto shift =
        static_cast<std::uint64_t>(clocks.realtime_ns - clocks.boottime_ns);
    view.in_force.push_back(
        {.response = std::string(to_string(begun->response)),
         .id = begun->id,
         .policy = begun->policy,
         .actor = begun->actor,
         .until_ns = begun->until_ns == 0 ? 0 : begun->until_ns + shift});
  };
  add(condition.isolated, "isolated");
  // Somebody else may have paused it.
  if (const Result<ProcessesState> now = responder_->look(record);
      now && now->frozen) {
    view.state = "paused";
  }
  add(condition.paused, "paused");
  add(condition.stopping, "stopping");
  return view;
}

std::vector<ContainerView> Service::containers() {
  std::vector<ContainerView> views;
  for (const KnownContainer& known : containers_.all()) {
    views.push_back(view(known));
  }
  return views;
}

Result<ContainerView> Service::container(const std::string& name) {
  ASSIGN_OR_RETURN(const KnownContainer known, containers_.by_name(name));
  return view(known);
}

Status Service::store_all(std::vector<Draft>& drafts, const TicketPtr& ticket,
                          std::uint64_t event_ns) {
  for (Draft& draft : drafts) {
    if (draft.awaits_response) complete(draft, ticket->wait(), event_ns);
    RETURN_IF_ERROR(recorder_->store(draft));
  }
  if (ticket) engine_->told(ticket);
  return Ok{};
}

Result<std::string> Service::violation(const std::string& body) {
  ASSIGN_OR_RETURN(FalcoViolation told, parse_falco_violation(body));
  const std::uint64_t now = monotonic_ns();
  const std::shared_ptr<const Settings> settings = this->settings();
  Alert alert;
  alert.hostname = told.hostname.empty() ? settings->node : told.hostname;
  alert.time_ns = told.time_ns;
  alert.priority = told.priority;
  alert.rule = told.rule;
  alert.source = told.source;
  alert.tags = told.tags;
  alert.message = told.output;
  alert.output_fields = told.output_fields;

  // Falco says "host" for what is in no container.
  Result<KnownContainer> known =
      told.container_id.empty() || told.container_id == "host"
          ? Result<KnownContainer>(
                Error{Code::kNotFound, "the violation names no container"})
          : containers_.by_id_prefix(told.container_id);
  GenerationPtr generation = generations_->current();
  if (known) {
    alert.container = alert_container(known->container->record);
    if (known->container->generation) {
      generation = known->container->generation;
    }
  } else {
    alert.container.id = told.container_id;
  }
  const std::optional<std::uint32_t> rule =
      generation ? find_rule(generation->policy(), told.rule) : std::nullopt;

  std::vector<Draft> drafts;
  TicketPtr ticket;
  std::string evidence;
  if (known && rule && known->container->generation) {
    const oci::ContainerRecord& record = known->container->record;
    const Decision decision =
        decide(generation->policy(), known->container->policies,
               {.rule = *rule, .enforcement = Enforcement::kExternal},
               is_exempt(*settings, record));
    std::optional<Trigger> capture;
    if (decision.capture) {
      capture = Trigger{.kind = "rule", .rules = {told.rule}};
      for (const PolicyDecision& each : decision.policies) {
        if (!each.capture) continue;
        capture->policies.push_back(
            generation->policy().policies[each.policy].name);
      }
    }
    std::optional<ResponseRequest> request;
    if (decision.response != Response::kNone) {
      request.emplace(request_of(generation->policy(), decision, told.rule,
                                 record, process_of(told)));
    }
    if (request || capture) {
      const Answered answered =
          answer_violation(known->container, std::move(request),
                           std::move(capture), to_json(alert));
      ticket = answered.ticket;
      evidence = answered.evidence;
    }
    drafts = policy_drafts(*settings, alert, generation->policy(),
                           Enforcement::kExternal, decision);
  }
  if (drafts.empty()) {
    std::string why = "no policy of the container holds the rule";
    if (!known) {
      why = known.error().message;
    } else if (!known->container->generation) {
      why = "the container runs without a policy";
    } else if (!rule) {
      why = "no rule of that name is loaded";
    }
    drafts.push_back(plain_draft(*settings, std::move(alert),
                                 Enforcement::kExternal, std::move(why)));
    drafts.back().known_rule = rule.has_value();
  }
  for (Draft& draft : drafts) draft.alert.evidence = evidence;
  RETURN_IF_ERROR(store_all(drafts, ticket, now));
  return drafts.front().alert.uuid;
}

Service::Answered Service::answer_violation(
    const ContainerPtr& container, std::optional<ResponseRequest> request,
    std::optional<Trigger> capture, const std::string& event) {
  // Called by whichever thread of the captures is first; kept for both.
  const auto answered = std::make_shared<std::promise<Answered>>();
  std::future<Answered> done = answered->get_future();
  const Response response = request ? request->response : Response::kNone;
  // In the journal before anything is done for it.
  const TicketPtr ticket = request ? engine_->prepare(*request) : nullptr;
  const Respond respond = [this, answered,
                           ticket](const std::string& evidence) {
    if (ticket) engine_->carry_out(ticket);
    answered->set_value({ticket, evidence});
  };
  const std::uint64_t cgroup_id = container->record.cgroup_id;
  if (capture) {
    capture->response = to_string(response);
    captures_->begin(
        {.record = container->record,
         .trigger = *std::move(capture),
         .events = flight_.events(cgroup_id),
         .alerts =
             [event, mask = secrets_of(config_)] {
               return "[" +
                      (mask == Secrets::kMask ? masked_json(event) : event) +
                      "]";
             }},
        respond, left_by(response));
  } else {
    captures_->respond(cgroup_id, respond, left_by(response));
  }
  return done.get();  // at the limit at the latest, or behind a checkpoint
}

Result<std::string> Service::respond(Verb verb, const std::string& name,
                                     const OperatorRequest& request) {
  ASSIGN_OR_RETURN(const KnownContainer known, containers_.by_name(name));
  const oci::ContainerRecord& record = known.container->record;
  const std::shared_ptr<const Settings> settings = this->settings();
  if (known.gone) {
    return Error{Code::kUnsupported,
                 "container '" + record.id + "' is already gone"};
  }
  OperatorRequest by = request;
  by.reason.resize(std::min(by.reason.size(), kMaxReasonBytes));
  ResponseRequest asked{
      .record = record, .actor = by.actor, .reason = by.reason};
  asked.terms.pause_limit_ms = by.limit_ms.value_or(0);
  asked.terms.isolate_limit_ms = by.limit_ms.value_or(0);
  asked.terms.pause_then =
      by.then_kill.value_or(false) ? PauseThen::kKill : PauseThen::kResume;
  asked.terms.grace_ms = by.grace_ms.value_or(asked.terms.grace_ms);
  switch (verb) {
    case Verb::kResume:
    case Verb::kRelease:
      // Also of a container that was exempted since.
      return undo(verb, record, by);
    case Verb::kKill:
      asked.response = Response::kKill;
      break;
    case Verb::kStop:
      asked.response = Response::kStop;
      break;
    case Verb::kPause:
      asked.response = Response::kPause;
      break;
    case Verb::kIsolate:
      asked.response = Response::kIsolate;
      break;
  }
  if (is_exempt(*settings, record)) {
    return Error{Code::kUnsupported,
                 "container '" + record.id +
                     "' is exempt from responses by the configuration"};
  }
  const std::string word(to_string(verb));
  const std::uint64_t now = monotonic_ns();
  const TicketPtr ticket = engine_->prepare(asked);
  const Respond carry_out = [this, ticket](const std::string&) {
    engine_->carry_out(ticket);
  };
  if (asked.response == Response::kPause) {
    // Behind a capture: it would stop what criu does inside the processes.
    captures_->respond(record.cgroup_id, carry_out, left_by(asked.response));
  } else {
    carry_out("");
  }
  std::vector<Draft> drafts = {
      operator_draft(*settings, record, word, by.actor, by.reason, now_ns())};
  drafts.front().awaits_response = true;
  drafts.front().asked = asked.response;

  ResponseResult result = ticket->wait();
  if (result.outcome == "killed" && result.monotonic_ns < now) {
    result.outcome = "already gone";  // an earlier response's doing
  }
  // It is done whatever becomes of the record: the caller is told so, and that
  // the record is missing is in the log.
  complete(drafts.front(), result, now);
  if (store_all(drafts, nullptr, now)) engine_->told(ticket);
  if (result.outcome == "already gone") {
    return Error{Code::kUnsupported,
                 "container '" + record.id + "' is already gone"};
  }
  if (is_error(result.outcome)) {
    return Error{Code::kIo,
                 word + " container '" + record.id + "': " + result.outcome};
  }
  if (result.response > asked.response) {
    return Error{Code::kUnsupported,
                 "container '" + record.id +
                     "' is being responded to already: " + result.outcome};
  }
  return result.outcome;
}

Result<std::string> Service::undo(Verb verb, const oci::ContainerRecord& record,
                                  const OperatorRequest& request) {
  const ResponseRequest by{
      .record = record, .actor = request.actor, .reason = request.reason};
  ASSIGN_OR_RETURN(const TicketPtr ticket, verb == Verb::kResume
                                               ? engine_->resume(by)
                                               : engine_->release(by));
  const std::string outcome = ticket->wait().outcome;
  if (is_error(outcome)) {
    return Error{Code::kIo, std::string(to_string(verb)) + " container '" +
                                record.id + "': " + outcome};
  }
  return outcome;
}

std::vector<std::string> Service::rearm(const OperatorRequest& request) {
  std::vector<std::string> rearmed;
  for (const OverBudget& over : engine_->over()) {
    rearmed.push_back(name_of(over));
  }
  engine_->rearm();
  record_operation("rearm", request.actor, request.reason, "rearmed");
  return rearmed;
}

Result<CaptureView> Service::capture(const std::string& name,
                                     const std::string& reason,
                                     const std::string& actor) {
  // Long enough for nearly all; the client waits 30 s.
  constexpr std::chrono::seconds kWritten{20};
  ASSIGN_OR_RETURN(const KnownContainer known, containers_.by_name(name));
  const oci::ContainerRecord& record = known.container->record;
  const std::shared_ptr<const Settings> settings = this->settings();
  if (known.gone || !has_processes(record)) {
    return Error{Code::kUnsupported,
                 "container '" + record.id + "' is already gone"};
  }
  if (is_exempt(*settings, record)) {
    return Error{Code::kUnsupported,
                 "container '" + record.id +
                     "' is exempt from responses by the configuration"};
  }
  const std::uint64_t now = monotonic_ns();
  const std::string why = reason.substr(0, kMaxReasonBytes);
  const std::string id = captures_->begin(
      {.record = record,
       .trigger = {.kind = "operator",
                   .response = "none",
                   .actor = actor,
                   .reason = why},
       .events = flight_.events(record.cgroup_id)},
      [](const std::string&) {}, Captures::Leaves::kProcesses,
      Captures::When::kAnyway);
  if (id.empty()) {
    return Error{Code::kExhausted, "too many captures are under way"};
  }
  std::vector<Draft> drafts = {
      operator_draft(*settings, record, "capture", actor, why, now_ns())};
  drafts.front().alert.outcome = "captured";
  drafts.front().alert.evidence = id;
  // That it is not on the timeline is in the log; the capture is there.
  static_cast<void>(store_all(drafts, nullptr, now));
  const bool written =
      captures_->wait(id, std::chrono::steady_clock::now() + kWritten);
  if (!written) return CaptureView{.id = id, .state = "writing"};
  for (const PendingCapture& each : captures_->pending()) {
    if (each.id != id) continue;
    return Error{Code::kIo, "write evidence '" + id + "': " + each.error};
  }
  return CaptureView{.id = id, .state = "complete"};
}

Result<std::string> Service::evidence() {
  // Before the folder: what is written meanwhile is then in both, not in none.
  const std::vector<PendingCapture> pending = captures_->pending();
  ASSIGN_OR_RETURN(const std::vector<std::string> kept, evidence_->summaries());
  return evidence_list_json(kept, pending);
}

Result<std::string> Service::evidence(const std::string& id) {
  Result<std::string> summary = evidence_->summary(id);
  if (!summary) {
    for (const PendingCapture& each : captures_->pending()) {
      if (each.id == id) return pending_json(each);
    }
    return std::move(summary).error();
  }
  ASSIGN_OR_RETURN(const std::string manifest, evidence_->manifest(id));
  return evidence_json(*summary, manifest);
}

Result<UniqueFd> Service::evidence_archive(const std::string& id,
                                           const std::string& actor) {
  Result<UniqueFd> archive = evidence_->archive(id);
  if (archive) record_operation("export", actor, "evidence " + id, "exported");
  return archive;
}

Status Service::retry(std::int64_t delivery, const std::string& actor) {
  RETURN_IF_ERROR(store_->retry(delivery));
  record_operation("retry", actor, "delivery " + std::to_string(delivery),
                   "pending");
  return Ok{};
}

void Service::refused(const std::string& actor, int status,
                      const std::string& answer) {
  metrics_.count_refused(status);
  // Whoever may ask could fill the timeline with these.
  log_repeated("api", "refused actor=" + actor +
                          " answer=" + answer.substr(0, answer.find('\n')));
}

void Service::record_operation(const std::string& word,
                               const std::string& actor,
                               const std::string& reason,
                               const std::string& outcome) {
  Draft draft = operator_draft(*settings(), {}, word, actor, reason, now_ns());
  draft.alert.outcome = outcome;
  // That the record could not be stored is in the log.
  static_cast<void>(recorder_->store(draft));
}

std::vector<PolicyView> Service::policies() {
  std::vector<PolicyView> views;
  const GenerationPtr current = generations_->current();
  if (!current) return views;
  const CompiledPolicy& compiled = current->policy();
  const std::vector<std::string> names = list_names(compiled);
  for (const Policy& policy : compiled.policies) {
    PolicyView view;
    view.name = policy.name;
    view.mode = to_string(policy.mode);
    view.response = to_string(policy.response);
    view.on_loss = to_string(policy.on_loss);
    view.block = policy.block;
    view.capture = policy.capture;
    for (const std::uint32_t rule : policy.rules) {
      view.rules.push_back(compiled.rules[rule].name);
    }
    if (policy.scope) view.scope = to_string(*policy.scope, names);
    views.push_back(std::move(view));
  }
  return views;
}

std::string Service::rules_json() {
  const GenerationPtr current = generations_->current();
  if (!current) return "[]";
  const CompiledPolicy& policy = current->policy();
  return placements_json(policy, place_all(policy, Facts{}));
}

}  // namespace bailiff::sidecar
