// SPDX-License-Identifier: Apache-2.0
// bailiff-runc: stands in place of runc or crun.  When a container is created
// it adds Bailiff's hooks to config.json, and before one is started it has the
// hook look at its network; then, as for every other command, it becomes the
// real runtime.
//
// Managers read the runtime's standard output, so nothing is ever written
// there (--bailiff-version aside).

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/inject/bundle.h"
#include "oci/spec/container_record.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/child.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/process.h"
#include "oci/sys/unique_fd.h"
#include "oci/wrapper/command_line.h"
#include "oci/wrapper/runtime.h"
#include "oci/wrapper/runtime_log.h"
#include "oci/wrapper/seccomp_request.h"
#include "oci/wrapper/settings.h"

namespace bailiff::oci {
namespace {

constexpr int kFailed = 1;
// As parse_container_record() takes it.
constexpr std::size_t kMaxJsonBytes = 4 << 20;

void report(const LogOptions& log, LogLevel level, std::string_view message) {
  const std::string line = "bailiff-runc: " + std::string(message);
  ::fprintf(stderr, "%s\n", line.c_str());
  append_to_log(log, level, line);
}

int fail(const LogOptions& log, const Error& error) {
  report(log, LogLevel::kError, error.message);
  return kFailed;
}

// What the runtime is asked for does not make a container: no mistake in our
// settings may keep anybody from listing, signalling or deleting those there
// are.
int pass_through(const RuntimeCall& call, const LogOptions& log) {
  const Result<ServiceConfig> settings = load_settings(call.bailiff_config);
  // Failing open: the runtime is then the one that is used without settings.
  const Result<std::string> runtime =
      find_runtime(settings ? settings->runtime : "");
  if (!runtime) return fail(log, runtime.error());
  return fail(log, execute(*runtime, call.args));
}

// The container's cgroup2 folder, by what the hook wrote; "" when that cannot
// be read or is of another container, and all is the runtime's to decide.
std::string cgroup_of(const RuntimeCall& call) {
  const Result<ServiceConfig> settings = load_settings(call.bailiff_config);
  if (!settings || call.id.find('/') != std::string::npos) return "";
  const Result<std::string> json = read_bounded(
      settings->run_dir + "/containers/" + call.id + ".json", kMaxJsonBytes);
  if (!json) return "";
  const Result<ContainerRecord> record = parse_container_record(*json);
  if (!record || record->cgroup_path.empty()) return "";
  struct stat found {};
  // The inode of a cgroup2 folder is the cgroup's id (kernfs, 64 bits).
  if (::stat(record->cgroup_path.c_str(), &found) != 0 ||
      found.st_ino != record->cgroup_id) {
    return "";
  }
  return record->cgroup_path;
}

// On a hybrid host runtimes have the freezer of version 1 in mind.
bool is_hybrid() {
  const Result<CgroupMount> mount = CgroupMount::find();
  return !mount || mount->hybrid;
}

// Whether the container is paused already.  bailiffd freezes the cgroup at once
// and tells the manager after; runc then refuses the manager's pause, as the
// container does not run, and the manager would believe that it does.
bool is_paused(const RuntimeCall& call) {
  constexpr std::size_t kMaxEventsBytes = 4096;
  const std::string cgroup = cgroup_of(call);
  if (cgroup.empty() || is_hybrid()) return false;
  const Result<std::string> events =
      read_bounded(cgroup + "/cgroup.events", kMaxEventsBytes);
  return events && events->find("frozen 1") != std::string::npos;
}

// Ends what bailiffd froze in the cgroup2 tree of a hybrid host, of which the
// runtime knows nothing: its manager would say that the container runs.  If it
// fails, the container stays paused, and is told to be by bailiffd.
void thaw_beside(const RuntimeCall& call) {
  const std::string cgroup = cgroup_of(call);
  if (cgroup.empty() || !is_hybrid()) return;
  const std::string path = cgroup + "/cgroup.freeze";
  const UniqueFd freeze(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (freeze) static_cast<void>(write_all(freeze.get(), path, "0"));
}

// Makes the container about to be created one that Bailiff watches over.
Status protect(const RuntimeCall& call, const ServiceConfig& settings,
               const std::string& runtime, const LogOptions& log) {
  if (!is_host_root()) {
    // A rootless container's hook runs as its user, who may not attach to a
    // cgroup; it would run unprotected while its owner believes otherwise.
    return Error{Code::kPermission,
                 "bailiff cannot protect a rootless container: run it as "
                 "root, or set 'on_failure: allow'"};
  }
  if (call.verb == Verb::kRestore && !runs_hooks_on_restore(runtime)) {
    return Error{Code::kUnsupported,
                 "'" + runtime +
                     "' runs no createRuntime hooks on restore, so the "
                     "container would be unprotected: restore it with runc"};
  }
  // The runtime would only say that the hook failed, and a hook that others
  // can change would be run as root.
  RETURN_IF_ERROR(check_trusted(settings.hook));
  HookPlan plan = hook_plan(settings);
  plan.runtime = runtime;
  if (!call.root.empty()) {
    std::array<char, PATH_MAX> folder{};
    // As runtimes take a relative one.
    const bool relative = !call.root.starts_with('/') &&
                          ::getcwd(folder.data(), folder.size()) != nullptr;
    plan.runtime_root =
        relative ? std::string(folder.data()) + "/" + call.root : call.root;
  }
  const auto inject_all = [&]() -> Result<Injection> {
    ASSIGN_OR_RETURN(const SeccompRequest seccomp,
                     seccomp_request(call, settings));
    return inject_into_file(config_path(call), plan, seccomp);
  };
  Result<Injection> injected = inject_all();
  if (!injected && settings.on_failure == OnError::kAllow) {
    // Failing open: the administrator chose it.  The hook is not given up for
    // what seccomp would have refused.
    report(log, LogLevel::kWarning,
           "system calls are NOT REFUSED in the container: " +
               injected.error().message);
    injected = inject_into_file(config_path(call), plan);
  }
  ASSIGN_OR_RETURN(const Injection done, std::move(injected));
  for (const std::string& key : done.scrubbed) {
    append_to_log(log, LogLevel::kWarning,
                  "bailiff-runc: removed the annotation '" + key + "'");
  }
  return Ok{};
}

int create(const RuntimeCall& call, const LogOptions& log) {
  // What to do on failure is in the settings: without them it is deny.
  const Result<ServiceConfig> settings = load_settings(call.bailiff_config);
  if (!settings) return fail(log, settings.error());
  const Result<std::string> runtime = find_runtime(settings->runtime);
  if (!runtime) return fail(log, runtime.error());
  if (const Status done = protect(call, *settings, *runtime, log); !done) {
    switch (settings->on_failure) {
      case OnError::kDeny:
        report(log, LogLevel::kError,
               "the container is not started: " + done.error().message);
        return kFailed;
      case OnError::kAllow:
        // Failing open: the administrator chose it by 'on_failure: allow'.
        report(log, LogLevel::kWarning,
               "the container is started UNPROTECTED: " + done.error().message);
        break;
    }
  }
  return fail(log, execute(*runtime, call.args));
}

// Docker gives a container its interfaces between create and start (from 28.0
// on): what leaves by those is judged from before its first instruction.
Status judge_interfaces(const RuntimeCall& call, const ServiceConfig& settings,
                        const LogOptions& log) {
  struct stat record {};
  const std::string path =
      settings.run_dir + "/containers/" + call.id + ".json";
  if (::stat(path.c_str(), &record) != 0 && errno == ENOENT) return Ok{};
  RETURN_IF_ERROR(check_trusted(settings.hook));
  ASSIGN_OR_RETURN(
      const ChildResult done,
      run_child(start_command(hook_plan(settings), call.id), "",
                std::chrono::steady_clock::now() +
                    std::chrono::seconds(settings.hook_timeout_seconds)));
  std::istringstream said(done.err);
  std::string line;
  std::string last;
  while (std::getline(said, line)) {
    if (done.exit == 0) report(log, LogLevel::kWarning, line);
    last = line;
  }
  if (done.exit == 0) return Ok{};
  return Error{Code::kUnsupported,
               last.empty() ? "'" + settings.hook + " start' failed" : last};
}

int start(const RuntimeCall& call, const LogOptions& log) {
  // As for create: without settings it is deny.
  const Result<ServiceConfig> settings = load_settings(call.bailiff_config);
  if (!settings) return fail(log, settings.error());
  if (const Status done = judge_interfaces(call, *settings, log); !done) {
    switch (settings->on_failure) {
      case OnError::kDeny:
        report(log, LogLevel::kError,
               "the container is not started: " + done.error().message);
        return kFailed;
      case OnError::kAllow:
        // Failing open: the administrator chose it by 'on_failure: allow'.
        report(log, LogLevel::kWarning,
               "raw frames are NOT JUDGED on interfaces that the container "
               "got since it was created: " +
                   done.error().message);
        break;
    }
  }
  return pass_through(call, log);
}

int run(const std::vector<std::string>& args) {
  const LogOptions log = find_log_options(args);
  const Result<RuntimeCall> call = parse_command_line(args);
  // Denied whatever the settings say: what is to be created, and so where the
  // settings are, is not known.
  if (!call) return fail(log, call.error());
  if (call->bailiff_version) {
    ::puts("bailiff-runc " BAILIFF_VERSION);
    return 0;
  }
  switch (call->verb) {
    case Verb::kCreate:
    case Verb::kRun:
    case Verb::kRestore:
      return create(*call, log);
    case Verb::kStart:
      return start(*call, log);
    case Verb::kPause:
      if (is_paused(*call)) return 0;
      break;
    case Verb::kResume:
      thaw_beside(*call);
      break;
    case Verb::kOther:
      break;
  }
  return pass_through(*call, log);
}

}  // namespace
}  // namespace bailiff::oci

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return bailiff::oci::run(args);
}
