// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/reached_host.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>

namespace bailiff::emit {

// Both without a jump, after which the verifier would look at all that comes
// behind once for each outcome.

void name_loopback4(Writer& code, Register address, Register scratch) {
  // scratch = address == 0 ? 1 : 0.
  code.append(move(scratch, address));
  code.append(alu(BPF_SUB, scratch, 1));
  code.append(alu(BPF_RSH, scratch, 63));
  code.append(
      alu(BPF_MUL, scratch, static_cast<std::int32_t>(htonl(INADDR_LOOPBACK))));
  code.append(alu(BPF_OR, address, scratch));
}

namespace {

// r3 |= htonl(1) when r1, r2 and r3 are 0.
void name_loopback6(Writer& code) {
  code.append(move(kR4, kR1));
  code.append(alu(BPF_OR, kR4, kR2));
  code.append(alu(BPF_OR, kR4, kR3));
  // The highest bit of x | -x is that of any bit of x.
  code.append(move(kR5, kR4));
  code.append(negate(kR5));
  code.append(alu(BPF_OR, kR4, kR5));
  code.append(alu(BPF_RSH, kR4, 63));
  code.append(alu(BPF_XOR, kR4, 1));
  code.append(alu(BPF_MUL, kR4, static_cast<std::int32_t>(htonl(1))));
  code.append(alu(BPF_OR, kR3, kR4));
}

}  // namespace

void file_address6(Writer& code, bool reached) {
  constexpr std::uint64_t kNat64 = 0x0064ff9b00000000;
  const Label not_nat64 = code.new_label();
  const Label four = code.new_label();
  const Label native = code.new_label();
  const Label done = code.new_label();

  code.append(move(kFamily, 6));
  // A copy: where the verifier knows how the address begins, it would look at
  // the rest of the program once more.
  code.append(move(kR5, kR1));
  code.append(alu(BPF_OR, kR5, 0));
  code.load_constant(kR4, htobe64(kNat64));
  code.jump(jump_if(Comparison::kNe, kR5, kR4), not_nat64);
  code.jump(jump_if(Comparison::kNe, kR2, 0), native);
  code.go(four);
  code.bind(not_nat64);
  code.jump(jump_if(Comparison::kNe, kR5, 0), native);
  code.load_constant(kR4, htonl(0x0000ffff));
  code.jump(jump_if(Comparison::kNe, kR2, kR4), native);
  code.bind(four);
  code.append(move(kFamily, 4));
  if (reached) name_loopback4(code, kR3, kR4);
  code.append(store(Size::k32, kFrame, kAddressSlot, kR3));
  code.append(store(Size::k32, kFrame, kAddressSlot + 4, 0));
  code.append(store(Size::k64, kFrame, kAddressSlot + 8, 0));
  code.go(done);
  code.bind(native);
  if (reached) name_loopback6(code);
  code.append(store(Size::k64, kFrame, kAddressSlot, kR1));
  code.append(store(Size::k32, kFrame, kAddressSlot + 8, kR2));
  code.append(store(Size::k32, kFrame, kAddressSlot + 12, kR3));
  code.bind(done);
}

}  // namespace bailiff::emit
