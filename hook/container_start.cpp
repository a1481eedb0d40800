// SPDX-License-Identifier: Apache-2.0
#include "hook/container_start.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "hook/attach/attach.h"
#include "hook/attach/lists.h"
#include "hook/attach/pins.h"
#include "hook/attach/undo.h"
#include "hook/attach/update.h"
#include "hook/kernel/network_namespace.h"
#include "oci/inject/registration.h"
#include "oci/policy/bundle_facts.h"
#include "oci/policy/held_calls.h"
#include "oci/policy/lowering_facts.h"
#include "oci/policy/policy_file.h"
#include "oci/spec/config.h"
#include "oci/spec/exempt.h"
#include "oci/spec/facts.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/pidfd.h"
#include "oci/sys/process.h"
#include "oci/sys/unique_fd.h"
#include "rules/abi/limits.h"
#include "rules/lower/lower.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::hook {
namespace {

// A record is a few KiB; see parse_container_record().
constexpr std::size_t kMaxContainerRecordBytes = 4 << 20;

std::string policy_path(const Places& places) {
  return places.state_dir + "/policy.bin";
}
std::string record_path(const Places& places, const std::string& id) {
  return places.run_dir + "/containers/" + id + ".json";
}

std::uint64_t realtime_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::string spool_path(const Places& places,
                       const oci::ContainerRecord& record) {
  char sequence[24];
  ::snprintf(sequence, sizeof(sequence), "%020llu",
             static_cast<unsigned long long>(record.time_ns));
  return places.run_dir + "/spool/" + sequence + "-" + record.id + ".json";
}

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Ok{};
  const int err = errno;
  const std::size_t slash = path.rfind('/');
  if (err == ENOENT && slash != 0 && slash != path.npos) {
    RETURN_IF_ERROR(make_folder(path.substr(0, slash)));
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Ok{};
  }
  return errno_error("make folder '" + path + "'", err);
}

// Folders in which only root can put a record.
Status make_record_folders(const Places& places) {
  for (const char* name : {"/containers", "/spool"}) {
    RETURN_IF_ERROR(make_folder(places.run_dir + name));
    RETURN_IF_ERROR(check_trusted(places.run_dir + name));
  }
  return Ok{};
}

// Not synced: RUN_DIR ends with the host's uptime, and so do containers.
Status write_record(const std::string& path, const std::string& json) {
  return write_atomically(path, json, 0600, Durability::kProcess);
}

// Each file's removal is left in `undo`.
Status write_records(const Places& places, const oci::ContainerRecord& record,
                     Undo& undo) {
  RETURN_IF_ERROR(make_record_folders(places));
  const std::string json = to_json(record);
  for (const std::string& path :
       {record_path(places, record.id), spool_path(places, record)}) {
    RETURN_IF_ERROR(write_record(path, json));
    undo.add([path] { ::unlink(path.c_str()); });
  }
  return Ok{};
}

Result<oci::HostNamespaces> host_namespaces(pid_t pid) {
  oci::HostNamespaces host;
  ASSIGN_OR_RETURN(host.pid, shares_namespace(pid, "pid"));
  ASSIGN_OR_RETURN(host.network, shares_namespace(pid, "net"));
  ASSIGN_OR_RETURN(host.ipc, shares_namespace(pid, "ipc"));
  return host;
}

// Lists that were in the kernel before are those of the last policy somebody
// published.  Whoever replaces the file publishes too, after it and under the
// lock: so what the file holds under the lock is never older than what is in
// the kernel.
Status bring_lists_up_to_date(const Places& places, oci::PolicyFile& file,
                              Kernel& kernel) {
  const Pins pins(places.bpf_dir);
  ASSIGN_OR_RETURN(
      const UniqueFd lock,
      kernel.lock(pins.root(), std::chrono::steady_clock::now() + kLockWait));
  ASSIGN_OR_RETURN(const oci::FileVersion now,
                   oci::version_of(policy_path(places)));
  if (now != file.version()) {
    ASSIGN_OR_RETURN(file, oci::PolicyFile::open(policy_path(places)));
  }
  return publish_locked(
      pins, file.head().lists, file.digest(), [&] { return file.whole(); },
      kernel);
}

