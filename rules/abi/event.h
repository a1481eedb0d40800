/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/event.h
 * The event record: written by BPF programs, read by the sidecar.
 *
 * Plain C11 that is also C++20, compiled by clang -target bpf, cc and c++, so
 * the assertions below are the contract, not a comment about it.  Integers are
 * in host order unless a name ends in _be.  Append only: a reader accepts any
 * record whose `size` is at least the part it knows.
 */
#ifndef BAILIFF_RULES_ABI_EVENT_H_
#define BAILIFF_RULES_ABI_EVENT_H_

#include <linux/types.h>

#include "rules/abi/dns.h"
#include "rules/abi/limits.h"

#ifdef __cplusplus
#define BAILIFF_ABI_ASSERT(cond) static_assert(cond, #cond)
#else
#define BAILIFF_ABI_ASSERT(cond) _Static_assert(cond, #cond)
#endif

#define BAILIFF_EVENT_COMM_LEN 16 /* TASK_COMM_LEN */

enum bailiff_event_kind {
  BAILIFF_EVENT_CONNECT = 1, /* struct bailiff_connect_event */
};

/* What the kernel did with the operation. */
enum bailiff_event_verdict {
  BAILIFF_VERDICT_ALLOWED = 0,
  BAILIFF_VERDICT_DENIED = 1,
};

/* Where an operation was judged. */
enum bailiff_event_hook {
  BAILIFF_HOOK_CONNECT = 0,
  BAILIFF_HOOK_SENDMSG = 1, /* a datagram with an address of its own */
  BAILIFF_HOOK_EGRESS = 2,  /* a packet; whose, is not known: tgid is 0 */
  BAILIFF_HOOK_FRAME = 3,   /* a frame on its way out of an interface; so too */
  BAILIFF_HOOK_QUERY = 4,   /* a packet that asks for a name; likewise */
  BAILIFF_HOOK_INGRESS = 5, /* a packet before its socket gets it; likewise */
  BAILIFF_HOOK_BIND = 6,    /* bind(2): the address is the socket's own */
};

/* In `flags`: the kernel could decide only a part of the rule's condition, and
 * the part it decided holds; the sidecar has to evaluate the whole of it.
 * Without the flag the rule matched. */
#define BAILIFF_EVENT_CANDIDATE 0x1

struct bailiff_event {
  __u32 size;      /* of this record, header included */
  __u16 kind;      /* enum bailiff_event_kind */
  __u8 verdict;    /* enum bailiff_event_verdict, of the whole operation */
  __u8 flags;      /* BAILIFF_EVENT_* */
  __u64 time_ns;   /* CLOCK_MONOTONIC (bpf_ktime_get_ns) */
  __u64 cgroup_id; /* of the container the program is attached to; for frames
                    * that of the socket, perhaps below the container's, or 0:
                    * it came from none */
  __u64 policy_id; /* short_id() of conditions_digest() of the policy */
  __u32 rule;      /* index in that compiled policy's rules */
  __u32 tgid;      /* in the initial pid namespace, as are tid, uid and gid */
  __u32 tid;
  __u32 uid;
  __u32 gid;
  /* Of a packet that comes in (BAILIFF_HOOK_INGRESS), which is for no process
   * yet: the end it is for, as addr_be, port and family are the other one.
   * Before connect(2) and a datagram (BAILIFF_HOOK_CONNECT, _SENDMSG): the port
   * of the socket, 0 while it has none. */
  __u16 local_port;
  __u8 local_family;
  __u8 reserved;
  union {
    char comm[BAILIFF_EVENT_COMM_LEN]; /* NUL terminated */
    __u8 local_be[16];
  };
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_event) == 72);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_event, rule) == 32);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_event, comm) == 56);

/* A connect(2), or something that reaches an address as that would, judged
 * before it happens; or, by `hook`, what comes in from an address, or binds to
 * one. */
struct bailiff_connect_event {
  struct bailiff_event header;
  __u8 addr_be[16]; /* destination; IPv4 in the first 4 bytes, rest 0 */
  __u16 port;       /* destination */
  __u8 family;      /* 4 or 6; an IPv4-mapped IPv6 address is family 4 */
  __u8 l4proto;     /* IPPROTO_TCP, IPPROTO_UDP, … */
  __u32 hook;       /* enum bailiff_event_hook */
  __u64 name;       /* first hash (dns.h) of the listed host name that the last
                     * rule about one held for; 0: none */
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_connect_event) == 104);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_connect_event, addr_be) ==
                   72);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_connect_event, port) ==
                   88);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_connect_event, name) ==
                   96);

/* What programs write whose rules name hosts: the record, and the first hash of
 * each name the peer is listed as, since records of several rules have one
 * `name`, and the rule they are of may be about another. */
struct bailiff_named_event {
  struct bailiff_connect_event event;
  __u64 names[BAILIFF_DNS_NAMES]; /* none behind a 0 */
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_named_event) == 128);

/* The key of the `told` map, of the last record of each that was told. */
struct bailiff_told_key {
  __u64 cgroup_id;
  __u8 addr_be[16];
};

/* The value of the `containers` map (BPF_MAP_TYPE_CGROUP_STORAGE, keyed by the
 * attached cgroup): what a program shared by many containers must know of the
 * one it runs for.  Written by the hook before the container starts. */
struct bailiff_container_state {
  __u64 cgroup_id;
  /* What was refused last and told, so that a process that tries it again and
   * again is told of once in BAILIFF_REPEAT_NS.  Not locked: two processors
   * that write at once cost a record. */
  __u64 told_ns;
  __u8 told_addr_be[16];
  __u32 told_rule;
  __u32 told_tgid;
  __u16 told_port; /* of what comes in, the port it is for */
  __u8 told_l4proto;
  __u8 told_verdict;
  __u32 told_name; /* its first 4 bytes */
  /* Of the hosts its rules name. */
  struct bailiff_dns_table names;
};

/* The kernel takes memory for it in powers of two. */
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_container_state) <= 16384 - 64);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_container_state,
                                      told_addr_be) == 16);

/* Context of the test flavour (BPF_PROG_TYPE_SYSCALL), which runs the same
 * condition code on made-up events.  Rule i of the program is bit i % 64 of
 * hits[i / 64]; words past its last rule are left alone.  `denied` is the
 * verdict. */
struct bailiff_test_event {
  __u8 addr_be[16];
  __u16 port;
  __u8 family;
  __u8 l4proto;
  __u32 tgid;
  __u32 tid;
  __u32 uid;
  __u32 gid;
  __u32 denied;                               /* out */
  char comm[BAILIFF_EVENT_COMM_LEN];          /* zero behind its end */
  __u64 name[2];                              /* of the peer (dns.h); 0: none */
  __u64 hits[BAILIFF_MAX_PROGRAM_RULES / 64]; /* out */
  __u8 local_be[16];                          /* the other end */
  __u16 local_port;
  __u8 local_family;
  __u8 reserved[5];
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_test_event) == 224);

#endif /* BAILIFF_RULES_ABI_EVENT_H_ */
