// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/seccomp_request.h"

#include <limits.h>
#include <stdlib.h>

#include <array>
#include <chrono>
#include <utility>

#include "oci/inject/registration.h"
#include "oci/policy/bundle_facts.h"
#include "oci/policy/held_calls.h"
#include "oci/policy/lowering_facts.h"
#include "oci/policy/policy_file.h"
#include "oci/spec/exempt.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/unix_socket.h"
#include "rules/lower/lower.h"

namespace bailiff::oci {
namespace {

// How long a service that is busy may take to have room for one connection
// more.
constexpr std::chrono::seconds kConnectLimit{2};

// The bundle as the runtime will tell it to hooks.
Result<std::string> bundle_folder(const RuntimeCall& call) {
  const std::string given = call.bundle.empty() ? "." : call.bundle;
  std::array<char, PATH_MAX> whole{};
  if (::realpath(given.c_str(), whole.data()) == nullptr) {
    return errno_error("find the bundle '" + given + "'");
  }
  return std::string(whole.data());
}

Result<ContainerFacts> facts_of(const RuntimeCall& call) {
  ContainerState state;
  state.id = call.id;
  ASSIGN_OR_RETURN(state.bundle, bundle_folder(call));
  const std::string path = config_path(call);
  ASSIGN_OR_RETURN(const std::string text, read_bounded(path, kMaxConfigBytes));
  ASSIGN_OR_RETURN(ContainerConfig read, parse_config(text, "'" + path + "'"));
  const Bundle bundle{state.bundle, std::move(read)};
  const ContainerConfig& config = bundle.config;
  state.annotations = config.annotations;
  ASSIGN_OR_RETURN(const auto record,
                   read_manager_record(state.bundle, config, state.id));
  ASSIGN_OR_RETURN(const HostNamespaces host, asked_namespaces(config));
  return container_facts(state, config, record, host, read_pod_labels(bundle));
}

Status check_listening(const std::string& socket) {
  Result<UnixConnection> tried =
      connect_unix(socket, std::chrono::steady_clock::now() + kConnectLimit);
  if (tried) return Ok{};
  return Error{tried.error().code,
               "its policies refuse system calls, which bailiffd judges, and " +
                   tried.error().message + ": start bailiffd"};
}

}  // namespace

Result<SeccompRequest> seccomp_request(const RuntimeCall& call,
                                       const ServiceConfig& settings) {
  const Result<PolicyFile> file =
      PolicyFile::open(settings.state_dir + "/policy.bin");
  if (!file) {
    if (file.error().code == Code::kNotFound) return SeccompRequest{};
    return file.error();
  }
  // Most policies are none of seccomp's business, and then nothing more is
  // read.
  const CompiledPolicy& policy = file->head();
  if (lower(policy, {}).held.calls == 0) return SeccompRequest{};

  if (call.id.empty()) {
    return invalid_argument("the command line names no container");
  }
  ASSIGN_OR_RETURN(const ContainerFacts found, facts_of(call));
  if (is_exempt(policy.exempt, call.id, found)) return SeccompRequest{};
  const Facts facts = lowering_facts(found);
  SeccompRequest request;
  request.calls = seccomp_calls(policy, lower(policy, facts), facts);
  if (request.calls.empty()) return request;
  if (call.verb == Verb::kRestore) {
    return Error{Code::kUnsupported,
                 "its policies refuse system calls, and a restored container "
                 "has no seccomp listener: start it anew"};
  }
  request.policy = file->digest().hex();
  request.listener = listener_socket(settings.run_dir);
  RETURN_IF_ERROR(check_listening(request.listener));
  ASSIGN_OR_RETURN(request.token, register_listener(settings.run_dir, call.id));
  return request;
}

}  // namespace bailiff::oci