// What the container's bundle and its process tell of it.
Result<oci::Bundle> describe(const oci::ContainerState& state,
                             const std::vector<std::string>& config_folders,
                             oci::ContainerRecord& record) {
  ASSIGN_OR_RETURN(oci::Bundle bundle, oci::read_bundle(config_folders));
  record.bundle = bundle.folder;
  record.args = bundle.config.args;
  record.uid = bundle.config.uid;
  record.gid = bundle.config.gid;
  ASSIGN_OR_RETURN(
      const auto manager_record,
      oci::read_manager_record(bundle.folder, bundle.config, state.id));
  ASSIGN_OR_RETURN(const auto host, host_namespaces(state.pid));
  ASSIGN_OR_RETURN(record.facts,
                   oci::container_facts(state, bundle.config, manager_record,
                                        host, oci::read_pod_labels(bundle)));
  return bundle;
}

// The policy that the container is under.  policy.bin may be another by now:
// bailiffd keeps each that some container is under.
Result<oci::PolicyFile> policy_of(const Places& places,
                                  const oci::ContainerRecord& record) {
  ASSIGN_OR_RETURN(oci::PolicyFile current,
                   oci::PolicyFile::open(policy_path(places)));
  if (current.digest().hex() == record.policy) return current;
  auto kept = oci::PolicyFile::open(places.state_dir + "/policies/" +
                                    record.policy + ".bin");
  if (kept || kept.error().code != Code::kNotFound) return kept;
  return Error{Code::kNotFound,
               "the compiled policy it was created under is gone: create it "
               "again"};
}

enum class Stage : std::uint8_t { kCreated, kRunning };

// Whether the profile refuses the calls that it has to: the wrapper puts them
// in, as of the policy whose digest is `extended_for`.
Status check_seccomp(const oci::PolicyFile& file, const Plan& plan,
                     const Facts& facts, const std::string& extended_for) {
  if (extended_for == file.digest().hex()) return Ok{};
  if (oci::seccomp_calls(file.head(), plan, facts).empty()) return Ok{};
  if (extended_for.empty()) {
    return Error{Code::kUnsupported,
                 "its policies refuse system calls, which has to be in its "
                 "seccomp profile: create it by bailiff-runc"};
  }
  return Error{Code::kUnsupported,
               "the compiled policy was replaced while the container was "
               "created: create it again"};
}

// Where the container's root will be: mounts are there, and nothing of it runs.
std::string future_root(const oci::Bundle& bundle) {
  std::string path = bundle.config.root_path;
  if (!path.starts_with('/')) path = bundle.folder + "/" + path;
  const std::unique_ptr<char, decltype(&::free)> real(
      ::realpath(path.c_str(), nullptr), &::free);
  // What is not there has no mounts either.
  return real ? real.get() : path;
}

// Whether its processes are to stay in its cgroup, where they are judged: none
// of the cgroups outside is mounted in the container.
Status check_stays(const oci::Bundle& bundle, pid_t pid, const Cgroup& cgroup,
                   Stage stage) {
  const std::string root = stage == Stage::kCreated ? future_root(bundle) : "/";
  ASSIGN_OR_RETURN(const auto ways,
                   find_ways_out(pid, root, cgroup.relative_path()));
  if (ways.empty()) return Ok{};
  ASSIGN_OR_RETURN(const bool shares, shares_namespace(pid, "cgroup"));
  for (const WayOut& way : ways) {
    if (way.bordered && !shares) continue;
    if (!way.writable && !bundle.config.may_clone3) continue;
    return Error{
        Code::kUnsupported,
        "its processes can leave its cgroup, and are then not judged: "
        "cgroup '" +
            way.cgroup + "' is mounted at '" + way.point +
            (way.writable ? "', writable"
                          : "', read-only, which does not stop clone3") +
            ": leave that mount out; with a cgroup namespace of its "
            "own a container sees its own cgroup, and no others"};
  }
  return Ok{};
}

// The container's own cgroup.
Result<Cgroup> container_cgroup(const Pidfd& process, pid_t pid, Stage stage) {
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  ASSIGN_OR_RETURN(Cgroup cgroup, Cgroup::of_process(mount, pid));
  ASSIGN_OR_RETURN(const std::string own, unified_path(::getpid()));
  switch (stage) {
    case Stage::kCreated:
      RETURN_IF_ERROR(verify_container_cgroup(cgroup, pid, own));
      break;
    case Stage::kRunning:
      RETURN_IF_ERROR(verify_running_cgroup(cgroup, pid, own));
      break;
  }
  if (!process.alive()) {
    return Error{Code::kNotFound, "its process has ended"};
  }
  return cgroup;
}

