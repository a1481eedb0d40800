// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/passed.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/packet.h"

namespace bailiff::emit {
namespace {

// Every UDP header has so much behind the ports, and TCP's more.
constexpr int kTransportBytes = 8;
constexpr int kHeader4 = 20;
constexpr int kHeader6 = 40;
constexpr int kVersion4 = 0x45;  // and a header without options
constexpr int kMostTicks = 1;

constexpr Register kKey = kR7;
constexpr Register kTicks = kR8;
constexpr Register kPassed = kR0;

// The map's value into kPassed, what is mixed into its words into kKey, and the
// time into kTicks.
void open(Writer& code, const FlavourCode& flavour, Label other) {
  code.append(move(kR1, kContext));
  code.append(call(BPF_FUNC_get_socket_cookie));
  code.jump(jump_if(Comparison::kEq, kR0, 0), other);
  code.load_constant(kKey, flavour.frames_id);
  code.append(alu(BPF_XOR, kKey, kR0));
  code.append(call(BPF_FUNC_jiffies64));
  code.append(move(kTicks, kR0));
  code.append(store(Size::k32, kFrame, kZeroSlot, 0));
  code.load_map(kR1, {.kind = MapKind::kPassed, .list = {}});
  code.frame_address(kR2, kZeroSlot);
  code.append(call(BPF_FUNC_map_lookup_elem));
  code.jump(jump_if(Comparison::kEq, kPassed, 0), other);
}

// The ports and the protocol in r1, of a header of `size` bytes; the packet's
// data is in r2.
void load_ports(Writer& code, int header, int size, int protocol, Label other) {
  const Label known = code.new_label();
  code.append(load(Size::k8, kR1, kR2, header + protocol));
  code.jump(jump_if(Comparison::kEq, kR1, IPPROTO_UDP), known);
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_TCP), other);
  code.bind(known);
  code.append(alu(BPF_LSH, kR1, 32));
  code.append(load(Size::k32, kR3, kR2, header + size));
  code.append(alu(BPF_OR, kR1, kR3));
}

// Calls `word` for each word the destination has, which is in r1; without
// jumps between, so that what writes them may not stop half way.
template <typename Word>
void each_word(Writer& code, int header, Label other, const Word& word) {
  constexpr int kPorts = offsetof(Passed, ports_and_protocol);
  constexpr int kAddress = offsetof(Passed, address);
  const Label six = code.new_label();
  const Label done = code.new_label();
  load_data(code, header + kHeader4 + kTransportBytes, other);
  code.append(load(Size::k8, kR1, kR2, header));
  code.jump(jump_if(Comparison::kNe, kR1, kVersion4), six);
  load_ports(code, header, kHeader4, 9, other);
  word(kPorts);
  code.append(load(Size::k32, kR1, kR2, header + 16));
  word(kAddress);
  code.append(move(kR1, 0));
  word(kAddress + 8);
  code.go(done);
  code.bind(six);
  code.append(alu(BPF_RSH, kR1, 4));
  code.jump(jump_if(Comparison::kNe, kR1, 6), other);
  load_data(code, header + kHeader6 + kTransportBytes, other);
  load_ports(code, header, kHeader6, 6, other);
  word(kPorts);
  for (int i = 0; i < 16; i += 8) {
    // In two halves: behind an Ethernet header it is not aligned to 8 bytes.
    code.append(load(Size::k32, kR1, kR2, header + 24 + i));
    code.append(load(Size::k32, kR3, kR2, header + 28 + i));
    code.append(alu(BPF_LSH, kR3, 32));
    code.append(alu(BPF_OR, kR1, kR3));
    word(kAddress + i);
  }
  code.bind(done);
}

}  // namespace

void note_passed(Writer& code, const FlavourCode& flavour) {
  if (!flavour.noted) return;
  const Label done = code.new_label();
  open(code, flavour, done);
  each_word(code, 0, done, [&code](int offset) {
    code.append(alu(BPF_XOR, kR1, kKey));
    code.append(store(Size::k64, kPassed, offset, kR1));
  });
  code.append(alu(BPF_XOR, kTicks, kKey));
  code.append(store(Size::k64, kPassed, offsetof(Passed, ticks), kTicks));
  code.bind(done);
}

void pass_noted(Writer& code, const FlavourCode& flavour, int header) {
  if (!flavour.noted) return;
  const Label other = code.new_label();
  open(code, flavour, other);
  code.append(load(Size::k64, kR1, kPassed, offsetof(Passed, ticks)));
  code.append(alu(BPF_XOR, kR1, kKey));
  code.append(alu(BPF_SUB, kTicks, kR1));
  code.jump(jump_if(Comparison::kGt, kTicks, kMostTicks), other);
  if (header != 0) {
    const Label ip = code.new_label();
    load_data(code, header, other);
    code.append(load(Size::k16, kR1, kR2, header - 2));
    code.jump(jump_if(Comparison::kEq, kR1, htons(ETH_P_IP)), ip);
    code.jump(jump_if(Comparison::kNe, kR1, htons(ETH_P_IPV6)), other);
    code.bind(ip);
  }
  each_word(code, header, other, [&code, other](int offset) {
    code.append(alu(BPF_XOR, kR1, kKey));
    code.append(load(Size::k64, kR3, kPassed, offset));
    code.jump(jump_if(Comparison::kNe, kR1, kR3), other);
  });
  code.append(move(kR0, flavour.pass));
  code.exit();
  code.bind(other);
}

}  // namespace bailiff::emit
