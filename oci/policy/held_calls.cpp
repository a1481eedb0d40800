// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/held_calls.h"

#include <string>

#include "oci/spec/call_text.h"

namespace bailiff::oci {
namespace {

// As evt.arg says it: the number, where there is no name.
template <std::string (*name_of)(std::uint64_t)>
std::string name_or_number(std::uint64_t value) {
  std::string name = name_of(value);
  return name.empty() ? std::to_string(value) : name;
}

// The arguments by which rules tell calls apart.
std::vector<NamedArgument> named_arguments() {
  return {{.call = BAILIFF_CALL_SOCKET,
           .parameter = "domain",
           .argument = 0,
           .kind = NamedArgument::kChoice,
           .named = socket_domains(),
           .text = name_or_number<socket_domain>},
          {.call = BAILIFF_CALL_PTRACE,
           .parameter = "request",
           .argument = 0,
           .kind = NamedArgument::kChoice,
           .named = ptrace_requests(),
           .text = name_or_number<ptrace_request>},
          {.call = BAILIFF_CALL_BPF,
           .parameter = "cmd",
           .argument = 0,
           .kind = NamedArgument::kChoice,
           .named = bpf_commands(),
           .text = name_or_number<bpf_command>},
          {.call = BAILIFF_CALL_UNSHARE,
           .parameter = "flags",
           .argument = 0,
           .kind = NamedArgument::kFlags,
           .named = clone_flag_bits(),
           .text = name_or_number<clone_flags>},
          {.call = BAILIFF_CALL_SETNS,
           .parameter = "nstype",
           .argument = 1,
           .kind = NamedArgument::kFlags,
           .named = clone_flag_bits(),
           .text = name_or_number<clone_flags>}};
}

}  // namespace

std::vector<SeccompCall> seccomp_calls(const CompiledPolicy& policy,
                                       const Plan& plan, const Facts& facts) {
  if (plan.held.calls == 0) return {};
  return plan_seccomp(policy, plan.held, facts, named_arguments());
}

}  // namespace bailiff::oci
