/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* hook/bpf/observe.bpf.c
 * Tells of the processes and system calls of the containers that are to be
 * observed, and of nothing else on the host.
 *
 *   sched_process_fork   a new process                    BAILIFF_EVENT_FORK
 *   sched_process_exec   a new program, not yet running   BAILIFF_EVENT_EXEC
 *   sched_process_exit   the end of a process             BAILIFF_EVENT_EXIT
 *   sys_exit             a system call that has returned  BAILIFF_EVENT_CALL
 *
 * Attached once for the host (hook/attach/observer.h), sys_exit only while some
 * container needs a system call.  Whose call it is follows from the cgroups
 * above the caller: those at the levels at which there are containers are
 * looked up, so that a cgroup the container made for itself, and a process that
 * was moved into the container, are covered from the first instruction.
 *
 * What a call points to is read when it has returned.  Another thread may have
 * changed it since the kernel used it: an observed text is evidence, never the
 * ground for refusing anything.  Where it took the text away, what was opened
 * is told by the name it has.
 */
#include "rules/abi/observe.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#include "hook/bpf/kernel_types.bpf.h"
#include "rules/abi/task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define AT_FDCWD (-100)
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define OVERLAYFS_MAGIC 0x794c7630
#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3
#define TS_COMPAT 2
#define FMODE_CREATED (1U << 20)
#define SB_RDONLY 1
#define S_IMMUTABLE 8 /* of i_flags */
#define S_IWUSR 0200
#define S_IWGRP 0020
#define S_IWOTH 0002
#define CAP_DAC_OVERRIDE 1
#define NO_ID 0xffffffff
#define MAX_GROUPS 32 /* looked at, as in Falco */
#define NO_LOGIN 0xffffffff
#define COMPAT_SOCKETCALL 102

#define NANOSECONDS 1000000000ULL

/* By the number of a system call, enum bailiff_call; set before loading. */
const volatile __u8 native_calls[BAILIFF_MAX_CALL_NUMBER];
const volatile __u8 compat_calls[BAILIFF_MAX_CALL_NUMBER];

/* What is to be observed; written by the hook, whole entries at once. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, BAILIFF_MAX_OBSERVED);
  __type(key, __u64); /* cgroup id */
  __type(value, struct bailiff_observed);
} observed SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct bailiff_observe_config);
} config SEC(".maps");

/* When it is full a record is dropped and counted in `lost`. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, BAILIFF_OBSERVE_RING_BYTES);
} records SEC(".maps");

/* Records dropped, by cgroup id of the container.  Who reads a count removes
 * it; should that be never, the containers that lost longest ago go first. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, BAILIFF_MAX_OBSERVED);
  __type(key, __u64);
  __type(value, __u64);
} lost SEC(".maps");

/* Where a record is put together.  Each program has its own, and the kernel
 * runs none of them twice at once on one processor. */
#define PARTS_LIMIT 16384 /* a part begins before it; a power of two */
struct scratch {
  __u32 used; /* bytes of `bytes` */
  __u32 reserved;
  __u8 bytes[PARTS_LIMIT + BAILIFF_MAX_PATH_BYTES + BAILIFF_MAX_NAME_BYTES];
};

enum slot { SLOT_FORK, SLOT_EXEC, SLOT_EXIT, SLOT_CALL, SLOT_COUNT };

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, SLOT_COUNT);
  __type(key, __u32);
  __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch* scratch_of(__u32 slot) {
  return bpf_map_lookup_elem(&scratches, &slot);
}

struct container {
  __u64 id;
  struct bailiff_observed* wanted; /* NULL: not observed */
};

static __always_inline struct container find_current(
    const struct bailiff_observe_config* all) {
  struct container found = {};
  for (__u32 i = 0; i < BAILIFF_MAX_CGROUP_LEVEL && i < all->count; ++i) {
    found.id = bpf_get_current_ancestor_cgroup_id(all->levels[i]);
    if (!found.id) continue; /* the caller is not that deep */
    found.wanted = bpf_map_lookup_elem(&observed, &found.id);
    if (found.wanted) return found;
  }
  return found;
}

/* The same for a task that does not run yet: a new process may be in another
 * cgroup than its parent (CLONE_INTO_CGROUP). */
static __always_inline struct container find(
    struct task_struct* task, const struct bailiff_observe_config* all) {
  struct container found = {};
  struct cgroup* own = task->cgroups->dfl_cgrp;
  __u32 depth = own->level;
  for (__u32 i = 0; i < BAILIFF_MAX_CGROUP_LEVEL && i < all->count; ++i) {
    __u32 level = all->levels[i];
    struct cgroup* at = NULL;
    if (level > depth) continue;
    bpf_probe_read_kernel(&at, sizeof(at),
                          (const void*)own +
                              bpf_core_field_offset(struct cgroup, ancestors) +
                              level * sizeof(at));
    found.id = BPF_CORE_READ(at, kn, id);
    found.wanted = bpf_map_lookup_elem(&observed, &found.id);
    if (found.wanted) return found;
  }
  return found;
}

/* The verifier of Linux 6.1 adds to a pointer only what it sees to be bounded;
 * more than 32 levels of 16 bytes there are not (MAX_PID_NS_LEVEL). */
#define NUMBERS_MASK 4095

static __always_inline __u32 number_at(const struct pid* pid, __u32 level) {
  __u32 number = 0;
  __u32 at = level * bpf_core_type_size(struct upid) & NUMBERS_MASK;
  bpf_probe_read_kernel(
      &number, sizeof(number),
      (const void*)pid + bpf_core_field_offset(struct pid, numbers) + at);
  return number;
}

