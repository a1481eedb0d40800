/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* hook/bpf/foreign.bpf.c
 * Finds the sockets that containers have and that were made outside of them: a
 * cgroup's programs run for the sockets made in it, whoever uses them, and so
 * not for these.
 *
 *   iter/task_file        goes through all descriptors of the host when it is
 *                         read, and writes a record for each such socket
 *   inet_sock_set_state   TCP that begins to connect
 *   sock_send_length      what is sent over a socket, by whichever call
 *   sock_recv_length      what is received (both since Linux 6.3)
 *
 * The tracepoints see a socket that is used and closed between two readings,
 * and one that is in no table of descriptors (io_uring's own).  For any other
 * process they compare two pointers.
 *
 * A socket is a container's when its cgroup is the container's or one below.
 * Those that reach nobody beyond this kernel, or its neighbours, are left out.
 */
#include "rules/abi/foreign.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#include "hook/bpf/kernel_types.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_ALG 38
#define TCP_SYN_SENT 2

/* Of each container that programs judge; written by the hook.  The value tells
 * user space whose the entry is. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, BAILIFF_MAX_JUDGED);
  __type(key, __u64); /* cgroup id */
  __type(value, __u64);
} judged SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, BAILIFF_FOREIGN_RING_BYTES);
} uses SEC(".maps");

/* Uses that found no room. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} lost SEC(".maps");

/* What was told of a socket last, so that a use is told once for each container
 * and peer, and what is duplicated once in a reading.  Ends with the socket.
 * Without memory for it, all is told. */
struct mark {
  __u64 cgroup_id;
  __u64 session; /* of the reading */
  __u64 read_cgroup_id;
  __u8 remote_be[16];
  __u16 remote_port;
  __u16 uses; /* a bit for each that was told */
};

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct mark);
} marks SEC(".maps");

static __always_inline __u64 ancestor_of(struct cgroup* cgroup, __u32 level) {
  struct cgroup* at = NULL;
  bpf_probe_read_kernel(&at, sizeof(at),
                        (const void*)cgroup +
                            bpf_core_field_offset(struct cgroup, ancestors) +
                            level * sizeof(at));
  return BPF_CORE_READ(at, kn, id);
}

static __always_inline int reaches_others(__u16 family) {
  return family != AF_UNIX && family != AF_NETLINK && family != AF_ALG;
}

/* The id of the innermost judged container that `own` is or lies in, when
 * `sockets` does not; else 0.  From the root down: at what level containers are
 * is the runtime's choice, and how deep below that a process is, the
 * container's. */
static __always_inline __u64 foreign_to(struct cgroup* own,
                                        struct cgroup* sockets) {
  __u32 depth = own->level;
  __u32 at = 0;
  __u64 container = 0;
  for (__u32 level = 0; level < BAILIFF_MAX_FOREIGN_LEVELS; ++level) {
    if (level > depth) break;
    __u64 id = ancestor_of(own, level);
    if (!bpf_map_lookup_elem(&judged, &id)) continue;
    container = id;
    at = level;
  }
  if (!container) return 0;
  __u32 socket_level = sockets->level;
  if (socket_level >= at && ancestor_of(sockets, at) == container) return 0;
  return container;
}

static __always_inline void describe(struct bailiff_foreign* told,
                                     struct task_struct* task,
                                     struct sock* sock) {
  told->time_ns = bpf_ktime_get_ns();
  told->socket_cgroup = sock->sk_cgrp_data.cgroup->kn->id;
  told->cookie = bpf_get_socket_cookie(sock);
  told->tgid = task->tgid;
  told->tid = task->pid;
  told->uid = task->cred->euid.val;
  told->gid = task->cred->egid.val;
  bpf_probe_read_kernel_str(told->comm, sizeof(told->comm), &task->comm);
  told->family = sock->__sk_common.skc_family;
  told->type = sock->sk_type;
  told->protocol = sock->sk_protocol;
  told->state = sock->__sk_common.skc_state;
  if (told->family != AF_INET && told->family != AF_INET6) return;
  told->local_port = sock->__sk_common.skc_num;
  told->remote_port = __builtin_bswap16(sock->__sk_common.skc_dport);
  if (told->family == AF_INET) {
    bpf_core_read(told->local_be, 4, &sock->__sk_common.skc_rcv_saddr);
    bpf_core_read(told->remote_be, 4, &sock->__sk_common.skc_daddr);
  } else {
    bpf_core_read(told->local_be, 16, &sock->__sk_common.skc_v6_rcv_saddr);
    bpf_core_read(told->remote_be, 16, &sock->__sk_common.skc_v6_daddr);
  }
}

