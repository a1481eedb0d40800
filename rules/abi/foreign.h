/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/foreign.h
 * Which containers are judged, and what hook/bpf/foreign.bpf.c tells: a socket
 * that a process of one has, and that was made outside of it, and a process
 * that has left the container's cgroup.  Integers and
 * addresses are as in rules/abi/event.h.
 */
#ifndef BAILIFF_RULES_ABI_FOREIGN_H_
#define BAILIFF_RULES_ABI_FOREIGN_H_

#include "rules/abi/event.h"

/* Containers of which programs judge the network; one more is not started. */
#define BAILIFF_MAX_JUDGED 16384U

/* Bytes of the ring of uses: some thousand.  Full: the use is counted as lost,
 * and the next one is told instead. */
#define BAILIFF_FOREIGN_RING_BYTES (512U << 10)

/* Raised with each change of the record, the ring's size or the keys below: a
 * ring that outlives who made it is found by it (hook/kernel/foreign.h). */
#define BAILIFF_FOREIGN_FORMAT 3

/* Keys of the map that counts uses for which the ring had no room: all, and
 * those that user space has told, which it writes. */
#define BAILIFF_FOREIGN_LOST 0U
#define BAILIFF_FOREIGN_LOST_TOLD 1U

/* Levels of cgroups at which containers are looked for. */
#define BAILIFF_MAX_FOREIGN_LEVELS 32U

/* A container of which programs judge the network, by the id of its cgroup. */
struct bailiff_judged {
  __u64 name; /* short_id() of the digest of its id */
  /* Which programs for frames are its own, by what they say they are; 0: none.
   * While they are replaced those of before and those to come, otherwise twice
   * the same. */
  __u64 frames[2];
};

/* Who sends over a socket that was made outside of the container; kept with the
 * socket. */
struct bailiff_sender {
  /* Of the containers that were seen to send, the last first; 0: none. */
  __u64 cgroup_id[2];
  /* The packet that programs for frames refused to let go last: when
   * (CLOCK_MONOTONIC), of which container, and where it was going as they read
   * it, IPv4 in the first 4 bytes.  All 0 before. */
  __u64 refused_ns;
  __u64 refused_id;
  __u8 refused_be[16];
  __u16 refused_port;
  __u16 reserved[3];
};

/* How it was found. */
enum bailiff_foreign_use {
  BAILIFF_FOREIGN_HELD = 0,     /* in a table of descriptors, by looking */
  BAILIFF_FOREIGN_CONNECTS = 1, /* TCP, on its way; by a tracepoint, as all */
  BAILIFF_FOREIGN_SENDS = 2,
  BAILIFF_FOREIGN_RECEIVES = 3,
  BAILIFF_FOREIGN_SENDS_TO = 4, /* a datagram, to another than its peer */
  /* No socket: a process of the container, socket_cgroup is where it is now.
   * What is of a socket is 0. */
  BAILIFF_FOREIGN_LEFT = 5,
};

struct bailiff_foreign {
  __u64 time_ns;       /* CLOCK_MONOTONIC */
  __u64 cgroup_id;     /* of the innermost judged container */
  __u64 socket_cgroup; /* of the socket, neither that one nor below it */
  __u64 cookie;        /* of the socket; never used again */
  __u32 tgid;          /* in the initial pid namespace, as are tid, uid, gid */
  __u32 tid;
  __u32 uid;
  __u32 gid;
  __s32 fd;       /* -1: not known, as of what is used */
  __u16 use;      /* enum bailiff_foreign_use */
  __u16 family;   /* AF_*; of AF_INET and AF_INET6, protocol and ends too */
  __u16 type;     /* SOCK_* */
  __u16 protocol; /* IPPROTO_*, more than a byte (MPTCP); or the datagram's */
  __u16 local_port;
  __u16 remote_port;
  __u8 state; /* as of TCP; of all kinds, 1 is connected */
  /* 1: what went to its peer was refused, and told, by the programs for frames
   * in the last BAILIFF_REPEAT_NS */
  __u8 refused;
  __u8 reserved[6];
  __u8 local_be[16];  /* IPv4 in the first 4 bytes where family is AF_INET */
  __u8 remote_be[16]; /* its peer; of SENDS_TO, where the datagram goes */
  char comm[BAILIFF_EVENT_COMM_LEN];
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_judged) == 24);
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_sender) == 56);
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_foreign) == 120);
BAILIFF_ABI_ASSERT(__builtin_offsetof(struct bailiff_foreign, local_be) == 72);

#endif /* BAILIFF_RULES_ABI_FOREIGN_H_ */
