// SPDX-License-Identifier: Apache-2.0
// rules/emit/program.h
// The emitted program, as data: instructions with the maps they need still by
// name.  The kernel side (hook/kernel) puts descriptors in and loads it.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rules/base/digest.h"
#include "rules/base/result.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

// The dialect of a program: which context it reads and what its result means.
enum class Flavour : std::uint8_t {
  kConnect4,   // BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT
  kConnect6,   // the same, BPF_CGROUP_INET6_CONNECT
  kSendmsg4,   // the same, BPF_CGROUP_UDP4_SENDMSG
  kSendmsg6,   // the same, BPF_CGROUP_UDP6_SENDMSG
  kEgress,     // BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS
  kFrame,      // BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_EGRESS, of an Ethernet device
  kBareFrame,  // the same, of a device whose frames begin with the IP header
  kQuery,      // as kEgress, for the names that packets ask for
  kFrameQuery,      // as kFrame, for the same
  kBareFrameQuery,  // as kBareFrame
  kAnswer,          // BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS
  kIngress,         // the same, for what rules refuse of what comes in
  kPostBind4,       // BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND
  kPostBind6,       // the same, BPF_CGROUP_INET6_POST_BIND
  kSockCreate,      // the same, BPF_CGROUP_INET_SOCK_CREATE
  kSetsockopt,      // BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT
  kTest,            // BPF_PROG_TYPE_SYSCALL over struct bailiff_test_event
};
std::string_view to_string(Flavour flavour);  // "connect4"

// What of a list a table has: an array of the pages that list_table.h
// describes. It lies in one array with those of all lists, so that an update
// swaps a whole list at once for every program, and a program may ask any
// number of lists.
enum class ListKind : std::uint8_t {
  kAddress4,
  kAddress6,
  kNetwork4,
  kNetwork6,
  kNames,  // as IPv6 addresses: name_key()
};
// "addr4", "addr6", "net4", "net6", "names"
std::string_view to_string(ListKind kind);

enum class MapKind : std::uint8_t {
  kEvents,      // BPF_MAP_TYPE_RINGBUF
  kLost,        // per-CPU array of one __u64: records dropped, ring full
  kContainers,  // BPF_MAP_TYPE_CGROUP_STORAGE of bailiff_container_state
  kTold,        // LRU hash: bailiff_told_key to the last bailiff_connect_event
                // that was told, for programs that have no cgroup storage
  kJudged,      // hash: cgroup id to the bailiff_judged of a container
  kPassed,      // per-CPU array of one Passed (passed.h)
  kSenders,     // BPF_MAP_TYPE_SK_STORAGE: of a socket that was made outside of
                // the container that has it, a bailiff_sender
  kTables,      // BPF_MAP_TYPE_ARRAY_OF_MAPS: the tables of all lists
  kTasks,       // hash: tgid to bailiff_task, which the observer writes
  // The number of a list's table in kTables, 4 bytes.  An array made for the
  // program has those of all its lists: its one value is how many there are, 4
  // bytes, and then the numbers, in the order of Program::maps.
  kList,
};

struct MapRef {
  MapKind kind = MapKind::kEvents;
  std::string list;  // kList: name of the Falco list
  ListKind list_kind = ListKind::kAddress4;
  auto operator<=>(const MapRef&) const = default;
};

// `insn` is the first of a BPF_LD | BPF_DW | BPF_IMM pair whose imm will hold
// the map's descriptor (BPF_PSEUDO_MAP_FD), or for a kList that of the array
// with the number, and the number's offset (BPF_PSEUDO_MAP_VALUE).
struct Relocation {
  std::uint32_t insn = 0;
  std::uint32_t map = 0;  // index in Program::maps
  bool operator==(const Relocation&) const = default;
};

