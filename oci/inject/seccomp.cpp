// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/seccomp.h"

#include <errno.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "rules/lower/held.h"
#include "rules/lower/observed.h"

namespace bailiff::oci {
namespace {

// How i386 makes a socket: the call's number is an argument, and its own
// arguments are in memory.
constexpr char kSocketCall[] = "socketcall";
// What is done by a ring is done without its own system calls.  One that was
// made outside, and handed in, is not set up here.
constexpr std::string_view kRingCalls[] = {"io_uring_setup", "io_uring_enter",
                                           "io_uring_register"};

// A call of the request, by its name in profiles.
struct Wanted {
  std::string name;
  std::uint8_t argument = 0;
  std::vector<SeccompCell> cells;
  std::int64_t refusal = EPERM;

  bool tells_apart() const { return cells.size() > 1; }
};

bool allows(const std::string& action) {
  return action == kActAllow || action == kActLog;
}

bool is_of(const SeccompRule& rule, const std::string& name) {
  return std::find(rule.names.begin(), rule.names.end(), name) !=
         rule.names.end();
}

class Extension {
 public:
  explicit Extension(SeccompProfile profile) : profile_(std::move(profile)) {}

  Status add(const Wanted& wanted) {
    std::vector<SeccompRule*> rules = rules_of(wanted.name);
    const bool open = allows(profile_.default_action);
    // Without a mask libseccomp compares nothing, whatever is compared with.
    for (const SeccompRule* rule : rules) {
      for (const SeccompArgument& argument : rule->args) {
        if (argument.op == kOpMaskedEqual && argument.value == 0) {
          return cannot_say(wanted.name);
        }
      }
    }
    if (open) {
      // Runtimes pass over a rule that does what is done anyway: it stands in
      // no other's way.
      for (SeccompRule* rule : rules) {
        if (rule->action != profile_.default_action) continue;
        std::erase(rule->names, wanted.name);
      }
      drop_empty();
      rules = rules_of(wanted.name);
    }
    if (rules.empty()) {
      // What the profile does not name, and refuses, stays refused.
      if (!open) return Ok{};
      take_out(wanted.name);
      add_cells(wanted, profile_.rules.size(), {}, true);
      return Ok{};
    }
    // Libseccomp takes the first rule for any arguments, and no other beside
    // it.
    const auto any_call = std::find_if(
        rules.begin(), rules.end(),
        [](const SeccompRule* rule) { return rule->args.empty(); });
    if (any_call != rules.end()) {
      for (SeccompRule* rule : rules) {
        if (rule != *any_call) std::erase(rule->names, wanted.name);
      }
      const bool allowed = allows((*any_call)->action);
      drop_empty();
      if (allowed) split(wanted);
      return Ok{};
    }
    // Of an allowing default with conditions of its own, and what they leave.
    if (open) return add_beside(wanted, rules);
    if (can_split(wanted, rules)) {
      split(wanted);
    } else {
      rename(wanted);
    }
    return Ok{};
  }

  // A rule before all others.
  void add_first(const Wanted& wanted) {
    const std::vector<SeccompRule*> rules = rules_of(wanted.name);
    const bool allowed =
        rules.empty()
            ? allows(profile_.default_action)
            : std::all_of(rules.begin(), rules.end(),
                          [](const SeccompRule* rule) {
                            return allows(rule->action) && rule->args.empty();
                          });
    if (!allowed) {
      rename(wanted);
      return;
    }
    take_out(wanted.name);
    add_cells(wanted, 0, {}, true);
  }

  // Whether it is refused, whatever its arguments are.
  bool refuses(const std::string& name) {
    return rules_of(name).empty() && !allows(profile_.default_action);
  }

  SeccompProfile take() { return std::move(profile_); }

 private:
  std::vector<SeccompRule*> rules_of(const std::string& name) {
    std::vector<SeccompRule*> rules;
    for (SeccompRule& rule : profile_.rules) {
      if (is_of(rule, name)) rules.push_back(&rule);
    }
    return rules;
  }

  // Cells are put into the conditions of what allows the call where those are
  // about other arguments.  A rule that refuses some of its arguments could
  // come to overlap with them.
  static bool can_split(const Wanted& wanted,
                        const std::vector<SeccompRule*>& rules) {
    return std::all_of(
        rules.begin(), rules.end(), [&](const SeccompRule* rule) {
          return allows(rule->action) &&
                 (!wanted.tells_apart() ||
                  std::none_of(rule->args.begin(), rule->args.end(),
                               [&](const SeccompArgument& argument) {
                                 return argument.index == wanted.argument;
                               }));
        });
  }

  void take_out(const std::string& name) {
    for (SeccompRule& rule : profile_.rules) std::erase(rule.names, name);
    drop_empty();
  }

