// SPDX-License-Identifier: Apache-2.0
// rules/emit/writer.h
// Writer: a program being written.  On top of the assembler it knows which
// values the stack holds on every way to the current place, and writes nothing
// where no way leads, as the verifier refuses unreachable instructions.
//
// The stack of the main program, down from the frame pointer:
//    -16  address, network order, IPv4 in the first 4 bytes
//    -20  the number of a page of a list
//    -24  zero: the key of an array's first element
//    -40  comm, zero behind its end
//    -48  bpf_get_current_pid_tgid()
//    -56  bpf_get_current_uid_gid()
//   -160  the record being filled in (struct bailiff_connect_event); before,
//    -64  the bits of the process (struct bailiff_task), or 0
//    -72  1 when there are none; of a rule decided by them, its record's flags
//   -288  hits, 16 words of 64 rules
//   -296  the first page of a list
//   -304  bits to find in its filter
//   -312  index of the word that has them
//   -320  which page of a level of its tree
//   -352  the address in numbers of 32 bits, of 8 bytes each
// or, when lists are asked by functions, which have frames of their own,
//   -416  answers of lists, a bit each, up to the hits
// and, for a packet, which is no process's,
//    -48  its protocol, a number of 32 bits like the next two
//    -44  where its transport header begins; 0: it has none
//    -56  its destination port, and behind it
//    -54  its source port
//    -52  where its IP header begins
//    -72  1 when it is of a raw socket, else 0; where a rule asks for that
//   -360  of a frame, the id of the cgroup of the container that sends it over
//         a socket made elsewhere, or 0
//   -368  and bpf_get_current_pid_tgid() of who does, or 0
//   -160  until there is a record, one of its headers
// one that comes in has besides, as there is no comm either,
//    -40  the address it is for
//    -54  the port it is for, behind the one it is from
//    -52  the family of that address
// and, where rules name hosts, so that lists are asked by functions,
//   -344  the names of the peer (struct bailiff_dns_names), behind the answers
//         of lists
//    -80  the end of a message being read (struct bailiff_dns_walk), which
//         begins with those
// of the 512 bytes there are, 96 of which are a function's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rules/emit/assembler.h"
#include "rules/emit/instruction.h"
#include "rules/emit/program.h"

namespace bailiff::emit {

inline constexpr int kAddressSlot = -16;
inline constexpr int kPageSlot = -20;
inline constexpr int kZeroSlot = -24;
inline constexpr int kCommSlot = -40;
inline constexpr int kPidSlot = -48;
inline constexpr int kUidSlot = -56;
inline constexpr int kRecordSlot = -160;
inline constexpr int kTaskSlot = -64;
inline constexpr int kTaskUnknownSlot = -72;
inline constexpr int kHitsSlot = -288;
inline constexpr int kHeaderSlot = -296;
inline constexpr int kFilterBitsSlot = -304;
inline constexpr int kFilterWordSlot = -312;
inline constexpr int kTreePageSlot = -320;
inline constexpr int kNumbersSlot = -352;
// While records are filled in: what was at kTaskUnknownSlot.  No list is asked
// any more; behind it are names, which records have.
inline constexpr int kTaskFlagsSlot = kNumbersSlot;
inline constexpr int kAnswersSlot = -416;
inline constexpr int kProtocolSlot = kPidSlot;
inline constexpr int kTransportSlot = kPidSlot + 4;
inline constexpr int kPortSlot = kUidSlot;
inline constexpr int kSourcePortSlot = kPortSlot + 2;
inline constexpr int kPacketSlot = kRecordSlot;
inline constexpr int kNetworkSlot = kUidSlot + 4;
inline constexpr int kRawSlot = kTaskUnknownSlot;
inline constexpr int kSenderSlot = -360;
inline constexpr int kSenderPidSlot = -368;
inline constexpr int kLocalSlot = kCommSlot;
inline constexpr int kLocalFamilySlot = kNetworkSlot;
inline constexpr int kNamesSlot = -344;

// At kAnswersSlot, up to `end`.  What does not fit is asked where rules ask.
constexpr std::size_t answers_up_to(int end) {
  return static_cast<std::size_t>(end - kAnswersSlot) * 8;
}

// What has been loaded; bits.
enum Loaded : std::uint8_t {
  kLoadedAddress = 1,  // kAddressSlot, and kFamily unless it is always the same
  kLoadedComm = 2,     // kCommSlot
  kLoadedPid = 4,      // kPidSlot
  kLoadedUid = 8,      // kUidSlot
  kLoadedZero = 16,    // kZeroSlot
  kLoadedPort = 32,    // kPortSlot and kSourcePortSlot
};

class Writer {
 public:
  Label new_label();
  // From here on holds what holds wherever `label` is jumped to from.
  void bind(Label label);
  bool reachable() const { return reachable_; }

  void append(const bpf_insn& insn);
  void jump(const bpf_insn& insn, Label target);
  void go(Label target);
  // As go(), for free when `target` is bound next.
  void go(Label target, Label next);
  // Goes to `if_true` when `insn` would jump, else to `if_false`.  One of them
  // may be `next`, which is bound next.
  void branch(bpf_insn insn, Label if_true, Label if_false, Label next);
  void exit();
  // What comes next is a function: nothing is loaded there yet.  Its label is
  // bound first.
  void begin_function(std::uint32_t arguments);

  void load_constant(Register dst, std::uint64_t value);
  void load_map(Register dst, const MapRef& map);
  // The instruction, into which the loader puts the fact.
  void append_with(const bpf_insn& insn, KernelFact fact);
  // Its address, for bpf_loop().
  void load_function(Register dst, Label function);
  void frame_address(Register dst, int slot);

  // Loads from the stack what conditions compare.  The copy is cut off from
  // its original: otherwise, where a comparison with a constant comes out
  // equal, the verifier takes the original to be that constant, and looks at
  // the rest of the program once for each.
  void load_compared(Size size, Register dst, int slot);

  // Whether `what` is loaded on every way here; if not, marks it as loaded:
  // the caller writes the code now.
  bool begin_load(Loaded what);

  Result<Program> finish(Flavour flavour) &&;

 private:
  void arrive(Label target);
  std::uint32_t map_index(const MapRef& map);

  Assembler assembler_;
  bool reachable_ = true;
  std::uint8_t loaded_ = 0;
  // Indexed by Label: what every jump to it so far had loaded; absent when
  // there was none.
  std::vector<std::optional<std::uint8_t>> at_label_;
  std::vector<MapRef> maps_;
  std::vector<Relocation> relocations_;
  std::vector<FactUse> facts_;
  std::vector<Function> functions_;
};

}  // namespace bailiff::emit
