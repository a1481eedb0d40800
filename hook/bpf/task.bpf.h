/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* hook/bpf/task.bpf.h
 * The part of the observer that goes through a container's table of tests
 * (rules/abi/task.h) when a program is executed, and keeps what comes of them
 * with the process: for the programs at its connects, which look there, and for
 * the conditions that are decided at once.
 *
 * Included by observe.bpf.c alone.
 *
 * Texts are compared eight bytes at a time, as numbers of little-endian
 * machines.  Names and paths are the kernel's own.  Arguments and environment
 * lie in the new program's memory, where the kernel has just put them: it has
 * not run, and only a process that may trace it can have changed them since.
 */
#ifndef BAILIFF_HOOK_BPF_TASK_BPF_H_
#define BAILIFF_HOOK_BPF_TASK_BPF_H_

#include "rules/abi/task.h"

#define SIGKILL 9

/* By cgroup id of the container and number; written by the hook. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, BAILIFF_MAX_TASK_PAGES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bailiff_task_page);
  __type(value, __u8[BAILIFF_TASK_PAGE_BYTES]);
} task_pages SEC(".maps");

/* By tgid.  An entry ends with its process. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, BAILIFF_MAX_TASKS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, struct bailiff_task);
} tasks SEC(".maps");

/* Places in `bytes`. */
#define TEXT_NAME 0
#define TEXT_OTHER 32 /* an ancestor's name */
#define TEXT_EXE 64
#define TEXT_LINE 4224 /* name, blank, arguments */
#define TEXT_ENV 8448
#define TEXT_PATH 12544 /* written from its end to its beginning */
#define TEXT_BYTES 16384
#define TEXT_MASK (TEXT_BYTES - 1)

struct task_scratch {
  struct bailiff_task task;
  __u64 other[BAILIFF_TASK_WORDS]; /* what holds of TEXT_OTHER */
  /* The bits of each ancestor, the parent first; of task.level_count. */
  __u64 levels[BAILIFF_TASK_LEVELS][BAILIFF_TASK_WORDS];
  /* Of bits that are combined; the last is the top.  Here, where the verifier
   * knows no value: Linux 6.1 looks at the first round of a loop only, and
   * takes out what is not reached with the values a program's stack has in it.
   */
  __u64 stack;
  __s64 numbers[16];
  struct {
    __u32 at;
    __u32 bytes;
  } texts[8];
  __u32 known;     /* all pages that were needed are there */
  __u32 path_at;   /* where the path begins that is being written */
  __u32 path_open; /* it has no beginning yet */
  __u32 killed;
  __u32 hit_count;
  struct bailiff_task_hit hits[BAILIFF_MAX_TASK_HITS];
  __u8 bytes[TEXT_BYTES + BAILIFF_MAX_NAME_BYTES];
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 2); /* SLOT_FORK, SLOT_EXEC */
  __type(key, __u32);
  __type(value, struct task_scratch);
} task_scratches SEC(".maps");

static __always_inline struct task_scratch* task_scratch_of(__u32 slot) {
  return bpf_map_lookup_elem(&task_scratches, &slot);
}

#define EACH_BYTE 0x0101010101010101ULL

/* Every byte A..Z to a..z: the sums carry into a byte's top bit when its lower
 * seven are at least 'A', and past 'Z'; bytes above 127 are no letters. */
static __always_inline __u64 fold_case(__u64 word) {
  __u64 low = word & 0x7f * EACH_BYTE;
  __u64 from_a = low + (0x80 - 'A') * EACH_BYTE;
  __u64 past_z = low + (0x7f - 'Z') * EACH_BYTE;
  __u64 letters = (from_a ^ past_z) & ~word & 0x80 * EACH_BYTE;
  return word | letters >> 2;
}

/* Every byte 0 to a blank. */
static __always_inline __u64 blank_zeroes(__u64 word) {
  __u64 low = (word & 0x7f * EACH_BYTE) + 0x7f * EACH_BYTE;
  __u64 zeroes = ~(low | word) & 0x80 * EACH_BYTE;
  return word | zeroes >> 2;
}

static __always_inline __u64 word_at(const struct task_scratch* scratch,
                                     __u32 at, __u32 fold) {
  __u64 word = *(const __u64*)&scratch->bytes[at & TEXT_MASK];
  return fold ? fold_case(word) : word;
}

