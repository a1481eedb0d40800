/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/observe.h
 * What the observer (hook/bpf/observe.bpf.c) is told and what it tells: which
 * containers it is to watch for which system calls, and the records of their
 * processes and calls.  As rules/abi/event.h, whose header each record has.
 */
#ifndef BAILIFF_RULES_ABI_OBSERVE_H_
#define BAILIFF_RULES_ABI_OBSERVE_H_

#include "rules/abi/event.h"

/* The system calls that can be observed: the number of the call is its place in
 * this list, and its bit in a mask.  Append only, at most 64.
 *
 *   CALL(id, name, number of the 32-bit x86 call or -1)
 *
 * The number of the native call is __NR_name where there is one. */
/* clang-format off */
#define BAILIFF_CALLS(CALL) \
  CALL(EXECVE, execve, 11) \
  CALL(EXECVEAT, execveat, 358) \
  CALL(OPEN, open, 5) \
  CALL(OPENAT, openat, 295) \
  CALL(OPENAT2, openat2, 437) \
  CALL(CREAT, creat, 8) \
  CALL(RENAME, rename, 38) \
  CALL(RENAMEAT, renameat, 302) \
  CALL(RENAMEAT2, renameat2, 353) \
  CALL(UNLINK, unlink, 10) \
  CALL(UNLINKAT, unlinkat, 301) \
  CALL(RMDIR, rmdir, 40) \
  CALL(MKDIR, mkdir, 39) \
  CALL(MKDIRAT, mkdirat, 296) \
  CALL(CHMOD, chmod, 15) \
  CALL(FCHMOD, fchmod, 94) \
  CALL(FCHMODAT, fchmodat, 306) \
  CALL(LINK, link, 9) \
  CALL(LINKAT, linkat, 303) \
  CALL(SYMLINK, symlink, 83) \
  CALL(SYMLINKAT, symlinkat, 304) \
  CALL(DUP, dup, 41) \
  CALL(DUP2, dup2, 63) \
  CALL(DUP3, dup3, 330) \
  CALL(SOCKET, socket, 359) \
  CALL(CONNECT, connect, 362) \
  CALL(SENDTO, sendto, 369) \
  CALL(SENDMSG, sendmsg, 370) \
  CALL(RECVFROM, recvfrom, 371) \
  CALL(RECVMSG, recvmsg, 372) \
  CALL(ACCEPT, accept, -1) \
  CALL(ACCEPT4, accept4, 364) \
  CALL(LISTEN, listen, 363) \
  CALL(PTRACE, ptrace, 26) \
  CALL(SETNS, setns, 346) \
  CALL(UNSHARE, unshare, 310) \
  CALL(SETUID, setuid, 213) \
  CALL(BPF, bpf, 357) \
  CALL(USERFAULTFD, userfaultfd, 374) \
  CALL(INIT_MODULE, init_module, 128) \
  CALL(FINIT_MODULE, finit_module, 350) \
  CALL(MEMFD_CREATE, memfd_create, 356) \
  CALL(MOUNT, mount, 21) \
  CALL(BIND, bind, 361)
/* clang-format on */

enum bailiff_call {
#define BAILIFF_CALL_ENUM(id, name, nr32) BAILIFF_CALL_##id,
  BAILIFF_CALLS(BAILIFF_CALL_ENUM)
#undef BAILIFF_CALL_ENUM
      BAILIFF_CALL_COUNT,
};

BAILIFF_ABI_ASSERT(BAILIFF_CALL_COUNT <= 64);

/* Numbers of system calls the tables by number have room for; those in use are
 * below 480 on every architecture, but for x32's own, from 512 to 547. */
#define BAILIFF_MAX_CALL_NUMBER 576
/* Set in the numbers of x32 calls.  Most are else those of x86-64. */
#define BAILIFF_X32_CALL 0x40000000
#define BAILIFF_NOT_OBSERVED 0xff

/* Containers that can be observed at once; one more is not started. */
#define BAILIFF_MAX_OBSERVED 16384U

/* Levels of cgroups below the root at which containers can be.  A container
 * that is deeper is not started; the cgroups it makes for itself may be. */
#define BAILIFF_MAX_CGROUP_LEVEL 32U

/* Bytes of the ring of observed records: a power of two.  It is not the ring of
 * what was prevented, so that a container cannot wash those out by being busy.
 * Half a second of 100,000 calls a second fit. */
#define BAILIFF_OBSERVE_RING_BYTES (16U << 20)

/* Value of the map of containers, by the id of the container's cgroup. */
struct bailiff_observed {
  __u64 policy_id; /* as in struct bailiff_event */
  __u64 name;      /* Digest::short_id() of the container's id */
  __u64 calls;     /* a bit for each call its rules need */
  __u32 level;     /* of the cgroup, from 1; 0: not known, any */
  __u32 flags;     /* BAILIFF_OBSERVE_* */
  /* Of its table of tests (rules/abi/task.h); all 0 when it has none. */
  __u64 table;      /* names it: tables of one name are the same */
  __u32 tests;      /* how many there are */
  __u32 name_tests; /* how many of them, from the first, are of names */
  __u32 code;       /* units of code */
  __u32 subjects;   /* a bit for each that tests are about */
};

/* Some rule needs the environment of new programs. */
#define BAILIFF_OBSERVE_ENVIRONMENT 0x1
/* Some rule needs the working directory at a call. */
#define BAILIFF_OBSERVE_DIRECTORY 0x2
/* Nobody wants records: it is observed for the bits of its processes. */
#define BAILIFF_OBSERVE_SILENTLY 0x4

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_observed) == 56);

/* The one value of the map of what all containers need together: what has to
 * be looked at before anything is known of the caller. */
