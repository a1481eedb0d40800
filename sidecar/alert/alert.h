// SPDX-License-Identifier: Apache-2.0
// sidecar/alert/alert.h
// What is stored, shown and sent out: one for each (event, rule, policy).
//
// The JSON is a superset of Falco's alert (falco-language, section 7), so that
// whatever consumes Falco's http_output consumes this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/base/result.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/value.h"

namespace bailiff::sidecar {

struct AlertContainer {
  std::string id, name, image, pod, name_space;  // "" is null in JSON
  // Whether the runtime vouches for pod and namespace, without which `exempt`
  // does not count them; nullopt is null: there is none, or it is not known.
  std::optional<bool> pod_trusted = std::nullopt;
};

struct Alert {
  std::string uuid;           // RFC 4122, version 4
  std::string hostname;       // the node's name
  std::uint64_t time_ns = 0;  // CLOCK_REALTIME of the event
  Priority priority = Priority::kDebug;
  std::string rule;
  std::string source;  // "syscall"
  std::vector<std::string> tags;
  // The rendered template without the "HH:MM:SS.nnnnnnnnn: Warning " prefix,
  // which the JSON adds as Falco does.
  std::string message;
  std::vector<std::pair<std::string, OutputValue>> output_fields;

  std::string policy;       // "" is null: no policy names the rule
  std::string mode;         // "enforce" or "monitor"
  std::string enforcement;  // "kernel", "observe", "external" (POST)
  std::string hook;         // "connect", "sendmsg", "egress", "frame", "exec";
                            // "" is null
  std::string verdict;      // "denied", "allowed", "observed", "would_deny"
  std::string response;     // "none", "kill", …
  // What the response achieved ("killed", "paused", "none", "would_kill",
  // "exempt", "superseded", "over_budget", "not_the_cause", "already gone") or
  // "error: …".
  std::string outcome;
  std::uint64_t latency_us = 0;  // event to response done
  // The response this event led to, and the one that led to this event; "" is
  // null.
  std::string response_id, caused_by;
  // Connections with the peer that were cut because of it.
  std::uint32_t connections_cut = 0;
  std::string replaces;  // id of the container that this one stands for
  std::string evidence;  // the capture's id; "" is null: there is none
  AlertContainer container;
};

// One JSON object, keys in alphabetical order, UTF-8 (invalid bytes become
// U+FFFD), no line end.
std::string to_json(const Alert& alert);

// A Falco http_output body.  Errors name the JSON field.
struct FalcoViolation {
  std::uint64_t time_ns = 0;
  Priority priority = Priority::kDebug;
  std::string rule;    // required
  std::string source;  // "syscall" when absent
  std::vector<std::string> tags;
  std::string output;  // required; here without Falco's time and priority
  std::vector<std::pair<std::string, OutputValue>> output_fields;
  std::string hostname;
  std::string container_id;  // output_fields["container.id"], "" when absent
};
// Required as Falco writes them: rule, priority, output, time (RFC 3339) and
// output_fields (an object).  Unknown keys are ignored.  Values that have no
// type here (objects, nested lists) are kept as their JSON text.
Result<FalcoViolation> parse_falco_violation(const std::string& json);

// From getrandom(2); waits for the kernel's pool on a machine that just booted.
std::string new_uuid();

}  // namespace bailiff::sidecar