  // A rule without a call is refused by runtimes.
  void drop_empty() {
    std::erase_if(profile_.rules,
                  [](const SeccompRule& rule) { return rule.names.empty(); });
  }

  // The rules of each cell under `base`, at `place`; those that pass are left
  // to the default when it does as much.
  std::size_t add_cells(const Wanted& wanted, std::size_t place,
                        SeccompRule base, bool default_passes) {
    base.names = {wanted.name};
    for (const SeccompCell& cell : wanted.cells) {
      SeccompRule rule = base;
      switch (cell.verdict) {
        case SeccompVerdict::kPass:
          if (default_passes) continue;
          break;
        case SeccompVerdict::kHold:
          rule.action = kActNotify;
          rule.errno_value.reset();
          break;
        case SeccompVerdict::kRefuse:
          rule.action = kActErrno;
          rule.errno_value = wanted.refusal;
          break;
      }
      if (wanted.tells_apart()) {
        rule.args.push_back({.index = wanted.argument,
                             .value = cell.mask,
                             .value_two = cell.bits,
                             .op = kOpMaskedEqual});
      }
      const auto at = static_cast<std::ptrdiff_t>(place++);
      profile_.rules.insert(profile_.rules.begin() + at, std::move(rule));
    }
    return place;
  }

  void split(const Wanted& wanted) {
    for (std::size_t i = 0; i < profile_.rules.size();) {
      if (!is_of(profile_.rules[i], wanted.name)) {
        ++i;
        continue;
      }
      const SeccompRule before = profile_.rules[i];
      std::size_t after = i + 1;
      std::erase(profile_.rules[i].names, wanted.name);
      if (profile_.rules[i].names.empty()) {
        const auto at = static_cast<std::ptrdiff_t>(i);
        profile_.rules.erase(profile_.rules.begin() + at);
        after = i;
      }
      i = add_cells(wanted, after, before, false);
    }
  }

  // Every rule that allows the call holds it, or refuses it when nothing of it
  // is to pass.  What is the same for all of the call's rules leaves the filter
  // that libseccomp makes of them as it was.
  void rename(const Wanted& wanted) {
    const bool refuse = std::all_of(
        wanted.cells.begin(), wanted.cells.end(), [](const SeccompCell& cell) {
          return cell.verdict == SeccompVerdict::kRefuse;
        });
    Wanted whole = wanted;
    whole.cells = {
        {.verdict = refuse ? SeccompVerdict::kRefuse : SeccompVerdict::kHold}};
    for (std::size_t i = 0; i < profile_.rules.size();) {
      if (!is_of(profile_.rules[i], wanted.name) ||
          !allows(profile_.rules[i].action)) {
        ++i;
        continue;
      }
      const SeccompRule before = profile_.rules[i];
      std::size_t after = i + 1;
      std::erase(profile_.rules[i].names, wanted.name);
      if (profile_.rules[i].names.empty()) {
        const auto at = static_cast<std::ptrdiff_t>(i);
        profile_.rules.erase(profile_.rules.begin() + at);
        after = i;
      }
      i = add_cells(whole, after, before, false);
    }
  }

  // Beside conditions that refuse the call, everything else is held.
  Status add_beside(const Wanted& wanted,
                    const std::vector<SeccompRule*>& rules) {
    if (std::all_of(rules.begin(), rules.end(), [](const SeccompRule* rule) {
          return allows(rule->action);
        })) {
      // Some of what passes is also written to the log, or is not: the service
      // passes all of it.
      Wanted whole = wanted;
      const bool passes = std::any_of(
          whole.cells.begin(), whole.cells.end(), [](const SeccompCell& cell) {
            return cell.verdict == SeccompVerdict::kPass;
          });
      if (passes) whole.cells = {{.verdict = SeccompVerdict::kHold}};
      take_out(wanted.name);
      add_cells(whole, profile_.rules.size(), {}, true);
      return Ok{};
    }
    if (rules.size() > 1) return cannot_say(wanted.name);
    std::vector<std::vector<SeccompArgument>> others;
    std::vector<SeccompArgument> same;
    for (const SeccompArgument& argument : rules.front()->args) {
      if (std::any_of(same.begin(), same.end(),
                      [&](const SeccompArgument& earlier) {
                        return earlier.index == argument.index;
                      })) {
        return cannot_say(wanted.name);
      }
      const std::vector<SeccompArgument> opposites = opposites_of(argument);
      if (opposites.empty()) return cannot_say(wanted.name);
      for (const SeccompArgument& opposite : opposites) {
        others.push_back(same);
        others.back().push_back(opposite);
      }
      same.push_back(argument);
    }
    Wanted whole = wanted;
    whole.cells = {{.verdict = SeccompVerdict::kHold}};
    for (std::vector<SeccompArgument>& args : others) {
      add_cells(whole, profile_.rules.size(), {.args = std::move(args)}, true);
    }
    return Ok{};
  }