static __always_inline __u64 mask_of(__u32 bytes) {
  return bytes >= 8 ? ~0ULL : (1ULL << (bytes & 7) * 8) - 1;
}

/* Whether the text of the test lies at `at`.  A function of its own to the
 * verifier, as test_text() is: it looks at either once, however often they are
 * called. */
__noinline int same_text(const struct task_scratch* scratch,
                         const struct bailiff_task_test* test, __u32 at,
                         __u32 fold) {
  if (!scratch || !test) return 0;
  __u32 left = test->bytes;
  for (__u32 i = 0; i < BAILIFF_MAX_TASK_TEXT / 8; ++i) {
    if (left == 0) return 1;
    __u64 wanted = *(const __u64*)&test->text[i * 8];
    if ((word_at(scratch, at + i * 8, fold) ^ wanted) & mask_of(left)) return 0;
    if (left <= 8) return 1;
    left -= 8;
  }
  return 0; /* of more bytes than a test can have */
}

struct search {
  const struct task_scratch* scratch;
  const struct bailiff_task_test* test;
  __u64 first; /* the first bytes of its text, as far as `mask` goes */
  __u64 mask;
  __u32 at;
  __u32 fold;
  __u32 found;
};

static long search_at(__u32 index, struct search* search) {
  __u64 word = word_at(search->scratch, search->at + index, search->fold);
  if ((word ^ search->first) & search->mask) return 0;
  if (!same_text(search->scratch, search->test, search->at + index,
                 search->fold)) {
    return 0;
  }
  search->found = 1;
  return 1;
}

/* Whether the test holds of the `bytes` bytes at `at`. */
__noinline int test_text(const struct task_scratch* scratch,
                         const struct bailiff_task_test* test, __u32 at,
                         __u32 bytes) {
  if (!scratch || !test) return 0;
  if (test->op == BAILIFF_TASK_UNEQUAL) {
    return test->bytes != bytes || !same_text(scratch, test, at, 0);
  }
  if (test->bytes > bytes) return 0;
  switch (test->op) {
    case BAILIFF_TASK_EQUAL:
      return test->bytes == bytes && same_text(scratch, test, at, 0);
    case BAILIFF_TASK_STARTS:
      return same_text(scratch, test, at, 0);
    case BAILIFF_TASK_ENDS:
      return same_text(scratch, test, at + bytes - test->bytes, 0);
    case BAILIFF_TASK_CONTAINS:
    case BAILIFF_TASK_ICONTAINS:
      break;
    default:
      return 0;
  }
  struct search search = {
      .scratch = scratch,
      .test = test,
      .first = *(const __u64*)test->text,
      .mask = mask_of(test->bytes),
      .at = at,
      .fold = test->op == BAILIFF_TASK_ICONTAINS,
  };
  bpf_loop(bytes - test->bytes + 1, search_at, &search, 0);
  return search.found;
}

static __always_inline int test_number(const struct bailiff_task_test* test,
                                       __s64 number) {
  switch (test->op) {
    case BAILIFF_TASK_EQUAL:
      return number == test->number;
    case BAILIFF_TASK_LESS:
      return number < test->number;
    case BAILIFF_TASK_GREATER:
      return number > test->number;
    default:
      return 0;
  }
}

struct testing {
  struct task_scratch* scratch;
  const struct bailiff_task_test* page;
  __u64 cgroup_id;
  __u32 table;
  __u32 left;  /* tests from this page on */
  __u32 other; /* of the name at TEXT_OTHER */
};

static long run_test(__u32 index, struct testing* testing) {
  struct task_scratch* scratch = testing->scratch;
  const struct bailiff_task_test* test =
      &testing->page[index & (BAILIFF_TASK_PAGE_TESTS - 1)];
  __u32 subject = test->subject;
  __u32 word = test->check >> 6 & (BAILIFF_TASK_WORDS - 1);
  __u64 bit = 1ULL << (test->check & 63);
  if (testing->other) {
    if (test_text(scratch, test, TEXT_OTHER, scratch->texts[7].bytes & 15)) {
      scratch->other[word] |= bit;
    }
    return 0;
  }
  int holds;
  if (subject < BAILIFF_TASK_TEXTS) {
    holds = test_text(scratch, test, scratch->texts[subject & 7].at,
                      scratch->texts[subject & 7].bytes & TEXT_MASK);
  } else {
    holds = test_number(test,
                        scratch->numbers[(subject - BAILIFF_TASK_TEXTS) & 15]);
  }
  if (holds) scratch->task.own[word] |= bit;
  return 0;
}

