// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/update.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/maps.h"
#include "hook/kernel/network_namespace.h"
#include "oci/policy/lowering_facts.h"
#include "oci/spec/exempt.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/pidfd.h"
#include "rules/lower/lower.h"

namespace bailiff::hook {
namespace {

bool is_in(const std::string& path, const std::string& cgroup) {
  return path == cgroup || path.starts_with(cgroup + "/");
}

// nullopt: the process is not there to tell.
Result<std::optional<ContainerNetwork>> network_of(pid_t pid,
                                                   const Cgroup& cgroup) {
  const auto process = Pidfd::open(pid);
  if (!process) {
    if (not_found(process.error())) return std::optional<ContainerNetwork>();
    return process.error();
  }
  // Its number may be another process's by now, which is in another cgroup.
  const auto path = unified_path(pid);
  auto netns = network_namespace_of(pid);
  if (!process->alive() || !path || !is_in(*path, cgroup.relative_path())) {
    return std::optional<ContainerNetwork>();
  }
  if (!netns) return netns.error();
  ASSIGN_OR_RETURN(const bool host, is_own_network_namespace(*netns));
  return std::optional(
      ContainerNetwork{.netns = *std::move(netns), .host = host});
}

bool is_on_host(const oci::ContainerRecord& record) {
  const auto fact = record.facts.values.find("container.host_network");
  if (fact == record.facts.values.end()) return false;
  const bool* const host = std::get_if<bool>(&fact->second);
  return host != nullptr && *host;
}

// The one it was started in, if that is known and some process is in it still:
// any may have made a namespace of its own, the first one too.
std::optional<UniqueFd> netns_of_start(const oci::ContainerRecord& record,
                                       const Cgroup& cgroup) {
  if (record.netns == 0) return std::nullopt;
  const auto inode = static_cast<ino_t>(record.netns);
  if (const auto first = static_cast<pid_t>(record.pid); first > 0) {
    if (auto found = network_namespace_in(first, inode)) return found;
  }
  const Result<std::vector<pid_t>> processes = cgroup.processes();
  if (!processes) return std::nullopt;
  for (const pid_t pid : *processes) {
    if (pid <= 0) continue;
    if (auto found = network_namespace_in(pid, inode)) return found;
  }
  return std::nullopt;
}

bool is_started_in(const oci::ContainerRecord& record,
                   const std::optional<ContainerNetwork>& network) {
  if (!network) return false;
  const auto id = network_namespace_id(network->netns);
  return id && id->second == static_cast<ino_t>(record.netns);
}

void tell_unjudged(const oci::ContainerRecord& container,
                   const Attachment& attachment, UpdatedContainers& updated) {
  for (const std::string& line : attachment.unjudged) {
    updated.unjudged.push_back("container '" + container.id + "': " + line +
                               ": raw frames are not judged there");
  }
}

// What is attached of the policy.
Plan plan_of(const CompiledPolicy& policy,
             const oci::ContainerRecord& container) {
  Plan plan = lower(policy, oci::lowering_facts(container.facts));
  if (oci::is_exempt(policy.exempt, container.id, container.facts)) {
    plan.attach_nothing();
  }
  return plan;
}

}  // namespace

Result<std::optional<ContainerNetwork>> container_network(
    const oci::ContainerRecord& record, const Cgroup& cgroup) {
  if (auto found = netns_of_start(record, cgroup)) {
    return std::optional(ContainerNetwork{.netns = *std::move(found),
                                          .host = is_on_host(record)});
  }
  // Should another have made a namespace of its own, its first one counts.
  if (record.pid > 0) {
    ASSIGN_OR_RETURN(auto first,
                     network_of(static_cast<pid_t>(record.pid), cgroup));
    if (first) return first;
  }
  ASSIGN_OR_RETURN(const std::vector<pid_t> processes, cgroup.processes());
  for (const pid_t pid : processes) {
    if (pid <= 0) continue;
    ASSIGN_OR_RETURN(auto network, network_of(pid, cgroup));
    if (network) return network;
  }
  return std::optional<ContainerNetwork>();
}

Result<UpdatedContainers> update_containers(
    const std::string& bpf_dir, const CompiledPolicy& policy,
    const std::vector<oci::ContainerRecord>& containers,
    const WriteRecords& write, Kernel& kernel) {
  const std::string encoded = encode(policy);
  const Digest digest = policy_digest(encoded);
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  ASSIGN_OR_RETURN(const auto exchange, Exchange::begin(bpf_dir, kernel));
  UpdatedContainers updated;
  for (const oci::ContainerRecord& container : containers) {
    const auto cgroup = Cgroup::open_by_id(mount, container.cgroup_id);
    if (!cgroup && not_found(cgroup.error())) continue;
    const Plan plan = plan_of(policy, container);
    const bool exempt =
        oci::is_exempt(policy.exempt, container.id, container.facts);
    bool elsewhere = false;
    const auto attachment = [&]() -> Result<Attachment> {
      if (!cgroup) return cgroup.error();
      if (!exempt && policy.on_failure == OnError::kDeny) {
        RETURN_IF_ERROR(oci::check_answered(
            oci::unanswered(policy, oci::lowering_facts(container.facts))));
      }
      ASSIGN_OR_RETURN(const auto network,
                       container_network(container, *cgroup));
      elsewhere = container.netns != 0 && !is_started_in(container, network);
      return exchange->add(
          {.bpf_dir = bpf_dir,
           .container_id = container.id,
           .policy = policy,
           .whole_policy = [&]() -> Result<const CompiledPolicy*> {
             return &policy;
           },
           .policy_digest = digest,
           .policy_id = conditions_digest(encoded).short_id(),
           .plan = plan,
           .network = network ? network->borrow() : Network()},
          *cgroup);
    }();
    oci::ContainerRecord& record = updated.records.emplace_back(container);
    if (!attachment) {
      if (container.degraded.empty()) {
        Error error = attachment.error();
        error.message = "container '" + container.id + "': " + error.message;
        return error;
      }
      record.degraded = attachment.error().message;
      continue;
    }
    record.policy = digest.hex();
    record.degraded.clear();
    record.programs.clear();
    tell_unjudged(container, *attachment, updated);
    if (elsewhere && !plan.rules_at(HookPoint::kFrame).empty()) {
      updated.unjudged.push_back(
          "container '" + container.id +
          "': none of its processes is in the network it was started in: raw "
          "frames are not judged there");
    }
    for (const Digest& program : attachment->programs) {
      record.programs.push_back(program.hex());
    }
  }
  RETURN_IF_ERROR(exchange->publish_lists(policy, digest));
  RETURN_IF_ERROR(write(updated.records));
  if (const Status kept = exchange->keep(); !kept) {
    updated.left = kept.error().message;
  }
  return updated;
}

Result<bool> lacks_programs(const std::string& bpf_dir,
                            const oci::ContainerRecord& container,
                            Kernel& kernel) {
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  ASSIGN_OR_RETURN(const Cgroup cgroup,
                   Cgroup::open_by_id(mount, container.cgroup_id));
  ASSIGN_OR_RETURN(const auto network, container_network(container, cgroup));
  if (!network) return false;
  return lacks_programs(bpf_dir, container.id, network->borrow(), kernel);
}

Result<Attachment> add_interfaces(Exchange& exchange,
                                  const std::string& bpf_dir,
                                  const PolicyInForce& policy,
                                  const oci::ContainerRecord& container) {
  const Plan plan = plan_of(policy.policy, container);
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  ASSIGN_OR_RETURN(const Cgroup cgroup,
                   Cgroup::open_by_id(mount, container.cgroup_id));
  ASSIGN_OR_RETURN(const auto network, container_network(container, cgroup));
  return exchange.add_interfaces(
      {.bpf_dir = bpf_dir,
       .container_id = container.id,
       .policy = policy.policy,
       .whole_policy = policy.whole,
       .policy_digest = policy.digest,
       .policy_id = policy.id,
       .plan = plan,
       .network = network ? network->borrow() : Network()},
      cgroup);
}

Result<UpdatedContainers> judge_interfaces(
    const std::string& bpf_dir, const PolicyInForce& policy,
    const oci::ContainerRecord& container, const WriteRecords& write,
    Kernel& kernel) {
  UpdatedContainers updated;
  const Plan plan = plan_of(policy.policy, container);
  if (plan.rules_at(HookPoint::kFrame).empty() &&
      plan.rules_at(HookPoint::kQuery).empty()) {
    return updated;
  }
  ASSIGN_OR_RETURN(const bool lacks,
                   lacks_programs(bpf_dir, container, kernel));
  if (!lacks) return updated;
  ASSIGN_OR_RETURN(const auto exchange, Exchange::begin(bpf_dir, kernel));
  ASSIGN_OR_RETURN(const Attachment attachment,
                   add_interfaces(*exchange, bpf_dir, policy, container));
  tell_unjudged(container, attachment, updated);
  oci::ContainerRecord record = container;
  if (oci::add_programs(record, attachment.programs)) {
    updated.records.push_back(std::move(record));
    RETURN_IF_ERROR(write(updated.records));
  }
  if (const Status kept = exchange->keep(); !kept) {
    updated.left = kept.error().message;
  }
  return updated;
}

}  // namespace bailiff::hook
