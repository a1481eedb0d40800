// SPDX-License-Identifier: Apache-2.0
// sidecar/service/draft.h
// From a decision to the alerts that tell of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/abi/foreign.h"
#include "rules/eval/evaluate.h"
#include "sidecar/alert/alert.h"
#include "sidecar/decide/decide.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/ring_share.h"
#include "sidecar/lists/list_changes.h"
#include "sidecar/respond/budget.h"
#include "sidecar/respond/engine.h"
#include "sidecar/respond/request.h"
#include "sidecar/respond/ticket.h"

namespace bailiff::sidecar {

// What of bailiff.yaml alerts and decisions depend on.
struct Settings {
  struct SinkFilter {
    std::string name;
    Priority least = Priority::kDebug;  // alerts less severe are not sent
  };

  std::string node;  // as in alerts
  std::vector<std::string> exempt;
  std::vector<SinkFilter> sinks;
  // What an isolated container may still reach.
  std::vector<IpNetwork> isolate_allow;
};

// An alert that may still wait for what the response achieved.
struct Draft {
  Alert alert;
  std::vector<std::string> sinks;
  bool awaits_response = false;
  Response asked = Response::kNone;  // what it awaits
  bool known_rule = true;  // a rule of ours: its name may be a metric's label
};

bool is_exempt(const Settings& settings, const oci::ContainerRecord& record);

AlertContainer alert_container(const oci::ContainerRecord& record);

// The alert on rule `rule` before any policy: what happened, to whom.
Alert rule_alert(const Settings& settings, const Container& container,
                 const Generation& generation, std::uint32_t rule,
                 const FieldSource& event, std::uint64_t realtime_ns);

// One for each policy of the decision; each gets its own uuid.
std::vector<Draft> policy_drafts(const Settings& settings, const Alert& alert,
                                 const CompiledPolicy& policy,
                                 Enforcement enforcement,
                                 const Decision& decision);

// One that no policy speaks for: `outcome` says why nothing was done.
Draft plain_draft(const Settings& settings, Alert alert,
                  Enforcement enforcement, std::string outcome);

// On a container that was started although it could not be protected: no policy
// asks for it, so it goes to every sink.
Draft unprotected_draft(const Settings& settings,
                        const oci::ContainerRecord& record);
// A container that ran already is enforced from now on.
Draft adopted_draft(const Settings& settings,
                    const oci::ContainerRecord& record);

// On records of a container's processes and system calls that found no room, or
// that lack what rules ask for: some of what it did is not known.  `cause` is
// who filled the ring: "itself", another container's id, or "no service" while
// nobody read it.
Alert lost_alert(const Settings& settings, const oci::ContainerRecord& record,
                 const Loss& loss, const std::string& cause,
                 std::uint64_t realtime_ns);

// On a held call that nobody could judge in time: it was refused or let go on,
// as on_failure says.  `process` is "" and `pid` 0 where they are not known.
Draft unjudged_draft(const Settings& settings,
                     const oci::ContainerRecord& record, std::string_view call,
                     const std::string& process, std::uint32_t pid,
                     bool refused, std::uint64_t realtime_ns);

// On a socket that a container has and that was made outside of it: its
// programs do not see what goes over it.
Draft foreign_draft(const Settings& settings,
                    const oci::ContainerRecord& record,
                    const bailiff_foreign& socket, std::uint64_t realtime_ns);

// On a process that has left the container's cgroup, in which alone it is
// judged.  `outcome` is what became of it: "none", "returned" or "killed".
Draft left_draft(const Settings& settings, const oci::ContainerRecord& record,
                 const bailiff_foreign& left, std::string outcome,
                 std::uint64_t realtime_ns);

// On what came of a response later, or is told of late.
Draft effect_draft(const Settings& settings, const Effect& effect,
                   std::uint64_t realtime_ns);

// What a person did: the audit record.  `response` is the verb.
Draft operator_draft(const Settings& settings,
                     const oci::ContainerRecord& record,
                     const std::string& response, const std::string& actor,
                     const std::string& reason, std::uint64_t realtime_ns);

// What a person changed of a list, or that it has ended by itself.
Draft list_draft(const Settings& settings, const ListNews& news);

// What the decision asks for, because of a rule of this name.  `record` is
// borrowed by it.
ResponseRequest request_of(const CompiledPolicy& policy,
                           const Decision& decision, std::string rule,
                           const oci::ContainerRecord& record,
                           ProcessName process);

// Outcome and latency of a draft that awaited a response; `event_ns` is
// CLOCK_MONOTONIC.
void complete(Draft& draft, const ResponseResult& result,
              std::uint64_t event_ns);

}  // namespace bailiff::sidecar
