// SPDX-License-Identifier: Apache-2.0
// rules/emit/check.h
// The code of single checks, by what kind of field they are on.
#pragma once

#include "rules/emit/condition.h"

namespace bailiff::emit {

// `check` on a field of type kAddress or kNetwork.
void emit_address_check(const Target& target, const Check& check,
                        const Exits& exits);
// Asks the lists of the check, on a field of such a type, and keeps the
// answers: emit_address_check() then looks there.
void emit_list_answers(const Target& target, const Check& check);
// `check` on one of the event's numbers.
void emit_number_check(const Target& target, const Check& check, Number number,
                       const Exits& exits);
// `check` on the name of the process, at most 15 bytes.
void emit_comm_check(const Target& target, const Check& check,
                     const Exits& exits);
// `check` on a field with `value4` for an IPv4 and `value6` for an IPv6 event.
void emit_family_check(const Target& target, const Check& check,
                       const Value& value4, const Value& value6,
                       const Exits& exits);
// `check` on fd.l4proto.
void emit_l4proto_check(const Target& target, const Check& check,
                        const Exits& exits);
// `check` on a field that is the same for every event.
void emit_constant_check(const Target& target, const Check& check,
                         const Value& value, const Exits& exits);

}  // namespace bailiff::emit
