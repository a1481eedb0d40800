// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/passed.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <bit>
#include <cstddef>

#include "rules/emit/packet.h"

namespace bailiff::emit {
namespace {

constexpr int kPort = offsetof(PassedNote, port_and_protocol);
constexpr int kAddress = offsetof(PassedNote, address);
// Ports are in the first 4 bytes.
constexpr int kTransportBytes = 4;
constexpr int kHeader4 = 20;
constexpr int kHeader6 = 40;
constexpr int kVersion4 = 0x45;  // and a header without options
// Which fragment it is, and that there are more.
constexpr std::uint16_t kFragment4 = 0x3fff;
constexpr int kMostTicks = 1;

constexpr Register kNote = kR0;
constexpr Register kKey = kR7;
constexpr Register kTicks = kR8;
constexpr Register kPlace = kR9;

// The note into kNote, what is mixed into its words into kKey, and the time
// into kTicks.
void open(Writer& code, const FlavourCode& flavour, Label other) {
  static_assert(std::has_single_bit(sizeof(PassedNote)) &&
                std::has_single_bit(unsigned{kPassedNotes}));
  code.append(move(kR1, kContext));
  code.append(call(BPF_FUNC_get_socket_cookie));
  code.jump(jump_if(Comparison::kEq, kR0, 0), other);
  code.append(move(kPlace, kR0));
  code.append(alu(BPF_AND, kPlace, kPassedNotes - 1));
  code.append(alu(BPF_LSH, kPlace, std::countr_zero(sizeof(PassedNote))));
  code.load_constant(kKey, flavour.frames.id);
  code.append(alu(BPF_XOR, kKey, kR0));
  code.append(call(BPF_FUNC_jiffies64));
  code.append(move(kTicks, kR0));
  code.append(store(Size::k32, kFrame, kZeroSlot, 0));
  code.load_map(kR1, {.kind = MapKind::kPassed, .list = {}});
  code.frame_address(kR2, kZeroSlot);
  code.append(call(BPF_FUNC_map_lookup_elem));
  code.jump(jump_if(Comparison::kEq, kR0, 0), other);
  code.append(alu(BPF_ADD, kNote, kPlace));
}

// The port and the protocol into r1, of a header of `size` bytes; the packet's
// data is in r2.
void load_port(Writer& code, int header, int size, int protocol, Label other) {
  const Label known = code.new_label();
  code.append(load(Size::k8, kR1, kR2, header + protocol));
  code.jump(jump_if(Comparison::kEq, kR1, IPPROTO_UDP), known);
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_TCP), other);
  code.bind(known);
  code.append(alu(BPF_LSH, kR1, 16));
  code.append(load(Size::k16, kR3, kR2, header + size + 2));
  code.append(alu(BPF_OR, kR1, kR3));
}

// Calls `word` with the offset of each word of a packet's destination, which is
// in r1.  Whatever is missing is so before the first one.
template <typename Word>
void each_word(Writer& code, int header, Label other, const Word& word) {
  const Label six = code.new_label();
  const Label done = code.new_label();
  load_data(code, header + kHeader4 + kTransportBytes, other);
  code.append(load(Size::k8, kR1, kR2, header));
  code.jump(jump_if(Comparison::kNe, kR1, kVersion4), six);
  // What looks like its port may be none.
  code.append(load(Size::k16, kR1, kR2, header + 6));
  code.append(alu(BPF_AND, kR1, htons(kFragment4)));
  code.jump(jump_if(Comparison::kNe, kR1, 0), other);
  load_port(code, header, kHeader4, 9, other);
  word(kPort);
  code.append(load(Size::k32, kR1, kR2, header + 16));
  word(kAddress);
  code.append(move(kR1, 0));
  word(kAddress + 8);
  code.go(done);
  code.bind(six);
  code.append(alu(BPF_RSH, kR1, 4));
  code.jump(jump_if(Comparison::kNe, kR1, 6), other);
  load_data(code, header + kHeader6 + kTransportBytes, other);
  load_port(code, header, kHeader6, 6, other);
  word(kPort);
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

void write_word(Writer& code, int offset) {
  code.append(alu(BPF_XOR, kR1, kKey));
  code.append(store(Size::k64, kNote, offset, kR1));
}

void write_ticks(Writer& code) {
  code.append(move(kR1, kTicks));
  write_word(code, offsetof(PassedNote, ticks));
}

// What the context has at `member`, 8 bytes of it when there is one behind.
void load_name(Writer& code, std::size_t member, bool two) {
  const auto at = static_cast<int>(member);
  code.append(load(Size::k32, kR1, kContext, at));
  if (!two) return;
  code.append(load(Size::k32, kR3, kContext, at + 4));
  code.append(alu(BPF_LSH, kR3, 32));
  code.append(alu(BPF_OR, kR1, kR3));
}

template <typename Address>
void note_name(Writer& code, const FlavourCode& flavour,
               const Address& write_address) {
  if (!flavour.noted) return;
  const Label done = code.new_label();
  open(code, flavour, done);
  load_name(code, offsetof(bpf_sock_addr, protocol), false);
  code.append(alu(BPF_LSH, kR1, 16));
  code.append(
      load(Size::k32, kR3, kContext, offsetof(bpf_sock_addr, user_port)));
  code.append(alu(BPF_OR, kR1, kR3));
  write_word(code, kPort);
  write_address();
  write_ticks(code);
  code.bind(done);
}

}  // namespace

bool has_notes(Flavour flavour) {
  return flavour == Flavour::kSendmsg4 || flavour == Flavour::kSendmsg6 ||
         flavour == Flavour::kEgress || flavour == Flavour::kFrame ||
         flavour == Flavour::kBareFrame;
}

void note_packet(Writer& code, const FlavourCode& flavour) {
  if (!flavour.noted) return;
  const Label done = code.new_label();
  open(code, flavour, done);
  each_word(code, 0, done, [&code](int offset) { write_word(code, offset); });
  write_ticks(code);
  code.bind(done);
}

void note_name4(Writer& code, const FlavourCode& flavour) {
  note_name(code, flavour, [&code] {
    load_name(code, offsetof(bpf_sock_addr, user_ip4), false);
    write_word(code, kAddress);
    code.append(move(kR1, 0));
    write_word(code, kAddress + 8);
  });
}

void note_name6(Writer& code, const FlavourCode& flavour) {
  note_name(code, flavour, [&code] {
    for (int i = 0; i < 16; i += 8) {
      load_name(code,
                offsetof(bpf_sock_addr, user_ip6) + static_cast<std::size_t>(i),
                true);
      write_word(code, kAddress + i);
    }
  });
}

void pass_noted(Writer& code, const FlavourCode& flavour, int header) {
  if (!flavour.noted) return;
  const Label other = code.new_label();
  open(code, flavour, other);
  code.append(load(Size::k64, kR1, kNote, offsetof(PassedNote, ticks)));
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
    code.append(load(Size::k64, kR3, kNote, offset));
    code.jump(jump_if(Comparison::kNe, kR1, kR3), other);
  });
  code.append(move(kR0, flavour.pass));
  code.exit();
  code.bind(other);
}

}  // namespace bailiff::emit