/* In the namespace of the pid itself. */
static __always_inline __u32 own_number(const struct pid* pid) {
  return number_at(pid, BPF_CORE_READ(pid, level));
}

static __always_inline __u32 terminal_of(struct task_struct* task) {
  struct tty_struct* tty = task->signal->tty;
  if (!tty) return 0;
  __u32 major = tty->driver->major;
  __u32 minor = tty->driver->minor_start + tty->index;
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/* 64 bits since Linux 6.3, two words of 32 with the lower first before. */
#define READ_CAPABILITIES(to, cred, member) \
  bpf_probe_read_kernel(                    \
      &(to), sizeof(to),                    \
      (const void*)(cred) + bpf_core_field_offset(struct cred, member))

static __always_inline void tell_process(struct bailiff_observed_event* event,
                                         struct task_struct* task,
                                         struct container container,
                                         __u16 kind) {
  struct bailiff_event* header = &event->header;
  struct bailiff_process* process = &event->process;
  struct task_struct* leader = task->group_leader;

  header->kind = kind;
  header->verdict = BAILIFF_VERDICT_ALLOWED;
  header->flags = 0;
  header->time_ns = bpf_ktime_get_ns();
  header->cgroup_id = container.id;
  header->policy_id = container.wanted->policy_id;
  header->rule = 0;
  header->tgid = task->tgid;
  header->tid = task->pid;
  header->uid = task->cred->euid.val;
  header->gid = task->cred->egid.val;
  header->reserved = 0;
  bpf_probe_read_kernel_str(header->comm, sizeof(header->comm), &task->comm);

  process->start_ns = leader->start_boottime;
  const struct cred* cred = task->cred;
  READ_CAPABILITIES(process->inheritable, cred, cap_inheritable);
  READ_CAPABILITIES(process->permitted, cred, cap_permitted);
  READ_CAPABILITIES(process->effective, cred, cap_effective);
  process->ppid = task->real_parent->tgid;
  process->vpid = own_number(leader->thread_pid);
  process->vtid = leader == task ? process->vpid : own_number(task->thread_pid);
  struct pid* group = task->signal->pids[PIDTYPE_PGID];
  process->pgid = group->numbers[0].nr;
  process->vpgid = number_at(group, leader->thread_pid->level);
  process->sid = task->signal->pids[PIDTYPE_SID]->numbers[0].nr;
  process->tty = terminal_of(task);
  process->loginuid = NO_LOGIN;
  if (bpf_core_field_exists(task->loginuid)) {
    process->loginuid = task->loginuid.val;
  }
}

/* Where a part begins; NULL when there is no room for another. */
static __always_inline struct bailiff_part_header* begin_part(
    struct scratch* scratch, __u16 part) {
  __u32 at = scratch->used;
  if (at >= PARTS_LIMIT) return NULL;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  header->part = part;
  header->bytes = 0;
  scratch->used = at + sizeof(*header);
  return header;
}

/* Bytes of the text with its end, or a negative error: of an empty one
 * bpf_probe_read_user_str() says 0 on Linux 6.1, and 1 on 6.18. */
static __always_inline long read_user_text(__u8* to, __u32 size,
                                           const void* from) {
  long bytes = bpf_probe_read_user_str(to, size, from);
  if (bytes) return bytes;
  *to = 0;
  return 1;
}

/* A text of the caller's.  One that cannot be read, as its page is not there
 * or never was, is left out. */
static __always_inline void add_text(struct scratch* scratch, __u16 part,
                                     const void* user) {
  __u32 at = scratch->used;
  if (!user || at >= PARTS_LIMIT) return;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  /* Kept as it is, and not made anew from `at`: Linux 6.1 forgets a bound that
   * was on the stack, but not that of a pointer. */
  asm volatile("" : "+r"(header));
  long bytes =
      read_user_text((__u8*)(header + 1), BAILIFF_MAX_PATH_BYTES, user);
  if (bytes <= 0) return;
  header->part = part;
  header->bytes = bytes;
  scratch->used = at + sizeof(*header) + bytes;
}

static __always_inline void add_kernel_text(struct scratch* scratch, __u16 part,
                                            const void* text) {
  __u32 at = scratch->used;
  if (!text || at >= PARTS_LIMIT) return;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  long bytes = bpf_probe_read_kernel_str(&scratch->bytes[at + sizeof(*header)],
                                         BAILIFF_MAX_PATH_BYTES, text);
  if (bytes <= 0) return;
  header->part = part;
  header->bytes = bytes;
  scratch->used = at + sizeof(*header) + bytes;
}

static __always_inline void add_memory(struct scratch* scratch, __u16 part,
                                       const void* user, __u64 bytes,
                                       __u32 limit) {
  __u32 at = scratch->used;
  if (!user || at >= PARTS_LIMIT) return;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  if (bytes > limit) bytes = limit;
  if (bpf_probe_read_user(&scratch->bytes[at + sizeof(*header)], bytes, user)) {
    return;
  }
  header->part = part;
  header->bytes = bytes;
  scratch->used = at + sizeof(*header) + bytes;
}

/* From a file up to the root its process sees. */
struct walk {
  struct dentry* dentry;
  struct vfsmount* mnt;
  struct dentry* root_dentry;
  struct vfsmount* root_mnt;
  __u32 slot;
  __u32 begin; /* of the names, in the scratch */
};

static long step_up(__u32 index, struct walk* walk) {
  struct dentry* dentry = walk->dentry;
  struct vfsmount* mnt = walk->mnt;
  if (dentry == walk->root_dentry && mnt == walk->root_mnt) return 1;
  struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
  if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
    struct mount* mount = (void*)mnt - bpf_core_field_offset(struct mount, mnt);
    struct mount* above = BPF_CORE_READ(mount, mnt_parent);
    if (above == mount) return 1;
    walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
    walk->mnt = (void*)above + bpf_core_field_offset(struct mount, mnt);
    return 0;
  }
  const void* name = BPF_CORE_READ(dentry, d_name.name);
  struct scratch* scratch = scratch_of(walk->slot);
  if (!scratch) return 1;
  if (scratch->used - walk->begin >= BAILIFF_MAX_WALK_BYTES) return 1;
  /* Right before it counts: Linux 6.1 forgets a bound that was on the stack. */
  __u32 at = scratch->used;
  if (at >= PARTS_LIMIT) return 1;
  long bytes = bpf_probe_read_kernel_str(&scratch->bytes[at],
                                         BAILIFF_MAX_NAME_BYTES, name);
  if (bytes <= 0) return 1;
  scratch->used = at + bytes;
  walk->dentry = parent;
  return dentry == parent; /* in no folder: a memfd */
}

