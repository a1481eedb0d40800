// SPDX-License-Identifier: Apache-2.0
// rules/document/service_config.h
// bailiff.yaml: where things are and whom to tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/base/on_error.h"
#include "rules/document/append_output.h"

namespace bailiff {

struct SinkConfig {
  std::string name;
  std::string type;          // "webhook"
  std::string url;           // http:// or https://
  std::string secret_file;   // HMAC-SHA256 key; "" = unsigned
  std::string min_priority;  // "" = every alert
};

// What a capture may take, and how long it is kept.
struct EvidenceConfig {
  // How long a capture may hold back the response; 0: it responds first.
  std::int64_t limit_ms = 250;
  std::int64_t keep_for_ms = 30LL * 24 * 3'600'000;
  std::int64_t keep_mib = 4096;  // of all captures together
  bool keep_secrets = false;     // else they are masked
  bool checkpoint = false;       // a CRIU checkpoint is made as well
  bool operator==(const EvidenceConfig&) const = default;
};

// How much of what policies ask for is done, so that a rule that matches too
// much cannot take down a node: at most this many responses in any span `per`
// to one policy's events, to one workload (the containers of one image in one
// namespace), and on the node.  Past it, what policies ask for is refused and
// told of, not done.
struct ResponseLimits {
  std::uint32_t policy = 50;
  std::uint32_t workload = 10;
  std::uint32_t node = 100;
  std::int64_t per_ms = 600'000;
  // Of a policy and the node, when that ends by itself; 0: never, an operator
  // has to re-arm them.
  std::int64_t rearm_ms = 3'600'000;
  std::int64_t cool_down_ms = 600'000;  // the same of a workload; 0: never
  bool operator==(const ResponseLimits&) const = default;
};

struct ServiceConfig {
  std::string node = "auto";  // "auto": the host's name
  std::string run_dir = "/run/bailiff";
  std::string state_dir = "/var/lib/bailiff";
  std::string bpf_dir = "/sys/fs/bpf/bailiff";
  // Files or folders; of a folder its *.yaml and *.yml, by name.
  std::vector<std::string> rules = {"/etc/bailiff/rules.d"};
  std::vector<std::string> policies = {"/etc/bailiff/policies.d"};
  std::string api_unix;   // "": run_dir + "/bailiffd.sock"
  std::string api_tcp;    // "": none; "127.0.0.1:8686" (loopback only:
                          // anything else is refused)
  std::string api_group;  // admitted to the unix socket besides root; "": none
  OnError on_failure = OnError::kDeny;
  std::vector<std::string> exempt;  // NAMESPACE/*, NAMESPACE/POD, id:PREFIX
  std::vector<SinkConfig> sinks;
  EvidenceConfig evidence;
  ResponseLimits limits;
  // Addresses and networks an isolated container may still reach, and be
  // reached from.  As written.
  std::vector<std::string> isolate_allow;
  std::vector<AppendOutput> append_output = default_append_output();
  // What bailiff-runc stands in front of; "": runc, else crun, looked up in
  // /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin.
  std::string runtime;
  std::string hook = "/usr/local/libexec/bailiff/bailiff-hook";
  std::uint32_t hook_timeout_seconds = 10;
};

// Reads the text of a bailiff.yaml; relative paths are refused.  Every unknown
// key, wrong type and bad value is an error with its place.  Absent keys keep
// the defaults above.  nullopt when there is an error.
std::optional<ServiceConfig> parse_service_config(std::string_view text,
                                                  std::uint32_t source,
                                                  Diagnostics& diagnostics);

}  // namespace bailiff