static long run_tests(__u32 index, struct testing* testing) {
  struct bailiff_task_page key = {
      .cgroup_id = testing->cgroup_id, .page = index, .table = testing->table};
  testing->page = bpf_map_lookup_elem(&task_pages, &key);
  if (!testing->page) {
    testing->scratch->known = 0; /* not written yet, or no longer there */
    return 1;
  }
  __u32 count = testing->left;
  if (count > BAILIFF_TASK_PAGE_TESTS) count = BAILIFF_TASK_PAGE_TESTS;
  bpf_loop(count, run_test, testing, 0);
  testing->left -= count;
  return 0;
}

static __always_inline __u32 pages_for(__u32 count, __u32 each) {
  return (count + each - 1) / each;
}

/* What holds of the process and its program, into scratch->task.own, or of the
 * name at TEXT_OTHER, into scratch->other. */
static __always_inline void run_all_tests(struct task_scratch* scratch,
                                          __u64 cgroup_id, __u64 table,
                                          __u32 count, __u32 other) {
  struct testing testing = {.scratch = scratch,
                            .cgroup_id = cgroup_id,
                            .table = (__u32)table,
                            .left = count,
                            .other = other};
  bpf_loop(pages_for(count, BAILIFF_TASK_PAGE_TESTS), run_tests, &testing, 0);
}

struct lineage {
  struct task_struct* task;
  __u64 cgroup_id;
  __u64 table;
  __u32 slot;
  __u32 name_tests;
};

static long look_above(__u32 index, struct lineage* lineage) {
  struct task_struct* task = lineage->task;
  struct task_struct* parent = BPF_CORE_READ(task, real_parent, group_leader);
  struct task_scratch* scratch = task_scratch_of(lineage->slot);
  if (!scratch || !parent) return 1;
  __u32 pid = BPF_CORE_READ(parent, tgid);
  if (!pid) return 1;
  lineage->task = parent;
  const struct bailiff_task* known = bpf_map_lookup_elem(&tasks, &pid);
  __u32 level = index & (BAILIFF_TASK_LEVELS - 1);
  scratch->task.level_count = index + 1;
  if (known && known->table == lineage->table) {
    for (__u32 i = 0; i < BAILIFF_TASK_WORDS; ++i) {
      scratch->task.above[i] |= known->own[i];
      if (index == 0) scratch->task.parent[i] = known->own[i];
      if (index < BAILIFF_TASK_LEVELS) {
        scratch->levels[level][i] = known->own[i];
      }
    }
    if (index < BAILIFF_TASK_LEVELS)
      scratch->task.levels[level] = known->own[0];
    if (index == 0) scratch->task.flags |= BAILIFF_TASK_PARENT_KNOWN;
    return 0;
  }
  /* It is not of this container, or ran before that was observed. */
  __builtin_memset(scratch->other, 0, sizeof(scratch->other));
  long bytes = bpf_probe_read_kernel_str(&scratch->bytes[TEXT_OTHER],
                                         BAILIFF_EVENT_COMM_LEN, &parent->comm);
  if (bytes > 0) {
    scratch->texts[7].bytes = bytes - 1;
    run_all_tests(scratch, lineage->cgroup_id, lineage->table,
                  lineage->name_tests, 1);
  }
  for (__u32 i = 0; i < BAILIFF_TASK_WORDS; ++i) {
    scratch->task.above[i] |= scratch->other[i];
    if (index == 0) scratch->task.parent[i] = scratch->other[i];
    if (index < BAILIFF_TASK_LEVELS) {
      scratch->levels[level][i] = scratch->other[i];
    }
  }
  if (index < BAILIFF_TASK_LEVELS) {
    scratch->task.levels[level] = scratch->other[0];
  }
  return 0;
}

