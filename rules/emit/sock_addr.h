// SPDX-License-Identifier: Apache-2.0
// rules/emit/sock_addr.h
// What the flavours over struct bpf_sock_addr share.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/emit/flavour.h"
#include "rules/emit/report.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

void load_sock_addr_comm(Writer& code);
void load_sock_addr_number(Writer& code, Number number, Register dst);
void load_sock_addr_unknown(Writer& code, Register dst);

// They differ in where the address is, and in what is judged.
constexpr FlavourCode sock_addr_code(
    std::optional<std::uint8_t> family, void (*load_address)(Writer& code),
    void (*load_address4)(Writer& code, Register dst), bailiff_event_hook hook,
    void (*passed)(Writer& code, const FlavourCode& flavour) = nullptr) {
  return {
      .family = family,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_sock_addr_comm,
      .load_number = load_sock_addr_number,
      .load_unknown = load_sock_addr_unknown,
      .finish = finish_and_report,
      .hook = hook,
      .passed = passed,
  };
}

}  // namespace bailiff::emit