static __always_inline void add_walk(struct scratch* scratch, __u32 slot,
                                     __u16 part, struct task_struct* task,
                                     const struct path* from) {
  struct fs_struct* fs = BPF_CORE_READ(task, fs);
  struct walk walk = {
      .dentry = BPF_CORE_READ(from, dentry),
      .mnt = BPF_CORE_READ(from, mnt),
      .root_dentry = BPF_CORE_READ(fs, root.dentry),
      .root_mnt = BPF_CORE_READ(fs, root.mnt),
      .slot = slot,
  };
  __u32 at = scratch->used;
  if (!walk.dentry || !begin_part(scratch, part)) return;
  walk.begin = scratch->used;
  bpf_loop(BAILIFF_MAX_WALK, step_up, &walk, 0);
  if (at >= PARTS_LIMIT) return;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  header->bytes = scratch->used - at - sizeof(*header);
}

static __always_inline const struct path* directory_of(
    struct task_struct* task) {
  return (const void*)BPF_CORE_READ(task, fs) +
         bpf_core_field_offset(struct fs_struct, pwd);
}

static __always_inline const struct path* path_of(const struct file* file) {
  return (const void*)file + bpf_core_field_offset(struct file, f_path);
}

struct ascent {
  struct task_struct* task;
  __u32 slot;
};

static long add_ancestor(__u32 index, struct ascent* ascent) {
  struct task_struct* child = ascent->task;
  struct task_struct* parent = BPF_CORE_READ(child, real_parent, group_leader);
  struct scratch* scratch = scratch_of(ascent->slot);
  if (!scratch || !parent) return 1;
  __u32 pid = BPF_CORE_READ(parent, tgid);
  if (!pid) return 1; /* the first of all is nobody's process */
  __u32 at = scratch->used;
  if (at >= PARTS_LIMIT) return 1;
  struct bailiff_ancestor* ancestor = (void*)&scratch->bytes[at];
  ancestor->start_ns = BPF_CORE_READ(parent, start_boottime);
  ancestor->pid = pid;
  ancestor->vpid = own_number(BPF_CORE_READ(parent, thread_pid));
  bpf_probe_read_kernel_str(ancestor->comm, sizeof(ancestor->comm),
                            &parent->comm);
  scratch->used = at + sizeof(*ancestor);
  ascent->task = parent;
  return 0;
}

static __always_inline void add_ancestors(struct scratch* scratch, __u32 slot,
                                          struct task_struct* task) {
  struct ascent ascent = {.task = task, .slot = slot};
  __u32 at = scratch->used;
  if (!begin_part(scratch, BAILIFF_PART_ANCESTORS)) return;
  bpf_loop(BAILIFF_MAX_ANCESTORS, add_ancestor, &ascent, 0);
  if (at >= PARTS_LIMIT) return;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  header->bytes = scratch->used - at - sizeof(*header);
}

static __always_inline void send(struct scratch* scratch, __u64 cgroup_id) {
  struct bailiff_event* header = (void*)scratch->bytes;
  __u32 bytes = scratch->used;
  if (bytes > sizeof(scratch->bytes)) return;
  header->size = bytes;
  if (bpf_ringbuf_output(&records, scratch->bytes, bytes, 0) == 0) return;
  __u64 one = 1;
  __u64* count = bpf_map_lookup_elem(&lost, &cgroup_id);
  if (count) {
    __sync_fetch_and_add(count, 1);
  } else {
    bpf_map_update_elem(&lost, &cgroup_id, &one, BPF_ANY);
  }
}

static __always_inline const struct bailiff_observe_config* everything(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&config, &zero);
}

#include "hook/bpf/task.bpf.h"

/* (struct task_struct *parent, struct task_struct *child) */
SEC("tp_btf/sched_process_fork")
int on_fork(unsigned long long* ctx) {
  struct task_struct* child = (void*)ctx[1];
  if (child->pid != child->tgid) return 0; /* a thread */
  const struct bailiff_observe_config* all = everything();
  if (!all) return 0;
  struct container container = find(child, all);
  if (!container.wanted) return 0;
  if (container.wanted->table) note_fork(child, &container);
  if (container.wanted->flags & BAILIFF_OBSERVE_SILENTLY) return 0;
  struct scratch* scratch = scratch_of(SLOT_FORK);
  if (!scratch) return 0;
  struct bailiff_observed_event* event = (void*)scratch->bytes;
  tell_process(event, child, container, BAILIFF_EVENT_FORK);
  scratch->used = sizeof(*event);
  add_ancestors(scratch, SLOT_FORK, child);
  send(scratch, container.id);
  return 0;
}

