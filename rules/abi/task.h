/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/task.h
 * What is noted down with a process when it executes a program or is forked,
 * so that a check of a text, such as proc.cmdline, is a bit when the process
 * connects: the tests that are made, and what came of them.
 *
 * A container's table is pages of struct bailiff_task_test, and behind them
 * pages of code (BAILIFF_TASK_CODE_*): the conditions of the rules that are
 * decided when a program is executed.  Both are plain numbers that the observer
 * (hook/bpf/task.bpf.h) goes through, so that it is loaded once, whatever the
 * rules.
 */
#ifndef BAILIFF_RULES_ABI_TASK_H_
#define BAILIFF_RULES_ABI_TASK_H_

#include "rules/abi/observe.h"

/* Checks of one container, a bit each.  The rules that have one more are
 * decided by the service, as if there were no bits. */
#define BAILIFF_TASK_WORDS 32U
#define BAILIFF_MAX_TASK_CHECKS (BAILIFF_TASK_WORDS * 64U)

/* Of these, how many may be about one ancestor, by its level, at a connect: of
 * each ancestor one word is kept.  As above at it. */
#define BAILIFF_MAX_TASK_LEVEL_CHECKS 64

/* Tests of one container: a check has one for each of its operands.  At it, as
 * above. */
#define BAILIFF_MAX_TASK_TESTS 4096U

/* Bytes of an operand.  A check of a longer one is made by the service. */
#define BAILIFF_MAX_TASK_TEXT 112U

/* Units of code of all conditions of one container.  At it, as above. */
#define BAILIFF_MAX_TASK_CODE 16384U
/* How deep conditions are nested: a bit each in one number. */
#define BAILIFF_MAX_TASK_DEPTH 60U

/* Processes whose bits are known at once, on all of the host.  Of one more
 * nothing is known, and the service decides. */
#define BAILIFF_MAX_TASKS 262144U

/* What a test is about.  Texts first. */
enum bailiff_task_subject {
  BAILIFF_TASK_NAME, /* first, and tests of it are the first of a table */
  BAILIFF_TASK_EXE,
  BAILIFF_TASK_EXEPATH,
  BAILIFF_TASK_ARGS,
  BAILIFF_TASK_CMDLINE,
  BAILIFF_TASK_ENV, /* of a program that is being executed, as numbers are */
  BAILIFF_TASK_TEXTS,
  /* Numbers. */
  BAILIFF_TASK_CALL = BAILIFF_TASK_TEXTS, /* enum bailiff_call */
  BAILIFF_TASK_UID,
  BAILIFF_TASK_GID,
  BAILIFF_TASK_LOGINUID,
  BAILIFF_TASK_TTY,
  BAILIFF_TASK_PID,
  BAILIFF_TASK_PPID,
  BAILIFF_TASK_VPID,
  BAILIFF_TASK_ORIGIN_UPPER, /* 1: BAILIFF_PROGRAM_UPPER */
  BAILIFF_TASK_ORIGIN_LOWER,
  BAILIFF_TASK_ORIGIN_MEMFD,
  BAILIFF_TASK_SID_LEADER,
  BAILIFF_TASK_PGID_LEADER,
  BAILIFF_TASK_VPGID_LEADER,
  BAILIFF_TASK_SUBJECTS,
};

enum bailiff_task_operator {
  BAILIFF_TASK_EQUAL,
  BAILIFF_TASK_STARTS,
  BAILIFF_TASK_ENDS,
  BAILIFF_TASK_CONTAINS,
  BAILIFF_TASK_ICONTAINS, /* the operand has no A to Z */
  /* Of numbers, signed; BAILIFF_TASK_EQUAL too. */
  BAILIFF_TASK_LESS,
  BAILIFF_TASK_GREATER,
  BAILIFF_TASK_UNEQUAL, /* of texts */
};

/* One that holds sets the bit of its check. */
struct bailiff_task_test {
  __u16 check;
  __u8 subject; /* enum bailiff_task_subject */
  __u8 op;      /* enum bailiff_task_operator */
  __u32 bytes;  /* of `text` */
  __s64 number;
  char text[BAILIFF_MAX_TASK_TEXT]; /* zero behind its end */
};

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_task_test) == 128);

#define BAILIFF_TASK_PAGE_BYTES 4096U
#define BAILIFF_TASK_PAGE_TESTS 32U
#define BAILIFF_TASK_PAGE_CODE 1024U
/* Pages of all containers.  A container that needs one more is not started. */
#define BAILIFF_MAX_TASK_PAGES 65536U

/* A unit of code: what it does in the upper 8 bits, with what in the lower 24.
 * Conditions are in postfix order, over a stack of bits. */
enum bailiff_task_code {
  BAILIFF_TASK_CODE_OWN,    /* puts the bit of a check on the stack */
  BAILIFF_TASK_CODE_PARENT, /* the parent's */
  BAILIFF_TASK_CODE_ABOVE,  /* whether some ancestor has it */
  BAILIFF_TASK_CODE_LEVEL,  /* the ancestor's that many levels up */
  BAILIFF_TASK_CODE_CONSTANT,
  BAILIFF_TASK_CODE_NOT,
  BAILIFF_TASK_CODE_AND,
  BAILIFF_TASK_CODE_OR,
  BAILIFF_TASK_CODE_RULE, /* the end of a rule's condition: which rule */
  BAILIFF_TASK_CODE_DEEP, /* whether there are so many ancestors */
};
#define BAILIFF_TASK_CODE_SHIFT 24
/* With BAILIFF_TASK_CODE_LEVEL, behind the bit: which, from 1 for the parent.
 */
#define BAILIFF_TASK_LEVEL_SHIFT 16
#define BAILIFF_TASK_LEVELS 8U
/* With BAILIFF_TASK_CODE_RULE: the process that fulfils it is killed. */
#define BAILIFF_TASK_RULE_KILLS 0x800000U
/* Its condition is about texts of the parent's other than its name. */
#define BAILIFF_TASK_RULE_PARENT 0x400000U
#define BAILIFF_TASK_RULE_MASK 0xffffU

/* Key of the map of pages. */
struct bailiff_task_page {
  __u64 cgroup_id; /* of the container */
  __u32 page;
  __u32 table; /* the lower half of its name: another can be put in its place */
};

/* Value of the map of processes, by tgid. */
struct bailiff_task {
  __u64 table; /* bailiff_observed.table: what the bits mean */
  __u32 flags; /* BAILIFF_TASK_* */
  __u32 reserved;
  __u64 own[BAILIFF_TASK_WORDS];
  __u64 parent[BAILIFF_TASK_WORDS];
  __u64 above[BAILIFF_TASK_WORDS];
  /* The first word of each ancestor, the parent first: of so many, or of
   * all there is room for. */
  __u64 levels[BAILIFF_TASK_LEVELS];
  __u32 level_count;
  __u32 reserved2;
};

/* All of `parent` is known, and not the bits of its name alone. */
#define BAILIFF_TASK_PARENT_KNOWN 0x1

BAILIFF_ABI_ASSERT(sizeof(struct bailiff_task) == 856);

/* BAILIFF_PART_RULES: a rule that was decided when the program was executed and
 * holds, or could not be decided. */
struct bailiff_task_hit {
  __u32 rule;
  __u32 flags; /* BAILIFF_EVENT_CANDIDATE: the service is to decide */
};

/* Of one program.  What does not fit is not told, and killed all the same. */
#define BAILIFF_MAX_TASK_HITS 64U

#endif /* BAILIFF_RULES_ABI_TASK_H_ */
