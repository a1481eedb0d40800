// SPDX-License-Identifier: Apache-2.0
// sidecar/http/backend.h
// What the HTTP API is about, without HTTP.  Implemented by the service; every
// method may be called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/base/result.h"
#include "sidecar/alert/alert.h"
#include "sidecar/store/store.h"

namespace bailiff::sidecar {

struct ReadinessCheck {
  std::string name;  // "self_test", "policy", "store", "bpffs", "ring_buffer"
  bool ok = false;
  std::string detail;  // why not, or what was shown
};

struct ContainerView {
  std::string id;
  AlertContainer identity;
  std::string state;  // "running", "degraded", "gone"
  std::int64_t pid = 0;
  std::string cgroup;
  std::vector<std::string> policies;
  std::string policy_digest;
  std::string degraded;  // why it is not enforced; "" otherwise
  std::uint64_t started_ns = 0;
};

struct PolicyView {
  std::string name, mode, response;
  bool block = false;
  std::vector<std::string> rules;
  std::string scope;  // as text; "" every container
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
  // Kills it; the text is the outcome ("killed").  `actor` goes to the audit
  // record.  kNotFound: 404; kUnsupported (already gone, exempt): 409.
  virtual Result<std::string> kill(const std::string& name,
                                   const std::string& reason,
                                   const std::string& actor) = 0;
  virtual std::vector<PolicyView> policies() = 0;
  // Rule placement table as JSON: that of `bailiff explain -o json`.
  virtual std::string rules_json() = 0;
  // All or nothing; the error's message holds the rendered diagnostics.
  virtual Status reload() = 0;
};

}  // namespace bailiff::sidecar