/* (struct task_struct *task, bool group_dead since Linux 6.16) */
SEC("tp_btf/sched_process_exit")
int on_exit(unsigned long long* ctx) {
  struct task_struct* task = (void*)ctx[0];
  /* Counted down before this is told. */
  if (task->signal->live.counter != 0) return 0;
  __u32 tgid = task->tgid;
  bpf_map_delete_elem(&tasks, &tgid);
  const struct bailiff_observe_config* all = everything();
  if (!all) return 0;
  struct container container = find_current(all);
  if (!container.wanted) return 0;
  if (container.wanted->flags & BAILIFF_OBSERVE_SILENTLY) return 0;
  struct scratch* scratch = scratch_of(SLOT_EXIT);
  if (!scratch) return 0;
  struct bailiff_observed_event* event = (void*)scratch->bytes;
  tell_process(event, task, container, BAILIFF_EVENT_EXIT);
  scratch->used = sizeof(*event);
  send(scratch, container.id);
  return 0;
}

static __always_inline __u64 nanoseconds(__u64 seconds, __u64 rest) {
  return seconds * NANOSECONDS + rest;
}

static __always_inline void tell_times(struct bailiff_program* program,
                                       struct inode* inode) {
  struct inode___6_6* newer = (void*)inode;
  struct inode___6_1* older = (void*)inode;
  if (bpf_core_field_exists(inode->i_ctime_sec)) {
    program->changed_ns = nanoseconds(BPF_CORE_READ(inode, i_ctime_sec),
                                      BPF_CORE_READ(inode, i_ctime_nsec));
    program->modified_ns = nanoseconds(BPF_CORE_READ(inode, i_mtime_sec),
                                       BPF_CORE_READ(inode, i_mtime_nsec));
    return;
  }
  if (bpf_core_field_exists(newer->__i_ctime)) {
    program->changed_ns = nanoseconds(BPF_CORE_READ(newer, __i_ctime.tv_sec),
                                      BPF_CORE_READ(newer, __i_ctime.tv_nsec));
  } else {
    program->changed_ns = nanoseconds(BPF_CORE_READ(older, i_ctime.tv_sec),
                                      BPF_CORE_READ(older, i_ctime.tv_nsec));
  }
  if (bpf_core_field_exists(older->i_mtime)) {
    program->modified_ns = nanoseconds(BPF_CORE_READ(older, i_mtime.tv_sec),
                                       BPF_CORE_READ(older, i_mtime.tv_nsec));
  } else {
    program->modified_ns = nanoseconds(BPF_CORE_READ(newer, __i_mtime.tv_sec),
                                       BPF_CORE_READ(newer, __i_mtime.tv_nsec));
  }
}

static __always_inline __u32 origin_of(const struct file* file,
                                       struct inode* inode) {
  if (BPF_CORE_READ(inode, i_sb, s_magic) == OVERLAYFS_MAGIC) {
    /* overlayfs keeps the inode inside a structure of its own, and right behind
     * it the dentry of the upper layer, when there is one. */
    void* upper = NULL;
    bpf_probe_read_kernel(&upper, sizeof(upper),
                          (void*)inode + bpf_core_type_size(struct inode));
    return upper ? BAILIFF_PROGRAM_UPPER : BAILIFF_PROGRAM_LOWER;
  }
  const struct dentry* dentry = BPF_CORE_READ(file, f_path.dentry);
  static const char memfd[] = "memfd:";
  char name[sizeof(memfd) - 1] = {};
  if (BPF_CORE_READ(dentry, d_parent) != dentry) return 0;
  bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
  for (__u32 i = 0; i < sizeof(name); ++i) {
    if (name[i] != memfd[i]) return 0;
  }
  return BAILIFF_PROGRAM_MEMFD;
}

static __always_inline int is_in_group(const struct cred* cred, __u32 gid) {
  if (BPF_CORE_READ(cred, fsgid.val) == gid) return 1;
  struct group_info* groups = BPF_CORE_READ(cred, group_info);
  __u32 count = BPF_CORE_READ(groups, ngroups);
  for (__u32 i = 0; i < MAX_GROUPS && i < count; ++i) {
    __u32 member = NO_ID;
    bpf_probe_read_kernel(&member, sizeof(member),
                          (const void*)groups +
                              bpf_core_field_offset(struct group_info, gid) +
                              i * sizeof(member));
    if (member == gid) return 1;
  }
  return 0;
}

/* Whether whoever runs it may write to the file, as far as owner, mode and
 * capabilities tell: not access lists, nor how it is mounted. */