  // Disjoint conditions, one of which holds where this one does not; none when
  // it cannot be said.
  static std::vector<SeccompArgument> opposites_of(
      const SeccompArgument& argument) {
    static constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
        {"SCMP_CMP_EQ", "SCMP_CMP_NE"}, {"SCMP_CMP_NE", "SCMP_CMP_EQ"},
        {"SCMP_CMP_LT", "SCMP_CMP_GE"}, {"SCMP_CMP_GE", "SCMP_CMP_LT"},
        {"SCMP_CMP_LE", "SCMP_CMP_GT"}, {"SCMP_CMP_GT", "SCMP_CMP_LE"}};
    std::vector<SeccompArgument> opposites;
    for (const auto& [op, opposite] : kPairs) {
      if (argument.op != op) continue;
      opposites.push_back(argument);
      opposites.back().op = opposite;
    }
    if (argument.op != kOpMaskedEqual) return opposites;
    // One for each bit: those before it are as wanted, and it is not.
    std::uint64_t mask = 0;
    for (int i = 63; i >= 0; --i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if ((argument.value & bit) == 0) continue;
      mask |= bit;
      opposites.push_back(argument);
      opposites.back().value = mask;
      opposites.back().value_two = (argument.value_two ^ bit) & mask;
    }
    return opposites;
  }

  static Error cannot_say(const std::string& name) {
    return Error{Code::kUnsupported,
                 "the container's seccomp profile allows '" + name +
                     "' but for several conditions, beside which it cannot be "
                     "held: let the profile name what it allows"};
  }

  SeccompProfile profile_;
};

SeccompProfile everything() {
  return {
    .default_action = kActAllow,
#if defined(__x86_64__)
    .architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}
#elif defined(__aarch64__)
    .architectures = {
      "SCMP_ARCH_AARCH64",
      "SCMP_ARCH_ARM"
    }
#endif
  };
}

Status refuse_foreign(const SeccompProfile& profile) {
  const bool notifies = profile.default_action == kActNotify ||
                        std::any_of(profile.rules.begin(), profile.rules.end(),
                                    [](const SeccompRule& rule) {
                                      return rule.action == kActNotify;
                                    });
  if (profile.listener_path.empty() && !notifies) return Ok{};
  return Error{Code::kUnsupported,
               "the container's seccomp profile has a listener of its own ('" +
                   profile.listener_path +
                   "'), and a filter can have only one: take it out, or take "
                   "the rules that refuse system calls out of the policies of "
                   "this container"};
}

}  // namespace

Result<SeccompProfile> extend(std::optional<SeccompProfile> profile,
                              const SeccompRequest& request) {
  if (profile) RETURN_IF_ERROR(refuse_foreign(*profile));
  Extension extension(profile ? *std::move(profile) : everything());
  bool ring = false;
  for (const SeccompCall& call : request.calls) {
    Wanted wanted{.name = std::string(event_type_of(call.call)),
                  .argument = call.argument,
                  .cells = call.cells};
    ring = ring || is_made_by_ring(call.call);
    if (call.call == BAILIFF_CALL_SOCKET) {
      // First, since libseccomp makes rules for it of those for socket, without
      // their conditions: with this one before them it leaves them out.
      extension.add_first(
          {.name = kSocketCall, .cells = {{.verdict = SeccompVerdict::kHold}}});
      if (extension.refuses(kSocketCall)) {
        wanted.cells = {{.verdict = SeccompVerdict::kHold}};
      }
    }
    RETURN_IF_ERROR(extension.add(wanted));
  }
  if (ring) {
    // As on a kernel without it, which programs are prepared for.
    for (const std::string_view name : kRingCalls) {
      RETURN_IF_ERROR(
          extension.add({.name = std::string(name),
                         .cells = {{.verdict = SeccompVerdict::kRefuse}},
                         .refusal = ENOSYS}));
    }
  }
  SeccompProfile extended = extension.take();
  extended.listener_path = request.listener;
  extended.listener_metadata = request.token;
  return extended;
}

Status inject_seccomp(ConfigDocument& document, const SeccompRequest& request) {
  RETURN_IF_ERROR(document.restore_seccomp());
  if (request.calls.empty()) return Ok{};
  ASSIGN_OR_RETURN(std::optional<SeccompProfile> profile, document.seccomp());
  ASSIGN_OR_RETURN(const SeccompProfile extended,
                   extend(std::move(profile), request));
  return document.extend_seccomp(extended, request.policy);
}

}  // namespace bailiff::oci