// What only the running kernel tells.  Whoever loads the program fills it in:
// as the offset of an instruction that loads, and as the operand of any other.
enum class KernelFact : std::uint8_t {
  // 1 when programs for frames can know who sends one (caller.h), else 0.  With
  // 0 the verifier sees nothing of what needs it.
  kKnowsSender,
  // The BTF id of bpf_cast_to_kern_ctx().
  kCastToKernel,
  // Offsets, in bytes: of sk in struct sk_buff,
  kPacketSock,
  // of sk_socket and sk_lock.owned in struct sock, of file in struct socket,
  kSockSocket,
  kSockOwned,
  kSocketFile,
  // of cgroups, pid, tgid, comm and cred in struct task_struct,
  kTaskCgroups,
  kTaskThread,
  kTaskProcess,
  kTaskComm,
  kTaskCred,
  // of uid and gid in struct cred,
  kCredUser,
  kCredGroup,
  // of dfl_cgrp in struct css_set, of kn, level and ancestors in struct cgroup,
  // and of id in struct kernfs_node.
  kSetCgroup,
  kCgroupNode,
  kCgroupLevel,
  kCgroupAncestors,
  kNodeId,  // the last
};
inline constexpr std::size_t kKernelFacts =
    static_cast<std::size_t>(KernelFact::kNodeId) + 1;
struct FactUse {
  std::uint32_t insn = 0;
  KernelFact fact = KernelFact::kKnowsSender;
  bool operator==(const FactUse&) const = default;
};

// A function that takes numbers and returns one, and that the verifier looks at
// once, on its own, however often it is called (function_types.h).
struct Function {
  std::uint32_t insn = 0;  // its first
  std::uint32_t arguments = 0;
  bool operator==(const Function&) const = default;
};

struct Program {
  Flavour flavour = Flavour::kConnect4;
  std::vector<bpf_insn> insns;
  std::vector<MapRef> maps;  // each once
  std::vector<Relocation> relocations;
  std::vector<FactUse> facts;
  std::vector<Function> functions;  // ascending

  // Of everything above: programs with one digest are interchangeable.
  Digest digest() const;
};

// The dialect of a hook point's programs; of kFrame, that for Ethernet.
Flavour flavour_of(HookPoint hook);

struct TaskTable;

// The programs for frames of a container.
struct Frames {
  std::uint64_t id = 0;  // frames_id() of its plan; 0: it has none
  // The network is the host's: what leaves is judged where a container with
  // these programs has made the socket, or sends over it, and all else is
  // others'.
  bool of_host = false;
};

// Compiles what a plan has at a hook point.  `lists` are the policy's.  Fails
// with kExhausted, saying which bound, past BAILIFF_MAX_PROGRAM_RULES or when a
// jump does not fit, and with kInvalidArgument for a field the kernel does not
// know. Lists of addresses and networks stay maps, so that the program is the
// same whatever is in them; the items of other lists are part of the program.
// `policy_id` is Digest::short_id() of the policy's conditions_digest().
// `tasks` says which bits of a process its checks are, when the plan has any.
// `frames` says where programs for frames are attached.
Result<Program> emit_program(const std::vector<KernelRule>& rules,
                             const std::vector<List>& lists, Flavour flavour,
                             std::uint64_t policy_id = 0,
                             const TaskTable* tasks = nullptr,
                             const Frames& frames = {});

// What the programs for frames of the plan say they are (bailiff_judged): the
// same number for all of them, and for every container with these rules; 0: the
// plan has none.  Pure.
std::uint64_t frames_id(const Plan& plan, const std::vector<List>& lists,
                        std::uint64_t policy_id);

// A kConnect4 program that lets everything pass.  Attached to a cgroup, it
// makes the kernel allocate the cgroup's entry in kContainers, so that it can
// be written before anything is judged.
Program emit_placeholder();

// The program that closes the two ways around frame programs (kSetsockopt).
// Setting PACKET_QDISC_BYPASS succeeds without effect: it only makes sending
// faster, so who asks for it loses nothing else, and what is sent is judged and
// told of as what it is.  AF_XDP hands frames to the driver and has no such
// other way: all of SOL_XDP is refused with EPERM, and without it no such
// socket can be used.
Program emit_frame_guard();

// A program for frames that reads who runs, and passes all: what shows whether
// a kernel lets them.
Program emit_caller_probe();

// A program of two instructions that lets every operation pass: what shows
// whether a kernel takes and attaches one, and what any costs.
Program emit_allow_all(Flavour flavour);

// One instruction a line, "   12: r1 = *(u32 *)(r6 +4)", a line "L3:" before
// each target of a jump, maps by name.  The same text on every host of one
// byte order.
std::string disassemble(const Program& program);

}  // namespace bailiff::emit