static __always_inline __u32 writable_of(struct task_struct* task,
                                         struct inode* inode) {
  const struct cred* cred = task->cred;
  __u32 uid = BPF_CORE_READ(inode, i_uid.val);
  __u32 gid = BPF_CORE_READ(inode, i_gid.val);
  __u16 mode = BPF_CORE_READ(inode, i_mode);
  __u64 effective = 0;
  if (BPF_CORE_READ(inode, i_sb, s_flags) & SB_RDONLY) return 0;
  if (BPF_CORE_READ(inode, i_flags) & S_IMMUTABLE) return 0;
  if (uid == NO_ID || gid == NO_ID) return 0;
  READ_CAPABILITIES(effective, cred, cap_effective);
  __u16 needed = S_IWOTH;
  if (BPF_CORE_READ(cred, fsuid.val) == uid) {
    needed = S_IWUSR;
  } else if (is_in_group(cred, gid)) {
    needed = S_IWGRP;
  }
  if (!(mode & needed) && !(effective >> CAP_DAC_OVERRIDE & 1)) return 0;
  return BAILIFF_PROGRAM_WRITABLE;
}

struct caller {
  struct pt_regs* regs;
  int number;
  __u32 compat; /* a 32-bit call, with its numbers and registers */
  __u32 x32;    /* a 64-bit one, with the structures of 32 bits */
};

static __always_inline struct caller caller_of(struct pt_regs* regs) {
  struct caller caller = {.regs = regs};
#if defined(__TARGET_ARCH_x86)
  struct task_struct* task = bpf_get_current_task_btf();
  caller.number = regs->orig_ax;
  caller.compat = task->thread_info.status & TS_COMPAT;
  if (!caller.compat) {
    caller.x32 = caller.number & BAILIFF_X32_CALL;
    caller.number &= ~BAILIFF_X32_CALL;
  }
#elif defined(__TARGET_ARCH_arm64)
  caller.number = regs->syscallno;
#endif
  return caller;
}

static __always_inline __u32 call_of(struct caller caller) {
  if (caller.number < 0 || caller.number >= BAILIFF_MAX_CALL_NUMBER) {
    return BAILIFF_NOT_OBSERVED;
  }
  return caller.compat ? compat_calls[caller.number]
                       : native_calls[caller.number];
}

/* Which of the two calls this is.  Loading a program for x86 leaves execve as
 * the number of the call, whatever it was (set_personality_64bit()); but what
 * is named by a descriptor was executed by execveat. */
static __always_inline __u32 exec_call_of(struct task_struct* task,
                                          const struct linux_binprm* binary) {
  if (BPF_CORE_READ(binary, fdpath)) return BAILIFF_CALL_EXECVEAT;
  __u32 call = call_of(caller_of((void*)bpf_task_pt_regs(task)));
  return call == BAILIFF_CALL_EXECVEAT ? call : BAILIFF_CALL_EXECVE;
}

/* What was decided of the new program.  Too much to tell is not told: the
 * service then decides for itself. */
static __always_inline void add_hits(struct scratch* scratch,
                                     const struct task_scratch* noted) {
  __u32 at = scratch->used;
  __u32 bytes = noted->hit_count * sizeof(noted->hits[0]);
  if (at >= PARTS_LIMIT || bytes > sizeof(noted->hits)) return;
  struct bailiff_part_header* header = (void*)&scratch->bytes[at];
  if (bpf_probe_read_kernel(&scratch->bytes[at + sizeof(*header)], bytes,
                            noted->hits)) {
    return;
  }
  header->part = BAILIFF_PART_RULES;
  header->bytes = bytes;
  scratch->used = at + sizeof(*header) + bytes;
}

/* (struct task_struct *task, pid_t old_pid, struct linux_binprm *binary).
 * The new memory is in place and holds argv and envp as the kernel has just
 * put them there; the new program has not run. */
SEC("tp_btf/sched_process_exec")
int on_exec(unsigned long long* ctx) {
  struct task_struct* task = (void*)ctx[0];
  struct linux_binprm* binary = (void*)ctx[2];
  const struct bailiff_observe_config* all = everything();
  if (!all) return 0;
  struct container container = find_current(all);
  if (!container.wanted) return 0;
  struct mm_struct* mm = task->mm;
  struct file* file = mm->exe_file;
  struct inode* inode = file->f_inode;
  __u32 origin = origin_of(file, inode);
  __u32 call = exec_call_of(task, binary);
  struct task_scratch* noted = NULL;
  if (container.wanted->table) {
    noted = note_exec(task, &container, file, call, origin);
  }
  if (container.wanted->flags & BAILIFF_OBSERVE_SILENTLY) return 0;

  struct scratch* scratch = scratch_of(SLOT_EXEC);
  if (!scratch) return 0;
  struct bailiff_exec_event* event = (void*)scratch->bytes;
  tell_process(&event->common, task, container, BAILIFF_EVENT_EXEC);
  scratch->used = sizeof(*event);
  event->program.inode = inode->i_ino;
  event->program.flags = origin | writable_of(task, inode);
  event->program.call = call;
  tell_times(&event->program, inode);
  if (noted) {
    add_hits(scratch, noted);
    if (noted->killed) event->common.header.verdict = BAILIFF_VERDICT_DENIED;
  }

  add_kernel_text(scratch, BAILIFF_PART_PATH, BPF_CORE_READ(binary, filename));
  add_memory(scratch, BAILIFF_PART_ARGUMENTS, (void*)mm->arg_start,
             mm->arg_end - mm->arg_start, BAILIFF_MAX_ARGUMENT_BYTES);
  add_walk(scratch, SLOT_EXEC, BAILIFF_PART_EXECUTABLE, task, path_of(file));
  add_walk(scratch, SLOT_EXEC, BAILIFF_PART_DIRECTORY, task,
           directory_of(task));
  add_ancestors(scratch, SLOT_EXEC, task);
  if (container.wanted->flags & BAILIFF_OBSERVE_ENVIRONMENT) {
    add_memory(scratch, BAILIFF_PART_ENVIRONMENT, (void*)mm->env_start,
               mm->env_end - mm->env_start, BAILIFF_MAX_ARGUMENT_BYTES);
  }
  send(scratch, container.id);
  return 0;
}

