// SPDX-License-Identifier: Apache-2.0
// rules/emit/flavour.h
// A flavour: how one program type reads the fields of its event, and what its
// end looks like.  Everything between, the conditions, is the same for all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/abi/event.h"
#include "rules/emit/program.h"
#include "rules/emit/writer.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

// The numbers of an event, in host order.
enum class Number : std::uint8_t {
  kPort,
  // Of a socket that has none yet, one of those that Linux gives: where the
  // difference between these matters, the check is not made.
  kLocalPort,
  kBoundPort,  // 0 of such a socket
  kL4proto,
  kPid,
  kTid,
  kUid,
  kGid
};

// Where the address of the local end is kept, beside that of the remote one.
struct LocalEnd {
  int slot;
  int family_slot;  // 4 or 6, 32 bits
};

// Each function appends code that may use r0..r5.
struct FlavourCode {
  // 4 or 6 when every event has the same; otherwise kFamily holds it once the
  // address is loaded.
  std::optional<std::uint8_t> family;
  // Fills kAddressSlot and, unless `family` is set, kFamily.
  void (*load_address)(Writer& code);
  // An IPv4 address as it lies in memory, into `dst`, 32 bits; for events
  // whose family is 4.  Of the other registers it clobbers r5 alone.
  void (*load_address4)(Writer& code, Register dst);
  // Fills kCommSlot.
  void (*load_comm)(Writer& code);
  // Into `dst`, 32 bits.
  void (*load_number)(Writer& code, Number number, Register dst);
  // A number the verifier cannot tell, the same each time; see hits.cpp.
  void (*load_unknown)(Writer& code, Register dst);
  // What happens when all rules have been decided; ends in exits.  The hits
  // are in kHits, or for more than 64 rules in the words at kHitsSlot.
  void (*finish)(Writer& code, const std::vector<KernelRule>& rules,
                 const FlavourCode& flavour);
  // Fills kNamesSlot, when it is not from what the container was told.
  void (*load_names)(Writer& code) = nullptr;
  // What records say of where it was judged.
  bailiff_event_hook hook = BAILIFF_HOOK_CONNECT;
  // Loaded with the address, of the other end, where an event has two.
  // Otherwise the address is that of the end the fields are of.
  std::optional<LocalEnd> local = std::nullopt;
  // What comes before everything else, when there is something.
  void (*begin)(Writer& code, const FlavourCode& flavour) = nullptr;
  // Fills kRawSlot, of packets: whether rules that are `raw` are about this
  // one.
  void (*find_raw)(Writer& code, const FlavourCode& flavour) = nullptr;
  // Comes before what some rule holds for is told and refused, when there is
  // something: goes to `allow` when another program is to decide that.
  void (*confirm)(Writer& code, const FlavourCode& flavour,
                  Label allow) = nullptr;
  // Comes once the verdict is in kVerdict, when there is something.
  void (*settle)(Writer& code, const FlavourCode& flavour) = nullptr;
  // Comes before something passes that no rule holds for, when there is
  // something.
  void (*passed)(Writer& code, const FlavourCode& flavour) = nullptr;
  // What the program returns to let pass, and to refuse.
  std::int32_t pass = 1;
  std::int32_t refuse = 0;
  // Attached to a cgroup, whose storage says which container it is for.
  // Otherwise a record has the cgroup of the socket.
  bool of_cgroup = true;
  // Knows who sends: kSenderSlot and kSenderPidSlot are filled by `begin`.
  bool of_frame = false;
  // In records.  A constant, so that a record is of the rules that wrote it
  // while a container's programs are replaced.
  std::uint64_t policy_id = 0;
  // Of a program for frames, which is of a container that has this one; and
  // where it is attached.
  Frames frames;
  // What is let pass is noted down, and what is noted down passes (passed.h).
  bool noted = false;
  // Which rules are decided by bits of the process (task_table.h), and so are
  // candidates when it has none; borrowed.  nullptr: no rule is.
  const std::vector<bool>* by_task = nullptr;
};

// TCX_NEXT: it is for the next program of the device to judge, and in the end
// passes.  And TC_ACT_SHOT.
inline constexpr std::int32_t kNextProgram = -1;
inline constexpr std::int32_t kDropFrame = 2;

const FlavourCode& connect4_code();
const FlavourCode& connect6_code();
const FlavourCode& sendmsg4_code();
const FlavourCode& sendmsg6_code();
const FlavourCode& egress_code();
const FlavourCode& frame_code();
const FlavourCode& bare_frame_code();
const FlavourCode& frame_query_code();
const FlavourCode& bare_frame_query_code();
const FlavourCode& query_code();
const FlavourCode& ingress_code();
const FlavourCode& post_bind4_code();
const FlavourCode& post_bind6_code();
const FlavourCode& sock_create_code();
const FlavourCode& test_code();
const FlavourCode& flavour_code(Flavour flavour);

}  // namespace bailiff::emit
