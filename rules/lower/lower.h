// SPDX-License-Identifier: Apache-2.0
// rules/lower/lower.h
// Where each rule is decided for one container: the container's facts are
// folded into the conditions, and what is left is split into what the kernel
// decides and what the sidecar does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff {

// What is known of a container at its creation, by Falco field name
// ("container.image.repository").  In `complete` facts a field that is not
// there extracts nothing, now and for the container's life; otherwise it is
// unknown and conditions on it stay (explain and dump without --container).
// Lists of mounts ("container.mount.dest") answer for each of them
// ("container.mount.dest[/etc]"), labels are one by one ("k8s.pod.label[app]").
struct Facts {
  std::map<std::string, std::vector<Value>, std::less<>> values;
  bool complete = false;
  // Names of fields that the container has and nobody told: for fold() they
  // are unknown, even in complete facts.
  std::set<std::string, std::less<>> untold;
};

// The values of a field as far as it is known for good: none for one that
// extracts nothing, nullopt for what is not known.
std::optional<std::vector<Value>> told(const Facts& facts, FieldId id,
                                       const std::string& argument);

// Replaces what the facts decide, and what can be told statically (evt.num is
// at least 1), by constants, and removes the constants from and/or/not.
Expr fold(const Expr& expr, const Facts& facts, const std::vector<List>& lists);

enum class HookPoint : std::uint8_t {
  kConnect4,
  kConnect6,
  kSendmsg4,  // a datagram to an address, without a connect(2) before it
  kSendmsg6,
  kEgress,     // a packet, whatever made it
  kFrame,      // what leaves an interface and is not from an IP socket
  kQuery,      // a packet that asks a resolver for a name
  kAnswer,     // a packet that tells of one; no rule is judged there
  kIngress,    // a packet, before its socket gets it
  kPostBind4,  // bind(2), when address and port are settled
  kPostBind6,
  kSockCreate,  // an IPv4 or IPv6 socket, when it is made
  kExec,        // a program that is executed; by the observer, not by a program
};
// Those that programs are attached to.
inline constexpr HookPoint kHookPoints[] = {
    HookPoint::kConnect4,  HookPoint::kConnect6,  HookPoint::kSendmsg4,
    HookPoint::kSendmsg6,  HookPoint::kEgress,    HookPoint::kFrame,
    HookPoint::kQuery,     HookPoint::kAnswer,    HookPoint::kIngress,
    HookPoint::kPostBind4, HookPoint::kPostBind6, HookPoint::kSockCreate};
std::string_view to_string(HookPoint hook);  // "connect4"

// The strongest first.
enum class Enforcement : std::uint8_t {
  kKernel,
  kNotify,
  kObserve,
  kUnsupported
};
std::string_view to_string(Enforcement enforcement);  // "kernel"

// How one rule is enforced, and why not stronger.
struct Placement {
  std::uint32_t rule = 0;
  Enforcement enforcement = Enforcement::kUnsupported;
  std::vector<HookPoint> hooks;
  // The event types the folded condition can hold for; absent: any.
  std::optional<std::vector<std::string>> events;
  std::vector<FieldId> fields;  // of the folded condition, each once, by id
  std::string folded;           // the folded condition as text
  std::string reason;           // one sentence, lower case, no full stop
};

// One rule of a program.
struct KernelRule {
  std::uint32_t rule = 0;  // index in CompiledPolicy::rules
  // Over kernel fields only.  When `candidate`, it holds whenever the rule's
  // whole condition could hold, and the sidecar evaluates the rest.
  Expr condition;
  bool candidate = false;
  bool deny = false;  // an enforcing policy of this container blocks it
  // At egress and frame, of a rule that refuses all but some peers: it is asked
  // about what goes elsewhere than another hook was asked about (over raw
  // sockets and AF_PACKET, by options, by nftables), and about no others, which
  // may answer a peer that came by itself.
  bool raw = false;
  bool operator==(const KernelRule&) const = default;
};

// What is to be told of a container after the fact.
struct Observation {
  std::vector<std::uint32_t> rules;  // ascending; empty: nothing
  // Of each of them, bit_of() the calls it is judged for: what a hook has
  // judged before is not judged again.
  std::vector<std::uint64_t> rule_calls;
  std::uint64_t calls = 0;  // all of them together
  // Of `rules`, those that the kernel decides of a program that is executed.
  std::vector<std::uint32_t> exec_rules;
  bool environment = false;  // of new programs
  bool directory = false;    // the working directory, at calls
};

// The calls of a container that seccomp stands before.
struct HeldCalls {
  std::vector<std::uint32_t> rules;  // ascending; empty: none
  // Of each of them, bit_of() the calls that are refused when it holds.
  std::vector<std::uint64_t> rule_calls;
  std::uint64_t calls = 0;  // all of them together
};

struct Plan {
  std::vector<KernelRule> connect;  // at connect4 and connect6
  std::vector<KernelRule> send;     // at sendmsg4 and sendmsg6
  // At egress and frame: what is refused and was not seen at the others.
  std::vector<KernelRule> packet;
  std::vector<KernelRule> frame;
  // Where packets ask for names: checks of the names alone.
  std::vector<KernelRule> query;
  // Of every rule that names hosts, the checks of these: of which names answers
  // are to be kept.  With any, questions are read at `query` whatever is there.
  std::vector<KernelRule> answer;
  // At ingress: connections and datagrams that are refused.
  std::vector<KernelRule> arrival;
  std::vector<KernelRule> bind;  // at post_bind4 and post_bind6
  // At sock_create: IP sockets that are refused, told of by the observer.
  std::vector<KernelRule> socket;
  // When a program is executed: what is refused is killed before it runs.
  std::vector<KernelRule> exec;
  // The checks that are bits of its processes (task.h): which bit is the place.
  std::vector<Check> bits;
  // Rules evaluated for processes and system calls of the container.
  Observation observe;
  // Of what is observed, what is refused before it is done.
  HeldCalls held;
  // Rules evaluated when the container is registered (evt.type=container).
  std::vector<std::uint32_t> container_event;
  // Indices in CompiledPolicy::policies whose scope holds the container.
  std::vector<std::uint32_t> policies;
  // One for every rule of those policies, ascending.
  std::vector<Placement> placements;

  const std::vector<KernelRule>& rules_at(HookPoint hook) const;
  // Whether there is something to do.
  bool acts_at(HookPoint hook) const;
  // Whether programs judge what the container does.
  bool judges() const;
  // Whether there is anything to attach.
  bool attaches() const { return judges() || observes(); }
  // Whether the observer has to look at the container.
  bool observes() const { return !observe.rules.empty() || !bits.empty(); }
  void attach_nothing();
};

// Pure.  Never fails: a rule no hook can serve is placed kUnsupported.  What is
// untold counts as null: untold_uses() says whether that matters.
Plan lower(const CompiledPolicy& policy, const Facts& facts);

// A policy whose scope or rules cannot be decided for the container.
struct UntoldUse {
  std::uint32_t policy = 0;
  std::string field;  // as a condition writes it: "k8s.pod.label[app]"
};
// One for each policy that depends on what is untold, whatever else is known.
std::vector<UntoldUse> untold_uses(const CompiledPolicy& policy,
                                   const Facts& facts);

// The placement of every rule whether a policy names it or not, for explain.
// A rule counts as refused when any of the policies refuses it.
std::vector<Placement> place_all(const CompiledPolicy& policy,
                                 const Facts& facts);

}  // namespace bailiff
