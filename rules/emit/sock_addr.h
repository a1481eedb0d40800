// SPDX-License-Identifier: Apache-2.0
// rules/emit/sock_addr.h
// What the flavours over struct bpf_sock_addr share.
#pragma once

#include <vector>

#include "rules/emit/flavour.h"
#include "rules/emit/writer.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

void load_sock_addr_comm(Writer& code);
void load_sock_addr_number(Writer& code, Number number, Register dst);
void load_sock_addr_unknown(Writer& code, Register dst);

// Returns the verdict: 1 lets connect(2) go on, 0 makes it fail with EPERM.
// For each hit a struct bailiff_connect_event is put into the ring buffer
// first.  When that is full the record is lost and counted, and the verdict
// stands: it must not depend on somebody reading.
void finish_connect(Writer& code, const std::vector<KernelRule>& rules,
                    const FlavourCode& flavour);

}  // namespace bailiff::emit