/* The bits of those above `task`, as they are now. */
static __always_inline void note_above(struct task_scratch* scratch, __u32 slot,
                                       struct task_struct* task,
                                       const struct container* container) {
  struct lineage lineage = {.task = task,
                            .cgroup_id = container->id,
                            .table = container->wanted->table,
                            .slot = slot,
                            .name_tests = container->wanted->name_tests};
  scratch->task.flags = 0;
  __builtin_memset(scratch->task.parent, 0, sizeof(scratch->task.parent));
  __builtin_memset(scratch->task.above, 0, sizeof(scratch->task.above));
  __builtin_memset(scratch->task.levels, 0, sizeof(scratch->task.levels));
  scratch->task.level_count = 0;
  bpf_loop(BAILIFF_MAX_ANCESTORS, look_above, &lineage, 0);
}

/* With the process, unless a page was missing or there is no room: then nothing
 * is known of it, and not what was known before. */
static __always_inline void keep(const struct task_scratch* scratch,
                                 __u32 tgid) {
  if (!scratch->known ||
      bpf_map_update_elem(&tasks, &tgid, &scratch->task, BPF_ANY)) {
    bpf_map_delete_elem(&tasks, &tgid);
  }
}

/* A new process runs what the one that made it runs. */
static __always_inline void note_fork(struct task_struct* child,
                                      const struct container* container) {
  __u32 from = bpf_get_current_pid_tgid() >> 32;
  __u32 to = child->tgid;
  struct task_scratch* scratch = task_scratch_of(SLOT_FORK);
  const struct bailiff_task* known = bpf_map_lookup_elem(&tasks, &from);
  if (!scratch || !known || known->table != container->wanted->table) {
    /* Of a process that had the number before. */
    bpf_map_delete_elem(&tasks, &to);
    return;
  }
  scratch->known = 1;
  scratch->task.table = known->table;
  __builtin_memcpy(scratch->task.own, known->own, sizeof(known->own));
  note_above(scratch, SLOT_FORK, child, container);
  keep(scratch, to);
}

struct blanking {
  struct task_scratch* scratch;
  __u32 at;
};

static long blank_word(__u32 index, struct blanking* blanking) {
  __u32 at = (blanking->at + index * 8) & TEXT_MASK;
  __u64* word = (__u64*)&blanking->scratch->bytes[at];
  *word = blank_zeroes(*word);
  return 0;
}

/* A size of at most BAILIFF_MAX_ARGUMENT_BYTES, so that the verifier of Linux
 * 6.1 sees a bound: it forgets what the compiler makes of a test. */
#define KEEP_BOUNDED(size) asm volatile("%0 &= 0x1fff" : "+r"(size))

/* proc.exe, proc.args and proc.cmdline; how ObservedFields makes them of the
 * same bytes is what they are. */
static __always_inline int read_line(struct task_scratch* scratch,
                                     const struct mm_struct* mm) {
  __u64 from = mm->arg_start;
  __u64 all = mm->arg_end - from;
  if (all > BAILIFF_MAX_ARGUMENT_BYTES) all = BAILIFF_MAX_ARGUMENT_BYTES;
  long first = read_user_text(&scratch->bytes[TEXT_EXE],
                              BAILIFF_MAX_ARGUMENT_BYTES, (void*)from);
  if (first <= 0 || first > BAILIFF_MAX_ARGUMENT_BYTES) return 0;
  scratch->texts[BAILIFF_TASK_EXE].at = TEXT_EXE;
  scratch->texts[BAILIFF_TASK_EXE].bytes = first - 1;

  __u32 name = scratch->texts[BAILIFF_TASK_NAME].bytes & 15;
  __u32 at = TEXT_LINE + name + 1;
  __u32 rest = all > (__u64)first ? all - first : 0;
  if (rest > BAILIFF_MAX_ARGUMENT_BYTES) return 0;
  bpf_probe_read_kernel(&scratch->bytes[TEXT_LINE], BAILIFF_EVENT_COMM_LEN,
                        &scratch->bytes[TEXT_NAME]);
  scratch->bytes[TEXT_LINE + name] = ' ';
  __u64 size = rest;
  KEEP_BOUNDED(size);
  if (size && bpf_probe_read_user(&scratch->bytes[at & TEXT_MASK], size,
                                  (void*)(from + first))) {
    return 0;
  }
  if (rest && scratch->bytes[(at + rest - 1) & TEXT_MASK] == 0) --rest;
  struct blanking blanking = {.scratch = scratch, .at = TEXT_LINE};
  bpf_loop((name + rest + 8) / 8, blank_word, &blanking, 0);
  scratch->texts[BAILIFF_TASK_ARGS].at = at;
  scratch->texts[BAILIFF_TASK_ARGS].bytes = rest;
  scratch->texts[BAILIFF_TASK_CMDLINE].at = TEXT_LINE;
  scratch->texts[BAILIFF_TASK_CMDLINE].bytes = rest ? name + 1 + rest : name;
  return 1;
}

