// SPDX-License-Identifier: Apache-2.0
// rules/emit/list_code.h
// The code that looks the event's address up in a list; list_table.h says what
// it finds there.
#pragma once

#include "rules/emit/condition.h"
#include "rules/emit/flavour.h"
#include "rules/emit/program.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

// Appends code that leaves through `exits`; for events of the list's family.
// Clobbers r0..r5 and r8.  Precondition: kAddressSlot is filled, unless the
// family is 4 and the flavour loads such addresses from elsewhere.
void emit_look_up(Writer& code, const FlavourCode& flavour, const MapRef& list,
                  const Exits& exits);

// The same by a function: appends its call, behind which r0 is 1 when the
// address is listed and else 0.  Clobbers r1..r5.
void call_look_up(Writer& code, const FlavourCode& flavour, const MapRef& list,
                  LookUps& look_ups);
// Appends the functions that are called, behind the end of the main program.
void emit_look_up_functions(Writer& code, const LookUps& look_ups);

}  // namespace bailiff::emit
