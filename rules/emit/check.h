// SPDX-License-Identifier: Apache-2.0
// rules/emit/check.h
// The code of single checks, by what kind of field they are on.
#pragma once

#include <vector>

#include "rules/emit/condition.h"

namespace bailiff::emit {

// `check` on a field of type kAddress or kNetwork.
void emit_address_check(const Target& target, const Check& check,
                        const Exits& exits);
// Asks the lists of the checks, each on a field of such a type, and keeps the
// answers, as many as there is room for: emit_address_check() then looks there.
// Precondition: look-ups are functions.
void emit_list_answers(const Target& target,
                       const std::vector<const Check*>& checks);
// `check` on one of the event's numbers.
void emit_number_check(const Target& target, const Check& check, Number number,
                       const Exits& exits);
// `check` on evt.arg of a socket that is made (decidable_at_socket()).
void emit_socket_check(const Target& target, const Check& check,
                       const Exits& exits);
// `check` on the name of the process, at most 15 bytes.
void emit_comm_check(const Target& target, const Check& check,
                     const Exits& exits);
// `check` on the name of the host (decidable_of_query()), of the names at
// kNamesSlot: whether it holds for one of them, which is then their `held`.
void emit_name_check(const Target& target, const Check& check,
                     const Exits& exits);
// `check` on a field with `value4` for an IPv4 and `value6` for an IPv6 event.
void emit_family_check(const Target& target, const Check& check,
                       const Value& value4, const Value& value6,
                       const Exits& exits);
// Goes to `six` for an event of IPv6; the address is loaded, and the flavour
// has events of both families.  Clobbers r1.
void branch_family6(const Target& target, Label six);
// `check` on fd.l4proto.
void emit_l4proto_check(const Target& target, const Check& check,
                        const Exits& exits);
// `check` on thread.ismain.
void emit_main_thread_check(const Target& target, const Check& check,
                            const Exits& exits);
// `check` on a field that is the same for every event.
void emit_constant_check(const Target& target, const Check& check,
                         const Value& value, const Exits& exits);

}  // namespace bailiff::emit
