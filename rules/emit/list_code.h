// SPDX-License-Identifier: Apache-2.0
// rules/emit/list_code.h
// The code that looks an address, or a name, up in a list; list_table.h says
// what it finds there.
#pragma once

#include "rules/emit/condition.h"
#include "rules/emit/flavour.h"
#include "rules/emit/program.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

// Appends code that leaves through `exits`.  What is looked up lies in the 16
// bytes of the stack at `slot`; that of kAddressSlot, of a list of IPv4
// addresses, is the flavour's load_address4().  Clobbers r0..r5 and r8.
void emit_look_up(Writer& code, const FlavourCode& flavour, const MapRef& list,
                  int slot, const Exits& exits);

// The same by a function: appends its call, behind which r0 is 1 when the
// address is listed and else 0.  Clobbers r1..r5.
void call_look_up(Writer& code, const FlavourCode& flavour, const MapRef& list,
                  int slot, LookUps& look_ups);
// The same for a name, whose hashes are in r2 and r3.
void call_name_look_up(Writer& code, const MapRef& list, LookUps& look_ups);
// Appends the functions that are called, behind the end of the main program.
void emit_look_up_functions(Writer& code, const LookUps& look_ups);

}  // namespace bailiff::emit
