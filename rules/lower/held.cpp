// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/held.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "rules/fields/event_type.h"
#include "rules/lower/observed.h"

namespace bailiff {
namespace {

// Parameters that are the result, or what the kernel finds on the way to it.
constexpr std::string_view kOfTheResult[] = {"res", "fd", "ino", "dev", "size"};

bool is_of_the_result(bailiff_call call, std::string_view parameter) {
  const EventType& type =
      all_event_types()[*find_event_type(event_type_of(call))];
  parameter = parameter_name(call, parameter);
  // The descriptor that a call is given is known; the one it makes is not.
  if (parameter == "fd") return type.has(EventFlag::kCreatesFd);
  return std::find(std::begin(kOfTheResult), std::end(kOfTheResult),
                   parameter) != std::end(kOfTheResult);
}

bool is_unknown_when_held(FieldId id, std::string_view argument,
                          bailiff_call call) {
  const EventType& type =
      all_event_types()[*find_event_type(event_type_of(call))];
  switch (id) {
    case FieldId::kEvtArg:
      return is_of_the_result(call, argument);
    // The result is among them.
    case FieldId::kEvtArgs:
    case FieldId::kEvtInfo:
    // Whether the file was there before.
    case FieldId::kEvtIsOpenCreate:
    // Of the file a program was started from, which the observer tells at its
    // start and /proc does not.
    case FieldId::kProcIsExeWritable:
    case FieldId::kProcIsExeUpperLayer:
    case FieldId::kProcIsExeLowerLayer:
    case FieldId::kProcIsExeFromMemfd:
    case FieldId::kProcExeIno:
    case FieldId::kProcExeInoCtime:
    case FieldId::kProcExeInoMtime:
    case FieldId::kProcExeInoCtimeDurationProcStart:
      return true;
    case FieldId::kFdNum:
    case FieldId::kFdIno:
      return type.has(EventFlag::kCreatesFd);
    default:
      return false;
  }
}

// What holds for 0 and for the largest number alike, with the operand below
// both or at the edge, holds for each.
std::optional<bool> decide_not_negative(const Check& check,
                                        const std::vector<List>& lists) {
  if (check.op == Op::kExists) return true;
  const auto all_negative = [&] {
    return check.lists.empty() &&
           std::all_of(check.values.begin(), check.values.end(),
                       [](const Value& value) {
                         const auto* number = std::get_if<std::int64_t>(&value);
                         return number != nullptr && *number < 0;
                       });
  };
  const bool at_zero = check.values.size() == 1 &&
                       check.values.front() == Value(std::int64_t{0}) &&
                       (check.op == Op::kGe || check.op == Op::kLt);
  if (!at_zero && !all_negative()) return std::nullopt;
  return holds(check, {Value(std::numeric_limits<std::int64_t>::max())}, lists);
}

std::optional<bool> decide_held(const Check& check, bailiff_call call,
                                const std::vector<List>& lists) {
  const EventType& type =
      all_event_types()[*find_event_type(event_type_of(call))];
  const bool makes_fd = type.has(EventFlag::kCreatesFd);
  switch (check.field) {
    case FieldId::kEvtRes:
      return holds(check, {Value("SUCCESS")}, lists);
    case FieldId::kEvtFailed:
      return holds(check, {Value(false)}, lists);
    case FieldId::kEvtRawres:
      if (makes_fd) return decide_not_negative(check, lists);
      return holds(check, {Value(std::int64_t{0})}, lists);
    case FieldId::kFdNum:
      if (makes_fd) return decide_not_negative(check, lists);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool can_be_held(bailiff_call call) {
  switch (call) {
    // No runtime needs these once the filter is loaded: namespaces are entered,
    // mounts made and modules none of its business.
    case BAILIFF_CALL_PTRACE:
    case BAILIFF_CALL_SETNS:
    case BAILIFF_CALL_UNSHARE:
    case BAILIFF_CALL_BPF:
    case BAILIFF_CALL_USERFAULTFD:
    case BAILIFF_CALL_INIT_MODULE:
    case BAILIFF_CALL_FINIT_MODULE:
    case BAILIFF_CALL_MEMFD_CREATE:
    case BAILIFF_CALL_MOUNT:
    // The same of what makes, removes, renames and changes files.
    case BAILIFF_CALL_RENAME:
    case BAILIFF_CALL_RENAMEAT:
    case BAILIFF_CALL_RENAMEAT2:
    case BAILIFF_CALL_UNLINK:
    case BAILIFF_CALL_UNLINKAT:
    case BAILIFF_CALL_RMDIR:
    case BAILIFF_CALL_MKDIR:
    case BAILIFF_CALL_MKDIRAT:
    case BAILIFF_CALL_CHMOD:
    case BAILIFF_CALL_FCHMOD:
    case BAILIFF_CALL_FCHMODAT:
    case BAILIFF_CALL_LINK:
    case BAILIFF_CALL_LINKAT:
    case BAILIFF_CALL_SYMLINK:
    case BAILIFF_CALL_SYMLINKAT:
    // crun makes the one over which it sends the listener before the filter.
    case BAILIFF_CALL_SOCKET:
    // runc and crun open files between the filter and the program they start,
    // but not before the listener is handed over: the service answers them, and
    // as each is judged by its path and its process, lets them go on.
    case BAILIFF_CALL_OPEN:
    case BAILIFF_CALL_OPENAT:
    case BAILIFF_CALL_OPENAT2:
    case BAILIFF_CALL_CREAT:
      return true;
    // What the runtime itself ends with; and what a program is, is judged when
    // it is loaded.
    case BAILIFF_CALL_EXECVE:
    case BAILIFF_CALL_EXECVEAT:
    // The runtime sets the user of the process with it.
    case BAILIFF_CALL_SETUID:
    // With these the listener is handed over, and descriptors arranged.
    case BAILIFF_CALL_DUP:
    case BAILIFF_CALL_DUP2:
    case BAILIFF_CALL_DUP3:
    case BAILIFF_CALL_SENDMSG:
    case BAILIFF_CALL_RECVFROM:
    case BAILIFF_CALL_RECVMSG:
    // Peers are judged where the kernel's copy of the address is seen, and
    // before these two there is none.
    case BAILIFF_CALL_CONNECT:
    case BAILIFF_CALL_BIND:
    case BAILIFF_CALL_SENDTO:
    case BAILIFF_CALL_ACCEPT:
    case BAILIFF_CALL_ACCEPT4:
    // The address is that of the socket, which is not read of a held caller.
    case BAILIFF_CALL_LISTEN:
    case BAILIFF_CALL_COUNT:
      return false;
  }
  return false;
}

bool is_made_by_ring(bailiff_call call) {
  switch (call) {
    case BAILIFF_CALL_OPEN:
    case BAILIFF_CALL_OPENAT:
    case BAILIFF_CALL_OPENAT2:
    case BAILIFF_CALL_CREAT:
    case BAILIFF_CALL_RENAME:
    case BAILIFF_CALL_RENAMEAT:
    case BAILIFF_CALL_RENAMEAT2:
    case BAILIFF_CALL_UNLINK:
    case BAILIFF_CALL_UNLINKAT:
    case BAILIFF_CALL_RMDIR:
    case BAILIFF_CALL_MKDIR:
    case BAILIFF_CALL_MKDIRAT:
    case BAILIFF_CALL_LINK:
    case BAILIFF_CALL_LINKAT:
    case BAILIFF_CALL_SYMLINK:
    case BAILIFF_CALL_SYMLINKAT:
    case BAILIFF_CALL_SOCKET:
    case BAILIFF_CALL_BIND:
      return true;
    // Of those that come first, programs see the packets, whoever makes them.
    case BAILIFF_CALL_LISTEN:
    case BAILIFF_CALL_CONNECT:
    case BAILIFF_CALL_ACCEPT:
    case BAILIFF_CALL_ACCEPT4:
    case BAILIFF_CALL_SENDTO:
    case BAILIFF_CALL_SENDMSG:
    case BAILIFF_CALL_RECVFROM:
    case BAILIFF_CALL_RECVMSG:
    case BAILIFF_CALL_EXECVE:
    case BAILIFF_CALL_EXECVEAT:
    case BAILIFF_CALL_CHMOD:
    case BAILIFF_CALL_FCHMOD:
    case BAILIFF_CALL_FCHMODAT:
    case BAILIFF_CALL_DUP:
    case BAILIFF_CALL_DUP2:
    case BAILIFF_CALL_DUP3:
    case BAILIFF_CALL_PTRACE:
    case BAILIFF_CALL_SETNS:
    case BAILIFF_CALL_UNSHARE:
    case BAILIFF_CALL_SETUID:
    case BAILIFF_CALL_BPF:
    case BAILIFF_CALL_USERFAULTFD:
    case BAILIFF_CALL_INIT_MODULE:
    case BAILIFF_CALL_FINIT_MODULE:
    case BAILIFF_CALL_MEMFD_CREATE:
    case BAILIFF_CALL_MOUNT:
    case BAILIFF_CALL_COUNT:
      return false;
  }
  return false;
}

Decide known_of_held(bailiff_call call, const std::vector<List>& lists) {
  const Decide observed = known_of_observed(call, lists);
  return {
      .check = [observed, call,
                &lists](const Check& check) -> std::optional<bool> {
        if (const auto known = observed.check(check)) return known;
        return decide_held(check, call, lists);
      },
      .term_check = observed.term_check,
  };
}

std::vector<FieldId> fields_unknown_when_held(const Expr& expr,
                                              bailiff_call call) {
  std::set<FieldId> ids;
  for (const Leaf& leaf : leaves_of(expr)) {
    for (std::size_t i = 0; i < leaf.fields.size(); ++i) {
      const Teller observer{.kind = Teller::kObserver, .call = call};
      if (has_no_source(leaf.fields[i], leaf.arguments[i], observer) ||
          is_unknown_when_held(leaf.fields[i], leaf.arguments[i], call)) {
        ids.insert(leaf.fields[i]);
      }
    }
  }
  return {ids.begin(), ids.end()};
}

}  // namespace bailiff