struct bailiff_observe_config {
  __u64 calls;
  __u32 count;                            /* of `levels` */
  __u32 levels[BAILIFF_MAX_CGROUP_LEVEL]; /* at which there are containers */
  __u32 reserved;
};

/* Kinds of record, beside enum bailiff_event_kind. */
enum bailiff_observe_kind {
  BAILIFF_EVENT_FORK = 64, /* a new process, told of by its parent */
  BAILIFF_EVENT_EXEC = 65, /* a new program, before its first instruction */
  BAILIFF_EVENT_EXIT = 66, /* the last thread of a process */
  BAILIFF_EVENT_CALL = 67, /* a system call that has returned */
};

/* Parts of a record that have no fixed length; each has this before it. */
enum bailiff_part {
  BAILIFF_PART_ARGUMENTS = 1, /* argv: each with its NUL */
  BAILIFF_PART_ENVIRONMENT,   /* the same */
  BAILIFF_PART_EXECUTABLE,    /* a walk: names, each with its NUL, last first */
  BAILIFF_PART_DIRECTORY,     /* a walk: working directory */
  BAILIFF_PART_ANCESTORS,     /* struct bailiff_ancestor[] */
  BAILIFF_PART_PATH,          /* as the caller gave it, with its NUL */
  BAILIFF_PART_PATH2,
  BAILIFF_PART_BASE,  /* a walk: what PATH is relative to */
  BAILIFF_PART_BASE2, /* of PATH2 */
  BAILIFF_PART_TEXT,  /* a further text argument, with its NUL */
  BAILIFF_PART_FILE,  /* a walk: what the descriptor is open on */
  BAILIFF_PART_DATA,  /* bytes sent or received */
  BAILIFF_PART_RULES, /* struct bailiff_task_hit[] (rules/abi/task.h) */
};

struct bailiff_part_header {
  __u16 part;  /* enum bailiff_part */
  __u16 bytes; /* behind this header; the next header follows at once */
};

/* Bytes of arguments and of environment that are told, as in Falco. */
#define BAILIFF_MAX_ARGUMENT_BYTES 4096U
/* PATH_MAX. */
#define BAILIFF_MAX_PATH_BYTES 4096U
/* Names of a walk: a path that is deeper is told without its beginning. */
#define BAILIFF_MAX_WALK 128U
/* So does one that is longer: no folder takes the room of other parts. */
#define BAILIFF_MAX_WALK_BYTES 3072U
#define BAILIFF_MAX_NAME_BYTES 256U
#define BAILIFF_MAX_ANCESTORS 16U
/* Of data, as in Falco. */
#define BAILIFF_MAX_DATA_BYTES 80U

/* An ancestor, the parent first. */
struct bailiff_ancestor {
  __u64 start_ns; /* CLOCK_BOOTTIME */
  __u32 pid;      /* as all here, in the initial pid namespace */
  __u32 vpid;     /* in its own */
  char comm[BAILIFF_EVENT_COMM_LEN];
};

/* What every record says of the process.  Ids are as in bailiff_event, those
 * that begin with v in the process's own pid namespace. */
struct bailiff_process {
  __u64 start_ns; /* CLOCK_BOOTTIME */
  __u64 inheritable;
  __u64 permitted;
  __u64 effective;
  __u32 ppid;
  __u32 vpid;
  __u32 vtid;
  __u32 pgid;
  __u32 vpgid;
  __u32 sid;
  __u32 tty; /* its device number; 0: none */
  __u32 loginuid;
};

/* Of a process, in struct bailiff_program. */
#define BAILIFF_PROGRAM_UPPER 0x1 /* from the upper layer of an overlay */
#define BAILIFF_PROGRAM_LOWER 0x2 /* from a lower one */
#define BAILIFF_PROGRAM_MEMFD 0x4
#define BAILIFF_PROGRAM_WRITABLE 0x8 /* to whom it runs as */

struct bailiff_program {
  __u64 inode;
  __u64 changed_ns;  /* ctime, CLOCK_REALTIME */
  __u64 modified_ns; /* mtime */
  __u32 flags;       /* BAILIFF_PROGRAM_* */
  __u32 call;        /* BAILIFF_CALL_EXECVE or _EXECVEAT */
};

/* The descriptor a call makes or uses. */
struct bailiff_descriptor {
  __s32 number; /* -1: none, or the call failed to make one */
  __u32 mode;   /* of the inode */
  __u64 inode;
  __u32 device;
  __u16 family; /* of a socket; 0: no socket */
  __u16 type;
  __u8 protocol;
  __u8 state; /* as enum of TCP */
  __u16 local_port;
  __u16 remote_port;
  __u16 address_family; /* of the address given; 0: none */
  __u8 local_be[16];    /* as addr_be of a connect */
  __u8 remote_be[16];
  __u8 address_be[16]; /* the address given to, or by, the call */
  __u16 address_port;
  __u16 reserved;
  __u32 created; /* a file: 1 when the call has made it */
};

struct bailiff_observed_event {
  struct bailiff_event header;
  struct bailiff_process process;
};

struct bailiff_exec_event {
  struct bailiff_observed_event common;
  struct bailiff_program program;
};

struct bailiff_call_event {
  struct bailiff_observed_event common;
  __u64 arguments[6];
  /* What lies behind a pointer to numbers: struct open_how. */
  __u64 more[3];
  __s64 result;
  struct bailiff_descriptor descriptor;
  __u32 call; /* enum bailiff_call */
  __u32 reserved;
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_ancestor) == 32);
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_observed_event) == 136);
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_exec_event) == 168);
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_descriptor) == 88);
BAILIFF_ABI_ASSERT(sizeof(struct bailiff_call_event) == 312);

#endif /* BAILIFF_RULES_ABI_OBSERVE_H_ */