Status protect(const Places& places, const oci::ContainerState& state,
               const std::vector<std::string>& config_folders, Stage stage,
               std::optional<OnError> on_failure, Kernel& kernel,
               Start& start) {
  oci::ContainerRecord& record = start.record;
  if (state.pid <= 0) {
    return invalid_argument("the runtime's state names no process");
  }
  // First of all: what is read about the process from here on is about this
  // one, as alive() shows at the end.
  ASSIGN_OR_RETURN(const Pidfd process, Pidfd::open(state.pid));

  // All are looked at before one of them fails: a container that starts
  // all the same is to be known by its name, and to be ended by its cgroup.
  Result<oci::PolicyFile> opened = oci::PolicyFile::open(policy_path(places));
  if (opened) {
    start.on_failure = opened->head().on_failure;
    record.policy = opened->digest().hex();
  }
  const Result<oci::Bundle> bundle = describe(state, config_folders, record);
  const auto netns = network_namespace_of(state.pid);
  const Result<Cgroup> found = container_cgroup(process, state.pid, stage);
  if (found) {
    record.cgroup_path = found->path();
    record.cgroup_id = found->id();
  }
  if (netns) {
    ASSIGN_OR_RETURN(const NamespaceId id, network_namespace_id(*netns));
    record.netns = id.second;
  }
  if (!opened) return opened.error();
  if (!bundle) return bundle.error();
  if (!found) return found.error();
  if (!netns) return netns.error();
  oci::PolicyFile& file = *opened;
  const Cgroup& cgroup = *found;
  ASSIGN_OR_RETURN(const bool on_host, is_own_network_namespace(*netns));

  const Facts facts = oci::lowering_facts(record.facts);
  Plan plan = lower(file.head(), facts);
  Status held = Ok{};
  if (oci::is_exempt(file.head().exempt, state.id, record.facts)) {
    plan.attach_nothing();
  } else {
    const std::vector<oci::Unanswered> unanswered =
        oci::unanswered(file.head(), facts);
    held = oci::check_answered(unanswered);
    for (const oci::Unanswered& each : unanswered) {
      if (!each.enforces) start.unjudged.push_back(each.sentence);
    }
  }
  if (held && stage == Stage::kCreated) {
    held = check_seccomp(file, plan, facts, bundle->config.seccomp_policy);
  }
  if (!held) {
    switch (on_failure.value_or(*start.on_failure)) {
      case OnError::kDeny:
        return held;
      case OnError::kAllow:
        // Failing open: the administrator chose it.
        start.unjudged.push_back(held.error().message +
                                 "; they are not refused");
        break;
    }
  }
  if (plan.attaches()) {
    Status stays = check_stays(*bundle, state.pid, cgroup, stage);
    // Closed, unless the administrator chose otherwise; but one that runs
    // already is better judged as long as it stays than not at all.
    if (!stays && stage == Stage::kCreated &&
        on_failure.value_or(*start.on_failure) == OnError::kDeny) {
      return stays;
    }
    if (!stays) start.unjudged.push_back(stays.error().message);
  }
  const AttachRequest request{
      .bpf_dir = places.bpf_dir,
      .container_id = state.id,
      .policy = file.head(),
      .whole_policy = [&] { return file.whole(); },
      .policy_digest = file.digest(),
      .policy_id = file.conditions().short_id(),
      .plan = plan,
      .network = {.netns = netns->get(), .host = on_host}};
  Undo undo;
  Attachment attachment;
  Status kept = Ok{};
  switch (stage) {
    case Stage::kCreated: {
      ASSIGN_OR_RETURN(attachment, attach(request, cgroup, kernel));
      break;
    }
    case Stage::kRunning: {
      ASSIGN_OR_RETURN(const auto exchange,
                       Exchange::begin(places.bpf_dir, kernel));
      ASSIGN_OR_RETURN(attachment, exchange->add(request, cgroup));
      // After an error too it is enforced.
      kept = exchange->keep();
      break;
    }
  }
  undo.add([&] { (void)detach(places.bpf_dir, state.id, kernel); });
  for (const Digest& digest : attachment.programs) {
    record.programs.push_back(digest.hex());
  }
  if (!attachment.programs.empty()) {
    RETURN_IF_ERROR(bring_lists_up_to_date(places, file, kernel));
  }
  record.time_ns = realtime_ns();
  RETURN_IF_ERROR(write_records(places, record, undo));
  undo.keep();
  if (!kept) {
    start.unjudged.push_back("take off what is judged no longer: " +
                             kept.error().message);
  }
  for (std::string& line : attachment.unjudged) {
    start.unjudged.push_back(std::move(line) +
                             ": raw frames are not judged there");
  }
  return Ok{};
}