SEC("iter/task_file")
int foreign_held(struct bpf_iter__task_file* ctx) {
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;
  if (!task || !file) return 0;
  struct socket* socket = (void*)bpf_sock_from_file((void*)file);
  if (!socket) return 0;
  struct sock* sock = socket->sk;
  if (!sock || !reaches_others(sock->__sk_common.skc_family)) return 0;
  struct cgroup* own = task->cgroups->dfl_cgrp;
  struct cgroup* sockets = sock->sk_cgrp_data.cgroup;
  if (!own || !sockets || own == sockets) return 0;
  __u64 container = foreign_to(own, sockets);
  if (!container) return 0;
  struct mark* mark =
      bpf_sk_storage_get(&marks, sock, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  if (mark) {
    __u64 session = ctx->meta->session_id;
    if (mark->session == session && mark->read_cgroup_id == container) return 0;
  }
  struct bailiff_foreign told = {};
  told.cgroup_id = container;
  told.fd = ctx->fd;
  told.use = BAILIFF_FOREIGN_HELD;
  describe(&told, task, sock);
  /* No room: the kernel calls again with an empty buffer. */
  if (bpf_seq_write(ctx->meta->seq, &told, sizeof(told))) return 0;
  if (mark) {
    mark->session = ctx->meta->session_id;
    mark->read_cgroup_id = container;
  }
  return 0;
}

static __always_inline int same_peer(const struct mark* mark,
                                     const struct bailiff_foreign* told) {
  const __u64* before = (const void*)mark->remote_be;
  const __u64* now = (const void*)told->remote_be;
  return before[0] == now[0] && before[1] == now[1] &&
         mark->remote_port == told->remote_port;
}

static __always_inline int tell_use(struct sock* sock, __u16 use) {
  /* What most use first, and before the call: it is dearer than all else here
   * that is done for those who are not told of. */
  if (!reaches_others(sock->__sk_common.skc_family)) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  struct cgroup* own = task->cgroups->dfl_cgrp;
  struct cgroup* sockets = sock->sk_cgrp_data.cgroup;
  if (own == sockets) return 0;
  if (!own || !sockets) return 0;
  /* What the kernel does for a process over a socket of its own, as with NFS,
   * is nobody's way around anything. */
  struct socket* socket = sock->sk_socket;
  if (!socket || !socket->file) return 0;
  __u64 container = foreign_to(own, sockets);
  if (!container) return 0;
  struct bailiff_foreign told = {};
  told.cgroup_id = container;
  told.fd = -1;
  told.use = use;
  describe(&told, task, sock);
  if (use == BAILIFF_FOREIGN_CONNECTS) told.state = TCP_SYN_SENT;
  struct mark* mark =
      bpf_sk_storage_get(&marks, sock, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  __u16 bit = 1 << use;
  int same = mark && mark->cgroup_id == container && same_peer(mark, &told);
  /* Each connect begins something new. */
  if (same && use != BAILIFF_FOREIGN_CONNECTS && mark->uses & bit) return 0;
  if (bpf_ringbuf_output(&uses, &told, sizeof(told), 0)) {
    __u32 first = 0;
    __u64* count = bpf_map_lookup_elem(&lost, &first);
    if (count) ++*count;
    return 0;
  }
  if (!mark) return 0;
  if (!same || use == BAILIFF_FOREIGN_CONNECTS) mark->uses = 0;
  mark->uses |= bit;
  mark->cgroup_id = container;
  __builtin_memcpy(mark->remote_be, told.remote_be, sizeof(mark->remote_be));
  mark->remote_port = told.remote_port;
  return 0;
}

/* (struct sock *sk, int old, int new), before the state is the new one */
SEC("tp_btf/inet_sock_set_state")
int foreign_connects(unsigned long long* ctx) {
  if ((int)ctx[2] != TCP_SYN_SENT) return 0;
  return tell_use((void*)ctx[0], BAILIFF_FOREIGN_CONNECTS);
}

/* (struct sock *sk, int result, int flags) */
SEC("tp_btf/sock_send_length")
int foreign_sends(unsigned long long* ctx) {
  return tell_use((void*)ctx[0], BAILIFF_FOREIGN_SENDS);
}

SEC("tp_btf/sock_recv_length")
int foreign_receives(unsigned long long* ctx) {
  return tell_use((void*)ctx[0], BAILIFF_FOREIGN_RECEIVES);
}