/* Which argument of a call is what, from 1; 0: none. */
#define RESULT 7
struct shape {
  __u8 path;
  __u8 base; /* the descriptor of a folder that `path` is relative to */
  __u8 path2;
  __u8 base2;
  __u8 text;
  __u8 descriptor; /* RESULT: what the call made */
  __u8 address;    /* sockaddr */
  __u8 data;       /* its length is the argument behind it */
  __u8 message;    /* struct msghdr */
  __u8 how;        /* struct open_how */
};

static const struct shape shapes[BAILIFF_CALL_COUNT] = {
    [BAILIFF_CALL_EXECVE] = {.path = 1},
    [BAILIFF_CALL_EXECVEAT] = {.base = 1, .path = 2},
    [BAILIFF_CALL_OPEN] = {.path = 1, .descriptor = RESULT},
    [BAILIFF_CALL_OPENAT] = {.base = 1, .path = 2, .descriptor = RESULT},
    [BAILIFF_CALL_OPENAT2] = {.base = 1,
                              .path = 2,
                              .how = 3,
                              .descriptor = RESULT},
    [BAILIFF_CALL_CREAT] = {.path = 1, .descriptor = RESULT},
    [BAILIFF_CALL_RENAME] = {.path = 1, .path2 = 2},
    [BAILIFF_CALL_RENAMEAT] = {.base = 1, .path = 2, .base2 = 3, .path2 = 4},
    [BAILIFF_CALL_RENAMEAT2] = {.base = 1, .path = 2, .base2 = 3, .path2 = 4},
    [BAILIFF_CALL_UNLINK] = {.path = 1},
    [BAILIFF_CALL_UNLINKAT] = {.base = 1, .path = 2},
    [BAILIFF_CALL_RMDIR] = {.path = 1},
    [BAILIFF_CALL_MKDIR] = {.path = 1},
    [BAILIFF_CALL_MKDIRAT] = {.base = 1, .path = 2},
    [BAILIFF_CALL_CHMOD] = {.path = 1},
    [BAILIFF_CALL_FCHMOD] = {.descriptor = 1},
    [BAILIFF_CALL_FCHMODAT] = {.base = 1, .path = 2},
    [BAILIFF_CALL_LINK] = {.path = 1, .path2 = 2},
    [BAILIFF_CALL_LINKAT] = {.base = 1, .path = 2, .base2 = 3, .path2 = 4},
    [BAILIFF_CALL_SYMLINK] = {.text = 1, .path = 2},
    [BAILIFF_CALL_SYMLINKAT] = {.text = 1, .base = 2, .path = 3},
    [BAILIFF_CALL_DUP] = {.descriptor = RESULT},
    [BAILIFF_CALL_DUP2] = {.descriptor = RESULT},
    [BAILIFF_CALL_DUP3] = {.descriptor = RESULT},
    [BAILIFF_CALL_SOCKET] = {.descriptor = RESULT},
    [BAILIFF_CALL_CONNECT] = {.descriptor = 1, .address = 2},
    [BAILIFF_CALL_SENDTO] = {.descriptor = 1, .data = 2, .address = 5},
    [BAILIFF_CALL_SENDMSG] = {.descriptor = 1, .message = 2},
    [BAILIFF_CALL_RECVFROM] = {.descriptor = 1, .data = 2, .address = 5},
    [BAILIFF_CALL_RECVMSG] = {.descriptor = 1, .message = 2},
    [BAILIFF_CALL_ACCEPT] = {.descriptor = RESULT},
    [BAILIFF_CALL_ACCEPT4] = {.descriptor = RESULT},
    [BAILIFF_CALL_LISTEN] = {.descriptor = 1},
    [BAILIFF_CALL_SETNS] = {.descriptor = 1},
    [BAILIFF_CALL_BPF] = {.descriptor = RESULT},
    [BAILIFF_CALL_USERFAULTFD] = {.descriptor = RESULT},
    [BAILIFF_CALL_INIT_MODULE] = {.text = 3},
    [BAILIFF_CALL_FINIT_MODULE] = {.descriptor = 1, .text = 2},
    [BAILIFF_CALL_MEMFD_CREATE] = {.text = 1, .descriptor = RESULT},
    [BAILIFF_CALL_MOUNT] = {.text = 1, .path = 2},
    [BAILIFF_CALL_BIND] = {.descriptor = 1, .address = 2},
};

/* Calls of a 32-bit socketcall(), from 1 (linux/net.h). */
static const __u8 socket_calls[] = {
    BAILIFF_NOT_OBSERVED,  BAILIFF_CALL_SOCKET,  BAILIFF_CALL_BIND,
    BAILIFF_CALL_CONNECT,  BAILIFF_CALL_LISTEN,  BAILIFF_CALL_ACCEPT,
    BAILIFF_NOT_OBSERVED,  BAILIFF_NOT_OBSERVED, BAILIFF_NOT_OBSERVED,
    BAILIFF_NOT_OBSERVED,  BAILIFF_NOT_OBSERVED, BAILIFF_CALL_SENDTO,
    BAILIFF_CALL_RECVFROM, BAILIFF_NOT_OBSERVED, BAILIFF_NOT_OBSERVED,
    BAILIFF_NOT_OBSERVED,  BAILIFF_CALL_SENDMSG, BAILIFF_CALL_RECVMSG,
    BAILIFF_CALL_ACCEPT4,
};

