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

}  // namespace bailiff::emit