/* proc.env. */
static __always_inline int read_environment(struct task_scratch* scratch,
                                            const struct mm_struct* mm) {
  __u64 from = mm->env_start;
  __u64 all = mm->env_end - from;
  if (all > BAILIFF_MAX_ARGUMENT_BYTES) all = BAILIFF_MAX_ARGUMENT_BYTES;
  __u32 bytes = all;
  if (bytes > BAILIFF_MAX_ARGUMENT_BYTES) return 0;
  scratch->bytes[TEXT_ENV] = 0;
  __u64 size = bytes;
  KEEP_BOUNDED(size);
  if (size &&
      bpf_probe_read_user(&scratch->bytes[TEXT_ENV], size, (void*)from)) {
    return 0;
  }
  /* Of an empty variable before the others there would be no blank. */
  if (bytes && scratch->bytes[TEXT_ENV] == 0) return 0;
  if (bytes && scratch->bytes[(TEXT_ENV + bytes - 1) & TEXT_MASK] == 0) --bytes;
  struct blanking blanking = {.scratch = scratch, .at = TEXT_ENV};
  bpf_loop((bytes + 7) / 8, blank_word, &blanking, 0);
  scratch->texts[BAILIFF_TASK_ENV].at = TEXT_ENV;
  scratch->texts[BAILIFF_TASK_ENV].bytes = bytes;
  return 1;
}

static long add_name(__u32 index, struct walk* walk) {
  struct dentry* dentry = walk->dentry;
  struct vfsmount* mnt = walk->mnt;
  struct task_scratch* scratch = task_scratch_of(walk->slot);
  if (!scratch) return 1;
  if (dentry == walk->root_dentry && mnt == walk->root_mnt) {
    scratch->path_open = 0;
    return 1;
  }
  struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
  if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
    struct mount* mount = (void*)mnt - bpf_core_field_offset(struct mount, mnt);
    struct mount* above = BPF_CORE_READ(mount, mnt_parent);
    if (above == mount) {
      scratch->path_open = 0;
      return 1;
    }
    walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
    walk->mnt = (void*)above + bpf_core_field_offset(struct mount, mnt);
    return 0;
  }
  const void* name = BPF_CORE_READ(dentry, d_name.name);
  __u32 bytes = BPF_CORE_READ(dentry, d_name.len);
  __u32 at = scratch->path_at;
  if (bytes >= BAILIFF_MAX_NAME_BYTES || at > TEXT_BYTES ||
      at < TEXT_PATH + bytes + 1) {
    return 1;
  }
  at -= bytes;
  if (bpf_probe_read_kernel(&scratch->bytes[at & TEXT_MASK], bytes, name)) {
    return 1;
  }
  if (dentry == parent) { /* in no folder: a memfd */
    scratch->path_at = at;
    scratch->path_open = 0;
    return 1;
  }
  --at;
  scratch->bytes[at & TEXT_MASK] = '/';
  scratch->path_at = at;
  walk->dentry = parent;
  return 0;
}

static __always_inline int read_path(struct task_scratch* scratch,
                                     struct task_struct* task,
                                     const struct path* from) {
  struct fs_struct* fs = BPF_CORE_READ(task, fs);
  struct walk walk = {
      .dentry = BPF_CORE_READ(from, dentry),
      .mnt = BPF_CORE_READ(from, mnt),
      .root_dentry = BPF_CORE_READ(fs, root.dentry),
      .root_mnt = BPF_CORE_READ(fs, root.mnt),
      .slot = SLOT_EXEC,
  };
  scratch->path_at = TEXT_BYTES;
  scratch->path_open = 1;
  bpf_loop(BAILIFF_MAX_WALK, add_name, &walk, 0);
  if (scratch->path_open) return 0; /* longer than there is room for */
  scratch->texts[BAILIFF_TASK_EXEPATH].at = scratch->path_at;
  scratch->texts[BAILIFF_TASK_EXEPATH].bytes = TEXT_BYTES - scratch->path_at;
  return 1;
}

