// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/inject.h"

#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "rules/base/digest.h"

namespace bailiff::oci {
namespace {

constexpr char kMarkerVersion[] = "1:";
constexpr char kHookPath[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view to_string_view(OnError on_failure) {
  switch (on_failure) {
    case OnError::kDeny:
      return "deny";
    case OnError::kAllow:
      return "allow";
  }
  return "deny";
}

// Appends where things are, and what to do on a failure.
void append_options(const HookPlan& plan, std::vector<std::string>& args) {
  args.insert(args.end(),
              {"--run-dir", plan.run_dir, "--state-dir", plan.state_dir,
               "--bpf-dir", plan.bpf_dir, "--on-failure",
               std::string(to_string_view(plan.on_failure))});
}

HookEntry make_hook(const HookPlan& plan, HookStage stage) {
  HookEntry hook{.path = plan.hook,
                 .args = {kHookName, std::string(to_string(stage))},
                 .env = {kHookPath},
                 .timeout_seconds = plan.timeout_seconds};
  append_options(plan, hook.args);
  if (stage == HookStage::kCreateRuntime && !plan.runtime.empty()) {
    hook.args.insert(hook.args.end(), {"--runtime", plan.runtime});
    if (!plan.runtime_root.empty()) {
      hook.args.insert(hook.args.end(), {"--runtime-root", plan.runtime_root});
    }
  }
  return hook;
}

bool is_ours(const HookEntry& hook, const HookPlan& plan) {
  // The path changes with an upgrade, argv[0] does not.
  return hook.path == plan.hook ||
         (!hook.args.empty() && hook.args.front() == kHookName);
}

// Texts tell more than a comparison of parts would: each part ends in a NUL,
// which no part can hold.
std::string digest_of_hooks(const std::vector<HookEntry>& hooks) {
  std::string bytes;
  for (const HookEntry& hook : hooks) {
    bytes += hook.path + '\0';
    for (const std::string& arg : hook.args) bytes += arg + '\0';
    for (const std::string& variable : hook.env) bytes += variable + '\0';
    bytes += std::to_string(hook.timeout_seconds) + '\0';
  }
  return digest_of(bytes).hex();
}

Status place_hook(ConfigDocument& document, const HookPlan& plan,
                  HookStage stage, const HookEntry& ours) {
  ASSIGN_OR_RETURN(const std::vector<HookEntry> found, document.hooks(stage));
  // From the end, so that the indices of those still to be removed hold.
  std::size_t left = found.size();
  for (std::size_t i = found.size(); i-- > 0;) {
    if (!is_ours(found[i], plan)) continue;
    RETURN_IF_ERROR(document.remove_hook(stage, i));
    --left;
  }
  const bool first = stage == HookStage::kPoststop;
  return document.insert_hook(stage, first ? 0 : left, ours);
}

Status check_plan(const HookPlan& plan) {
  for (const std::string* path :
       {&plan.hook, &plan.run_dir, &plan.state_dir, &plan.bpf_dir}) {
    if (!path->starts_with('/')) {
      return invalid_argument("'" + *path + "' must be an absolute path");
    }
  }
  if (plan.timeout_seconds == 0) {
    // No timeout would let a stuck hook hold the container's creation for ever.
    return invalid_argument("the hook's timeout must be at least 1 second");
  }
  return Ok{};
}

}  // namespace

const std::vector<std::string>& scrubbed_annotations() {
  static const std::vector<std::string> kAnnotations = {
      // Replaces the whole seccomp filter by given bytes.
      "run.oci.seccomp_bpf_data",
      // Loads a shared object into crun, as root.
      "run.oci.seccomp.plugins",
      // Sends the seccomp notifications to somebody else.
      "run.oci.seccomp.receiver",
      // Runs the container by something that is not a process in the cgroup.
      "run.oci.handler",
      // Appends our hook's output to any file, as root.
      "run.oci.hooks.stdout",
      "run.oci.hooks.stderr",
      // Put the process into other cgroups than the one we attach to.
      "run.oci.systemd.subgroup",
      "run.oci.delegate-cgroup",
  };
  return kAnnotations;
}

Result<Injection> inject(ConfigDocument& document, const HookPlan& plan) {
  RETURN_IF_ERROR(check_plan(plan));
  Injection done;
  ASSIGN_OR_RETURN(const std::string before, document.text());
  for (const std::string& key : scrubbed_annotations()) {
    ASSIGN_OR_RETURN(const bool removed, document.remove_annotation(key));
    if (removed) done.scrubbed.push_back(key);
  }
  const HookEntry create = make_hook(plan, HookStage::kCreateRuntime);
  const HookEntry stop = make_hook(plan, HookStage::kPoststop);
  RETURN_IF_ERROR(
      place_hook(document, plan, HookStage::kCreateRuntime, create));
  RETURN_IF_ERROR(place_hook(document, plan, HookStage::kPoststop, stop));
  RETURN_IF_ERROR(document.set_annotation(
      kMarkerAnnotation, kMarkerVersion + digest_of_hooks({create, stop})));
  ASSIGN_OR_RETURN(const std::string after, document.text());
  done.changed = before != after;
  return done;
}

std::vector<std::string> start_command(const HookPlan& plan,
                                       const std::string& id) {
  std::vector<std::string> args = {plan.hook, "start", "--container", id};
  append_options(plan, args);
  return args;
}

}  // namespace bailiff::oci
