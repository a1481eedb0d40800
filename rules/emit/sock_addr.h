// SPDX-License-Identifier: Apache-2.0
// rules/emit/sock_addr.h
// What the flavours over struct bpf_sock_addr share.
#pragma once

#include "rules/emit/flavour.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

void load_sock_addr_comm(Writer& code);
void load_sock_addr_number(Writer& code, Number number, Register dst);
void load_sock_addr_unknown(Writer& code, Register dst);

}  // namespace bailiff::emit