struct deciding {
  struct task_scratch* scratch;
  const __u32* page;
  __u64 cgroup_id;
  __u32 table;
  __u32 first_page;
  __u32 left;
};

static __always_inline __u64 bit_at(const __u64* words, __u32 bit) {
  return words[bit >> 6 & (BAILIFF_TASK_WORDS - 1)] >> (bit & 63) & 1;
}

static __always_inline __u64 bit_of_level(const struct task_scratch* scratch,
                                          __u32 what) {
  __u32 level = (what >> BAILIFF_TASK_LEVEL_SHIFT) - 1;
  if (level >= scratch->task.level_count || level >= BAILIFF_TASK_LEVELS)
    return 0;
  return bit_at(scratch->levels[level & (BAILIFF_TASK_LEVELS - 1)],
                what & 0xffff);
}

static __always_inline void end_rule(struct task_scratch* scratch, __u32 what,
                                     __u64 holds) {
  struct bailiff_task_hit hit = {.rule = what & BAILIFF_TASK_RULE_MASK};
  if (what & BAILIFF_TASK_RULE_PARENT &&
      !(scratch->task.flags & BAILIFF_TASK_PARENT_KNOWN)) {
    hit.flags = BAILIFF_EVENT_CANDIDATE;
  } else if (!holds) {
    return;
  } else if (what & BAILIFF_TASK_RULE_KILLS) {
    scratch->killed = 1;
  }
  if (scratch->hit_count < BAILIFF_MAX_TASK_HITS) {
    scratch->hits[scratch->hit_count & (BAILIFF_MAX_TASK_HITS - 1)] = hit;
  }
  ++scratch->hit_count;
}

static long run_unit(__u32 index, struct deciding* deciding) {
  __u32 unit = deciding->page[index & (BAILIFF_TASK_PAGE_CODE - 1)];
  struct task_scratch* scratch = deciding->scratch;
  __u64 stack = scratch->stack;
  __u32 what = unit & ((1U << BAILIFF_TASK_CODE_SHIFT) - 1);
  switch (unit >> BAILIFF_TASK_CODE_SHIFT) {
    case BAILIFF_TASK_CODE_OWN:
      stack = stack << 1 | bit_at(scratch->task.own, what);
      break;
    case BAILIFF_TASK_CODE_PARENT:
      stack = stack << 1 | bit_at(scratch->task.parent, what);
      break;
    case BAILIFF_TASK_CODE_ABOVE:
      stack = stack << 1 | bit_at(scratch->task.above, what);
      break;
    case BAILIFF_TASK_CODE_LEVEL:
      stack = stack << 1 | bit_of_level(scratch, what);
      break;
    case BAILIFF_TASK_CODE_CONSTANT:
      stack = stack << 1 | (what & 1);
      break;
    case BAILIFF_TASK_CODE_NOT:
      stack ^= 1;
      break;
    case BAILIFF_TASK_CODE_AND:
      stack = stack >> 1 & (stack | ~1ULL);
      break;
    case BAILIFF_TASK_CODE_OR:
      stack = stack >> 1 | (stack & 1);
      break;
    case BAILIFF_TASK_CODE_DEEP:
      stack = stack << 1 | (scratch->task.level_count >= what);
      break;
    case BAILIFF_TASK_CODE_RULE:
      end_rule(scratch, what, stack & 1);
      stack = 0;
      break;
  }
  scratch->stack = stack;
  return 0;
}

static long run_code(__u32 index, struct deciding* deciding) {
  struct bailiff_task_page key = {.cgroup_id = deciding->cgroup_id,
                                  .page = deciding->first_page + index,
                                  .table = deciding->table};
  deciding->page = bpf_map_lookup_elem(&task_pages, &key);
  if (!deciding->page) {
    deciding->scratch->known = 0;
    return 1;
  }
  __u32 count = deciding->left;
  if (count > BAILIFF_TASK_PAGE_CODE) count = BAILIFF_TASK_PAGE_CODE;
  bpf_loop(count, run_unit, deciding, 0);
  deciding->left -= count;
  return 0;
}

#define TEXTS_OF_LINE                                 \
  (1U << BAILIFF_TASK_EXE | 1U << BAILIFF_TASK_ARGS | \
   1U << BAILIFF_TASK_CMDLINE)