static __always_inline void read_arguments(struct caller caller,
                                           __u64 arguments[6]) {
  struct pt_regs* regs = caller.regs;
#if defined(__TARGET_ARCH_x86)
  if (caller.compat) {
    arguments[0] = (__u32)regs->bx;
    arguments[1] = (__u32)regs->cx;
    arguments[2] = (__u32)regs->dx;
    arguments[3] = (__u32)regs->si;
    arguments[4] = (__u32)regs->di;
    arguments[5] = (__u32)regs->bp;
    return;
  }
  arguments[0] = regs->di;
  arguments[1] = regs->si;
  arguments[2] = regs->dx;
  arguments[3] = regs->r10;
  arguments[4] = regs->r8;
  arguments[5] = regs->r9;
#elif defined(__TARGET_ARCH_arm64)
  arguments[0] = regs->orig_x0;
  arguments[1] = regs->regs[1];
  arguments[2] = regs->regs[2];
  arguments[3] = regs->regs[3];
  arguments[4] = regs->regs[4];
  arguments[5] = regs->regs[5];
#endif
}

/* The call a 32-bit socketcall() stands for, and its arguments, which lie in
 * memory. */
static __always_inline __u32 unpack_socketcall(__u64 arguments[6]) {
  __u32 call = arguments[0];
  __u32 packed[6] = {};
  if (call >= sizeof(socket_calls)) return BAILIFF_NOT_OBSERVED;
  /* Now, and not where the compiler thinks best: see step_up(). */
  __u32 stands_for = *(const volatile __u8*)&socket_calls[call];
  bpf_probe_read_user(packed, sizeof(packed), (void*)arguments[1]);
  for (int i = 0; i < 6; ++i) arguments[i] = packed[i];
  return stands_for;
}

static __always_inline __u64 argument(const struct bailiff_call_event* event,
                                      __u8 place) {
  if (place < 1 || place > 6) return 0;
  return event->arguments[place - 1];
}

static __always_inline struct file* file_at(struct task_struct* task,
                                            __u32 number) {
  struct file* file = NULL;
  struct fdtable* table = BPF_CORE_READ(task, files, fdt);
  if (number >= BPF_CORE_READ(table, max_fds)) return NULL;
  struct file** files = BPF_CORE_READ(table, fd);
  bpf_probe_read_kernel(&file, sizeof(file), files + number);
  return file;
}

static __always_inline void tell_socket(struct bailiff_descriptor* told,
                                        struct file* file) {
  struct socket* socket = BPF_CORE_READ(file, private_data);
  struct sock* sock = BPF_CORE_READ(socket, sk);
  told->type = BPF_CORE_READ(socket, type);
  if (!sock) return;
  told->family = BPF_CORE_READ(sock, __sk_common.skc_family);
  told->protocol = BPF_CORE_READ(sock, sk_protocol);
  told->state = BPF_CORE_READ(sock, __sk_common.skc_state);
  if (told->family != AF_INET && told->family != AF_INET6) return;
  told->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
  told->remote_port =
      __builtin_bswap16(BPF_CORE_READ(sock, __sk_common.skc_dport));
  if (told->family == AF_INET) {
    bpf_core_read(told->local_be, 4, &sock->__sk_common.skc_rcv_saddr);
    bpf_core_read(told->remote_be, 4, &sock->__sk_common.skc_daddr);
  } else {
    bpf_core_read(told->local_be, 16, &sock->__sk_common.skc_v6_rcv_saddr);
    bpf_core_read(told->remote_be, 16, &sock->__sk_common.skc_v6_daddr);
  }
}

static __always_inline void tell_file(struct scratch* scratch,
                                      struct bailiff_descriptor* told,
                                      struct task_struct* task, __s64 number,
                                      int needs_name) {
  __builtin_memset(told, 0, sizeof(*told));
  told->number = -1;
  if (number < 0) return;
  struct file* file = file_at(task, number);
  if (!file) return;
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  told->number = number;
  told->mode = BPF_CORE_READ(inode, i_mode);
  told->inode = BPF_CORE_READ(inode, i_ino);
  told->device = BPF_CORE_READ(inode, i_sb, s_dev);
  told->created = (BPF_CORE_READ(file, f_mode) & FMODE_CREATED) != 0;
  if ((told->mode & S_IFMT) == S_IFSOCK) {
    tell_socket(told, file);
  } else if (needs_name) {
    add_walk(scratch, SLOT_CALL, BAILIFF_PART_FILE, task, path_of(file));
  }
}

static __always_inline void tell_address(struct scratch* scratch,
                                         struct bailiff_descriptor* told,
                                         const void* user) {
  __u16 head[2] = {}; /* family and, of the internet's, port */
  if (!user || bpf_probe_read_user(head, sizeof(head), user)) return;
  told->address_family = head[0];
  if (head[0] == AF_INET) {
    told->address_port = __builtin_bswap16(head[1]);
    bpf_probe_read_user(told->address_be, 4, user + 4);
  } else if (head[0] == AF_INET6) {
    told->address_port = __builtin_bswap16(head[1]);
    bpf_probe_read_user(told->address_be, 16, user + 8);
  } else if (head[0] == AF_UNIX) {
    add_text(scratch, BAILIFF_PART_TEXT, user + 2);
  }
}

