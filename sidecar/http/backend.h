// SPDX-License-Identifier: Apache-2.0
// sidecar/http/backend.h
// What the HTTP API is about, without HTTP.  Implemented by the service; every
// method may be called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "sidecar/alert/alert.h"
#include "sidecar/lists/list_changes.h"
#include "sidecar/store/store.h"

namespace bailiff::sidecar {

struct ReadinessCheck {
  // "self_test", "policy", "store", "bpffs", "ring_buffer", "responses"
  std::string name;
  bool ok = false;
  std::string detail;  // why not, or what was shown
};

// A response that is in force.
struct InForce {
  std::string response;        // "pause", "isolate", "stop"
  std::string id;              // of the response
  std::string policy, actor;   // by whom; one of them is ""
  std::uint64_t until_ns = 0;  // CLOCK_REALTIME; 0: until it is undone
};

struct ContainerView {
  std::string id;
  AlertContainer identity;
  // "running", "degraded", "paused", "isolated", "stopping", "gone": of several
  // the one that means the most.
  std::string state;
  std::vector<InForce> in_force;
  std::int64_t pid = 0;
  std::string cgroup;
  std::vector<std::string> policies;
  std::string policy_digest;
  std::string degraded;  // why it is not enforced; "" otherwise
  std::uint64_t started_ns = 0;
};

struct PolicyView {
  std::string name, mode, response, on_loss;
  bool block = false;
  bool capture = false;
  std::vector<std::string> rules;
  std::string scope;  // as text; "" every container
};

// What a person may ask for of a container.
enum class Verb : std::uint8_t {
  kKill,
  kStop,
  kPause,
  kResume,
  kIsolate,
  kRelease,
};
std::string_view to_string(Verb verb);  // "kill"

struct OperatorRequest {
  std::string reason;
  std::string actor;
  std::optional<std::int64_t> limit_ms;  // kPause, kIsolate; absent: none
  std::optional<bool> then_kill;         // kPause; absent: resume
  std::optional<std::int64_t> grace_ms;  // kStop
};

struct CaptureView {
  std::string id;
  std::string state;  // "complete", or still "writing"
};

struct ListView {
  std::string name;
  // What its items are: "addresses", "networks", "names" or several of these;
  // "conditions", "unused" and "text" for what only the rule files change; ""
  // when no rule file has the list any more.
  std::string kind;
  std::uint64_t entries = 0;  // with all it includes, each once
  // Changes by hand, and whether they have an effect.
  std::uint64_t added = 0, removed = 0;
  bool in_force = true;
};

struct ListPage {
  ListView list;
  std::vector<ListChange> changes;  // by hand, of this list; on the first page
  struct Item {
    std::string item;
    std::string list;  // which has it: this one, or one that it includes
    std::optional<ListChange> change;  // that added it; absent: a rule file
  };
  std::vector<Item> items;           // an item stands as often as it is written
  std::optional<std::int64_t> next;  // `after` of the page behind this one
  // Of the compiled policy: pages that have the same are of one list.
  std::string policy_digest;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::vector<ReadinessCheck> readiness() = 0;
  virtual std::string metrics() = 0;  // Prometheus text format 0.0.4
  // Decides, responds and stores; returns the uuid.  kInvalidArgument: 400
  // (the message names the field); kExhausted or kIo: 503.
  virtual Result<std::string> violation(const std::string& body) = 0;
  virtual Store& store() = 0;
  virtual std::vector<ContainerView> containers() = 0;
  // `name`: id, unique id prefix, name, or namespace/pod/container.
  // kNotFound; kInvalidArgument when it is ambiguous (409).
  virtual Result<ContainerView> container(const std::string& name) = 0;
  // Does it; the text is the outcome ("killed").  `actor` goes to the audit
  // record.  kNotFound: 404; kUnsupported (already gone, exempt, not paused):
  // 409.
  virtual Result<std::string> respond(Verb verb, const std::string& name,
                                      const OperatorRequest& request) = 0;
  // Makes the budgets of responses whole; what had been used up, a line each.
  virtual std::vector<std::string> rearm(const OperatorRequest& request) = 0;
  // Keeps evidence of it, which it goes on after.  Same errors, and
  // kExhausted.
  virtual Result<CaptureView> capture(const std::string& name,
                                      const std::string& reason,
                                      const std::string& actor) = 0;
  // Every capture, the oldest first: {"evidence":[…]}.
  virtual Result<std::string> evidence() = 0;
  // One, with its manifest when it is complete.  kNotFound.
  virtual Result<std::string> evidence(const std::string& id) = 0;
  // Its archive, to be read from the start; `actor` goes to the audit record.
  // kNotFound.
  virtual Result<UniqueFd> evidence_archive(const std::string& id,
                                            const std::string& actor) = 0;
  virtual std::vector<PolicyView> policies() = 0;
  // Rule placement table as JSON: that of `bailiff explain -o json`.
  virtual std::string rules_json() = 0;
  virtual std::vector<ListView> lists() = 0;
  // So many of its items, from the one at `after` on.  kNotFound.
  virtual Result<ListPage> list(const std::string& name, std::int64_t after,
                                int limit) = 0;
  // All or nothing; in every container that runs when it returns, and in those
  // that start.  kNotFound; kInvalidArgument (400), naming list and item;
  // kUnsupported (409): only the rule files change this list, or there are too
  // many changes; kExhausted or kIo (503): the lists are what they were.
  virtual Result<ListOutcome> change_list(const std::string& name,
                                          const ListRequest& request) = 0;
  // All or nothing; the error's message holds the rendered diagnostics.
  // `actor` goes to the audit record.
  virtual Status reload(const std::string& actor) = 0;
  // A delivery that failed is tried again.  `actor` goes to the audit record.
  // kNotFound: none of that number has failed.
  virtual Status retry(std::int64_t delivery, const std::string& actor) = 0;
  // Of what was asked to be done, or of an archive, and was answered with an
  // error: `answer` is its JSON.
  virtual void refused(const std::string& actor, int status,
                       const std::string& answer) = 0;
};

}  // namespace bailiff::sidecar