/* Notes down what runs now, and decides the rules about it.  NULL: nothing is
 * known, and the service has to decide. */
static __always_inline struct task_scratch* note_exec(
    struct task_struct* task, const struct container* container,
    const struct file* file, __u32 call, __u32 origin) {
  const struct bailiff_observed* wanted = container->wanted;
  struct task_scratch* scratch = task_scratch_of(SLOT_EXEC);
  __u32 tgid = task->tgid;
  if (!scratch) return NULL;
  scratch->task.table = wanted->table;
  scratch->known = 1;
  scratch->killed = 0;
  scratch->hit_count = 0;
  __builtin_memset(scratch->task.own, 0, sizeof(scratch->task.own));

  long name = bpf_probe_read_kernel_str(&scratch->bytes[TEXT_NAME],
                                        BAILIFF_EVENT_COMM_LEN, &task->comm);
  int known = name > 0;
  scratch->texts[BAILIFF_TASK_NAME].at = TEXT_NAME;
  scratch->texts[BAILIFF_TASK_NAME].bytes = known ? name - 1 : 0;
  if (known && wanted->subjects & TEXTS_OF_LINE) {
    known = read_line(scratch, task->mm);
  }
  if (known && wanted->subjects & 1U << BAILIFF_TASK_ENV) {
    known = read_environment(scratch, task->mm);
  }
  if (known && wanted->subjects & 1U << BAILIFF_TASK_EXEPATH) {
    known = read_path(
        scratch, task,
        (const void*)file + bpf_core_field_offset(struct file, f_path));
  }
  if (!known) {
    bpf_map_delete_elem(&tasks, &tgid);
    return NULL;
  }
#define SET_NUMBER(subject, value) \
  scratch->numbers[BAILIFF_TASK_##subject - BAILIFF_TASK_TEXTS] = (value)
  SET_NUMBER(CALL, call);
  SET_NUMBER(UID, task->cred->euid.val);
  SET_NUMBER(GID, task->cred->egid.val);
  SET_NUMBER(LOGINUID, -1);
  if (bpf_core_field_exists(task->loginuid)) {
    SET_NUMBER(LOGINUID, (__s32)task->loginuid.val);
  }
  SET_NUMBER(TTY, terminal_of(task));
  SET_NUMBER(PID, tgid);
  SET_NUMBER(PPID, task->real_parent->tgid);
  SET_NUMBER(VPID, own_number(task->group_leader->thread_pid));
  SET_NUMBER(ORIGIN_UPPER, (origin & BAILIFF_PROGRAM_UPPER) != 0);
  SET_NUMBER(ORIGIN_LOWER, (origin & BAILIFF_PROGRAM_LOWER) != 0);
  SET_NUMBER(ORIGIN_MEMFD, (origin & BAILIFF_PROGRAM_MEMFD) != 0);
  struct pid* group = task->signal->pids[PIDTYPE_PGID];
  __u32 level = task->group_leader->thread_pid->level;
  SET_NUMBER(SID_LEADER,
             task->signal->pids[PIDTYPE_SID]->numbers[0].nr == (int)tgid);
  SET_NUMBER(PGID_LEADER, group->numbers[0].nr == (int)tgid);
  SET_NUMBER(VPGID_LEADER, number_at(group, level) ==
                               own_number(task->group_leader->thread_pid));
#undef SET_NUMBER

  run_all_tests(scratch, container->id, wanted->table, wanted->tests, 0);
  note_above(scratch, SLOT_EXEC, task, container);
  if (wanted->code) {
    scratch->stack = 0;
    struct deciding deciding = {
        .scratch = scratch,
        .cgroup_id = container->id,
        .table = (__u32)wanted->table,
        .first_page = pages_for(wanted->tests, BAILIFF_TASK_PAGE_TESTS),
        .left = wanted->code,
    };
    bpf_loop(pages_for(wanted->code, BAILIFF_TASK_PAGE_CODE), run_code,
             &deciding, 0);
  }
  keep(scratch, tgid);
  if (!scratch->known) return NULL;
  /* Handled on the way back to user mode, which is where the new program would
   * begin. */
  if (scratch->killed) bpf_send_signal(SIGKILL);
  return scratch;
}

#endif /* BAILIFF_HOOK_BPF_TASK_BPF_H_ */
