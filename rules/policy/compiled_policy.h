// SPDX-License-Identifier: Apache-2.0
// rules/policy/compiled_policy.h
// CompiledPolicy: everything the hook and the sidecar need of the user's rule
// and policy files, on any host.  A small tree of plain, typed parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/digest.h"
#include "rules/base/on_error.h"
#include "rules/base/priority.h"
#include "rules/base/response.h"
#include "rules/base/result.h"
#include "rules/document/append_output.h"
#include "rules/types/expr.h"

namespace bailiff {

// A Falco list: the items as written, macros of lists resolved.  Its typed
// forms (addresses for fd.sip, networks for fd.snet, …) follow from the checks
// that use it; every item has been checked to have that type.
struct List {
  std::string name;
  std::vector<std::string> items;       // own items, in order, not deduplicated
  std::vector<std::uint32_t> includes;  // lists named among the items
  // False when decode_head() left the items out: nobody may take such a list
  // for an empty one.
  bool complete = true;
  bool operator==(const List&) const = default;
};

// The list and all it includes, each once, in the order of their items.
std::vector<std::uint32_t> with_included(const std::vector<List>& lists,
                                         std::uint32_t index);

// Items of the list and of all it includes, each once, in order.
// Precondition: all of them are complete.
std::vector<std::string> flatten(const std::vector<List>& lists,
                                 std::uint32_t index);

struct Rule {
  std::string name;
  std::string description;
  std::string source;  // "syscall"
  Priority priority = Priority::kDebug;
  std::vector<std::string> tags;  // sorted, each once
  Expr condition;
  std::string output;  // the template, trimmed, tokens checked
  std::vector<ExtraField> extra_fields;  // beside those of the output
  bool enabled = true;
  bool operator==(const Rule&) const = default;
};

enum class Mode : std::uint8_t { kEnforce, kMonitor };
std::string_view to_string(Mode mode);  // "enforce", …

struct Policy {
  std::string name;
  std::optional<Expr> scope;         // absent: every container
  std::vector<std::uint32_t> rules;  // indices, ascending, enabled ones only
  Mode mode = Mode::kEnforce;
  bool block = false;
  bool capture = false;  // keep evidence before the response destroys it
  Response response = Response::kNone;
  // To a container whose events were lost; never kKillProcess.
  Response on_loss = Response::kNone;
  ResponseTerms terms;                             // of both
  std::optional<std::vector<std::string>> notify;  // absent: every sink
  bool operator==(const Policy&) const = default;
};

struct CompiledPolicy {
  OnError on_failure = OnError::kDeny;
  // Containers nothing is attached to: NAMESPACE/*, NAMESPACE/POD, id:PREFIX.
  std::vector<std::string> exempt;
  std::vector<List> lists;       // definition order
  std::vector<Rule> rules;       // load order
  std::vector<Policy> policies;  // load order
  bool operator==(const CompiledPolicy&) const = default;
};

// The file format: little-endian, length-prefixed, "BAILIFF\n", a format
// version, the head with the Digest of all of it, and the items of those lists
// that only the kernel looks things up in.  The same policy gives the same
// bytes on every host.  Precondition: every list is complete.
std::string encode(const CompiledPolicy& policy);

// Refuses, saying which: another format version, a truncated or altered file
// (digests), any count or index out of bounds, nesting past
// kMaxExprDepth.  Reads nothing past its input; safe on hostile bytes.
Result<CompiledPolicy> decode(std::string_view bytes);

// The same of a file's head alone, which is all it takes to lower() the policy
// for a container and to emit its programs, however long the lists are.  Those
// whose items lie behind the head are not complete.
Result<CompiledPolicy> decode_head(std::string_view head);
// How long the head of a file is that begins with these kPolicyPrefixBytes or
// more; the errors are those of decode().
Result<std::size_t> policy_head_bytes(std::string_view prefix);
inline constexpr std::size_t kPolicyPrefixBytes = 16;

// Of each list, whether only the kernel looks things up in it, or nobody does:
// its items lie behind the head, and to change them changes no program.
std::vector<bool> kernel_lists(const CompiledPolicy& policy);

// The name of a compiled policy: the digest its head ends with, which covers
// the digests of what lies behind it.  Takes a file or its head.
Digest policy_digest(std::string_view encoded);
// The name of all that a policy asks and does, whatever those lists hold whose
// items lie behind its head: to change them makes no other programs.
// Digest::short_id() of it is the policy's number in event records.
Digest conditions_digest(std::string_view encoded);

// Deepest nesting of and/or/not a compiled policy may have.  Falco's own
// engine allows fewer than 199 nested parentheses.
inline constexpr int kMaxExprDepth = 1000;

}  // namespace bailiff
