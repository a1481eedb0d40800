// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/ip_socket.h"

#include "rules/lower/connect.h"
#include "rules/lower/held.h"
#include "rules/lower/observed.h"

namespace bailiff {

Decide known_of_ip_socket(IpFamily family, const std::vector<List>& lists) {
  Decide decide = known_of_held(BAILIFF_CALL_SOCKET, lists);
  decide.check = [held = decide.check, family,
                  &lists](const Check& check) -> std::optional<bool> {
    if (check.field == FieldId::kEvtArg &&
        parameter_name(BAILIFF_CALL_SOCKET, check.argument) == "domain") {
      const char* name = family == IpFamily::k4 ? "AF_INET" : "AF_INET6";
      return holds(check, {Value(name)}, lists);
    }
    return held(check);
  };
  return decide;
}

std::optional<SocketNumber> socket_number(const Check& check) {
  if (check.field != FieldId::kEvtArg) return std::nullopt;
  const std::string_view name =
      parameter_name(BAILIFF_CALL_SOCKET, check.argument);
  if (name == "type") return SocketNumber::kType;
  if (name == "proto") return SocketNumber::kProtocol;
  return std::nullopt;
}

bool decidable_at_socket(const Check& check) {
  switch (check.field) {
    case FieldId::kEvtArg:
      return socket_number(check) && check.quantifier == Quantifier::kNone &&
             (check.op == Op::kExists || check.op == Op::kEq ||
              check.op == Op::kNe || is_membership(check.op));
    case FieldId::kProcName:
    case FieldId::kProcPid:
    case FieldId::kThreadTid:
    case FieldId::kThreadIsmain:
    case FieldId::kUserUid:
    case FieldId::kGroupGid:
      return has_code(check);
    default:
      return false;
  }
}

}  // namespace bailiff