/* The address and the first buffer of a struct msghdr. */
static __always_inline void tell_message(struct scratch* scratch,
                                         struct bailiff_descriptor* told,
                                         const void* user, __u32 compat,
                                         __s64 limit) {
  void *name = NULL, *vector = NULL, *base = NULL;
  __u64 bytes = 0;
  if (compat) {
    __u32 words[3] = {}, first[2] = {};
    if (bpf_probe_read_user(words, sizeof(words), user)) return;
    name = (void*)(__u64)words[0];
    bpf_probe_read_user(first, sizeof(first), (void*)(__u64)words[2]);
    base = (void*)(__u64)first[0];
    bytes = first[1];
  } else {
    __u64 words[3] = {}, first[2] = {};
    if (bpf_probe_read_user(words, sizeof(words), user)) return;
    name = (void*)words[0];
    vector = (void*)words[2];
    bpf_probe_read_user(first, sizeof(first), vector);
    base = (void*)first[0];
    bytes = first[1];
  }
  tell_address(scratch, told, name);
  if (limit < 0) return;
  if (bytes > (__u64)limit) bytes = limit;
  add_memory(scratch, BAILIFF_PART_DATA, base, bytes, BAILIFF_MAX_DATA_BYTES);
}

/* A path argument and, when it is relative, what it is relative to. */
static __always_inline void tell_path(struct scratch* scratch,
                                      struct task_struct* task, __u16 part,
                                      __u16 base_part, const void* user,
                                      int has_base, int base) {
  __u32 at = scratch->used + sizeof(struct bailiff_part_header);
  add_text(scratch, part, user);
  if (at >= PARTS_LIMIT || scratch->used <= at) return;
  if (scratch->bytes[at] == '/') return;
  if (!has_base || base == AT_FDCWD) {
    add_walk(scratch, SLOT_CALL, base_part, task, directory_of(task));
    return;
  }
  struct file* file = file_at(task, base);
  if (file) add_walk(scratch, SLOT_CALL, base_part, task, path_of(file));
}

/* (struct pt_regs *regs, long result) */
SEC("tp_btf/sys_exit")
int on_call(unsigned long long* ctx) {
  const struct bailiff_observe_config* all = everything();
  if (!all) return 0;
  struct caller caller = caller_of((void*)ctx[0]);
  __s64 result = ctx[1];
  __u32 call = call_of(caller);
  __u64 unpacked[6];
  __u32 packed = caller.compat && caller.number == COMPAT_SOCKETCALL;
  if (packed) {
    read_arguments(caller, unpacked);
    call = unpack_socketcall(unpacked);
  }
  if (call >= BAILIFF_CALL_COUNT || !(all->calls >> call & 1)) return 0;
  struct container container = find_current(all);
  if (!container.wanted || !(container.wanted->calls >> call & 1)) return 0;
  /* The new program was told of by on_exec. */
  if (call <= BAILIFF_CALL_EXECVEAT && result == 0) return 0;

  struct task_struct* task = bpf_get_current_task_btf();
  struct scratch* scratch = scratch_of(SLOT_CALL);
  if (!scratch) return 0;
  struct bailiff_call_event* event = (void*)scratch->bytes;
  tell_process(&event->common, task, container, BAILIFF_EVENT_CALL);
  scratch->used = sizeof(*event);
  if (packed) {
    __builtin_memcpy(event->arguments, unpacked, sizeof(unpacked));
  } else {
    read_arguments(caller, event->arguments);
  }
  event->call = call;
  event->reserved = 0;
  event->result = result;
  event->more[0] = event->more[1] = event->more[2] = 0;

  const struct shape* shape = &shapes[call];
  if (shape->path) {
    tell_path(scratch, task, BAILIFF_PART_PATH, BAILIFF_PART_BASE,
              (void*)argument(event, shape->path), shape->base,
              argument(event, shape->base));
  }
  __u32 has_path = scratch->used != sizeof(*event);
  if (shape->path2) {
    tell_path(scratch, task, BAILIFF_PART_PATH2, BAILIFF_PART_BASE2,
              (void*)argument(event, shape->path2), shape->base2,
              argument(event, shape->base2));
  }
  if (container.wanted->flags & BAILIFF_OBSERVE_DIRECTORY) {
    add_walk(scratch, SLOT_CALL, BAILIFF_PART_DIRECTORY, task,
             directory_of(task));
  }
  if (shape->text) {
    add_text(scratch, BAILIFF_PART_TEXT, (void*)argument(event, shape->text));
  }
  if (shape->how) {
    bpf_probe_read_user(event->more, sizeof(event->more),
                        (void*)argument(event, shape->how));
  }
  struct bailiff_descriptor* told = &event->descriptor;
  __s64 number = -1;
  if (shape->descriptor == RESULT) {
    number = result;
  } else if (shape->descriptor) {
    number = (__s32)argument(event, shape->descriptor);
  }
  /* What is opened by a path has that as its name, unless somebody took it away
   * before it was read here. */
  tell_file(scratch, told, task, number, !has_path);
  if (shape->address) {
    tell_address(scratch, told, (void*)argument(event, shape->address));
  }
  if (shape->data && result > 0) {
    add_memory(scratch, BAILIFF_PART_DATA, (void*)argument(event, shape->data),
               result, BAILIFF_MAX_DATA_BYTES);
  }
  if (shape->message) {
    tell_message(scratch, told, (void*)argument(event, shape->message),
                 caller.compat | caller.x32, result);
  }
  send(scratch, container.id);
  return 0;
}
