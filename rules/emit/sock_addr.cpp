// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/sock_addr.h"

#include <cstddef>

#include "rules/abi/event.h"
#include "rules/lower/inbound.h"

namespace bailiff::emit {
namespace {

void load_pid(Writer& code) {
  if (!code.begin_load(kLoadedPid)) return;
  code.append(call(BPF_FUNC_get_current_pid_tgid));
  code.append(store(Size::k64, kFrame, kPidSlot, kR0));
}

void load_uid(Writer& code) {
  if (!code.begin_load(kLoadedUid)) return;
  code.append(call(BPF_FUNC_get_current_uid_gid));
  code.append(store(Size::k64, kFrame, kUidSlot, kR0));
}

void load_upper(Writer& code, Register dst, int slot) {
  code.append(load(Size::k64, dst, kFrame, slot));
  code.append(alu(BPF_RSH, dst, 32));
}

void load_bound_port(Writer& code, Register dst) {
  code.append(load(Size::k64, dst, kContext, offsetof(bpf_sock_addr, sk)));
  code.append(load(Size::k32, dst, dst, offsetof(bpf_sock, src_port)));
}

// connect(2) over TCP has the socket locked, so that it is this port which the
// connection gets.  Over UDP another thread may bind it in between.
void load_local_port(Writer& code, Register dst) {
  const Label bound = code.new_label();
  load_bound_port(code, dst);
  code.jump(jump_if(Comparison::kNe, dst, 0), bound);
  code.append(move(dst, kFirstClientPort));
  code.bind(bound);
}

// The lower 32 bits, in either byte order.
void load_lower(Writer& code, Register dst, int slot) {
  code.append(load(Size::k64, dst, kFrame, slot));
  code.append(move32(dst, dst));
}

}  // namespace

void load_sock_addr_comm(Writer& code) {
  // Zero behind its end on every kernel: 6.1.192 was seen not to pad it.
  code.append(store(Size::k64, kFrame, kCommSlot, 0));
  code.append(store(Size::k64, kFrame, kCommSlot + 8, 0));
  code.frame_address(kR1, kCommSlot);
  code.append(move(kR2, BAILIFF_EVENT_COMM_LEN));
  code.append(call(BPF_FUNC_get_current_comm));
}

void load_sock_addr_number(Writer& code, Number number, Register dst) {
  switch (number) {
    case Number::kPort:
      // 16 bits as they lie in the sockaddr, zero-extended.
      code.append(
          load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, user_port)));
      code.append(from_network_order(dst, 16));
      return;
    case Number::kLocalPort:
      load_local_port(code, dst);
      return;
    case Number::kBoundPort:
      load_bound_port(code, dst);
      return;
    case Number::kL4proto:
      code.append(
          load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, protocol)));
      return;
    case Number::kPid:
      load_pid(code);
      load_upper(code, dst, kPidSlot);
      return;
    case Number::kTid:
      load_pid(code);
      load_lower(code, dst, kPidSlot);
      return;
    case Number::kUid:
      load_uid(code);
      load_lower(code, dst, kUidSlot);
      return;
    case Number::kGid:
      load_uid(code);
      load_upper(code, dst, kUidSlot);
      return;
  }
}

void load_sock_addr_unknown(Writer& code, Register dst) {
  code.append(
      load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, protocol)));
}

}  // namespace bailiff::emit