Start begin(const Places& places, const oci::ContainerState& state,
            const std::vector<std::string>& config_folders, Stage stage,
            std::optional<OnError> on_failure, Kernel& kernel) {
  Start start;
  start.record.event = stage == Stage::kCreated ? "start" : "adopt";
  start.record.id = state.id;
  start.record.pid = state.pid;
  start.record.bundle = state.bundle;
  start.record.runtime = places.runtime;
  start.record.runtime_root = places.runtime_root;
  start.status =
      protect(places, state, config_folders, stage, on_failure, kernel, start);
  if (!start.status) start.record.programs.clear();
  return start;
}

}  // namespace

Start start_container(const Places& places, const oci::ContainerState& state,
                      const std::vector<std::string>& config_folders,
                      Kernel& kernel, std::optional<OnError> on_failure) {
  return begin(places, state, config_folders, Stage::kCreated, on_failure,
               kernel);
}

Start adopt_container(const Places& places, const oci::ContainerState& state,
                      const std::vector<std::string>& config_folders,
                      Kernel& kernel) {
  const std::string path = record_path(places, state.id);
  if (::access(path.c_str(), F_OK) == 0) {
    Start start;
    start.status = invalid_argument("it is enforced already ('" + path + "')");
    return start;
  }
  return begin(places, state, config_folders, Stage::kRunning, std::nullopt,
               kernel);
}

Start judge_interfaces(const Places& places, const std::string& id,
                       Kernel& kernel) {
  Start start;
  start.record.id = id;
  start.status = [&]() -> Status {
    const auto read = [&]() -> Result<oci::ContainerRecord> {
      ASSIGN_OR_RETURN(
          const std::string text,
          read_bounded(record_path(places, id), kMaxContainerRecordBytes));
      return oci::parse_container_record(text);
    };
    auto found = read();
    if (!found && found.error().code == Code::kNotFound) return Ok{};
    if (!found) return found.error();
    if (found->programs.empty()) return Ok{};
    ASSIGN_OR_RETURN(const bool lacks,
                     lacks_programs(places.bpf_dir, *found, kernel));
    if (!lacks) return Ok{};

    // A reload may change policy and record until it is locked.
    ASSIGN_OR_RETURN(const auto exchange,
                     Exchange::begin(places.bpf_dir, kernel));
    ASSIGN_OR_RETURN(start.record, read());
    ASSIGN_OR_RETURN(oci::PolicyFile file, policy_of(places, start.record));
    start.on_failure = file.head().on_failure;
    ASSIGN_OR_RETURN(const Attachment attachment,
                     add_interfaces(*exchange, places.bpf_dir,
                                    {.policy = file.head(),
                                     .whole = [&] { return file.whole(); },
                                     .digest = file.digest(),
                                     .id = file.conditions().short_id()},
                                    start.record));
    for (const std::string& line : attachment.unjudged) {
      start.unjudged.push_back(line + ": raw frames are not judged there");
    }
    if (oci::add_programs(start.record, attachment.programs)) {
      RETURN_IF_ERROR(
          write_record(record_path(places, id), to_json(start.record)));
    }
    // After an error too it is judged.
    if (const Status kept = exchange->keep(); !kept) {
      start.unjudged.push_back("remove what nobody uses: " +
                               kept.error().message);
    }
    return Ok{};
  }();
  return start;
}

Status record_degraded(const Places& places, oci::ContainerRecord record,
                       const std::string& reason) {
  record.degraded = reason;
  record.time_ns = realtime_ns();
  Undo undo;
  RETURN_IF_ERROR(write_records(places, record, undo));
  undo.keep();
  return Ok{};
}

Status stop_container(const Places& places, const std::string& id,
                      Kernel& kernel) {
  RETURN_IF_ERROR(oci::forget_listener(places.run_dir, id));
  // Records first: if detaching fails, reconcile() will find the links.
  const std::string path = record_path(places, id);
  const auto text = read_bounded(path, kMaxContainerRecordBytes);
  if (!text && text.error().code != Code::kNotFound) return text.error();
  if (text) {
    oci::ContainerRecord stop;
    // A record that cannot be read any more still tells that the container
    // was there.
    if (const auto started = oci::parse_container_record(*text)) {
      stop.cgroup_path = started->cgroup_path;
      stop.cgroup_id = started->cgroup_id;
      stop.pid = started->pid;
      stop.policy = started->policy;
    }
    stop.event = "stop";
    stop.id = id;
    stop.time_ns = realtime_ns();
    RETURN_IF_ERROR(make_record_folders(places));
    RETURN_IF_ERROR(write_record(spool_path(places, stop), to_json(stop)));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return errno_error("unlink '" + path + "'");
    }
  }
  return detach(places.bpf_dir, id, kernel);
}

}  // namespace bailiff::hook
