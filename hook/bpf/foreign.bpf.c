/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* hook/bpf/foreign.bpf.c
 * Finds the sockets that containers have and that were made outside of them: a
 * cgroup's programs run for the sockets made in it, whoever uses them, and so
 * not for these.
 *
 *   iter/task_file        goes through all descriptors of the host when it is
 *                         read, and writes a record for each such socket
 *   inet_sock_set_state   TCP that begins to connect
 *   tcp_sendmsg_locked    data that a process hands to TCP
 *   sock_send_length      what is sent over a socket, by whichever call
 *   sock_recv_length      what is received (both since Linux 6.3)
 *   net_dev_queue         to whom a datagram goes that is not to a peer
 *
 * And the processes that leave their container's cgroup, of which its programs
 * see nothing more:
 *
 *   sched_process_fork    a process is the container's that its parent is of,
 *                         wherever clone3() has put it
 *   sched_process_exec    the first process, before its first instruction
 *   cgroup_attach_task    one that was moved
 *   iter/task             all there are, when it is read
 *
 * The tracepoints see a socket that is used and closed between two readings,
 * and one that is in no table of descriptors (io_uring's own).  For any other
 * process they compare two pointers.  net_dev_queue sees every packet of the
 * host, and only of sockets that were told of before is one looked at: who runs
 * while a packet is sent is not always who sends it.
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
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define PF_EXITING 0x4
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_HOPOPTS 0
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_DCCP 33
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136
/* RFC 8200, section 4.1; what has more is told without a port. */
#define EXTENSION_HEADERS 5

/* Of each container that programs judge; written by the hook. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, BAILIFF_MAX_JUDGED);
  __type(key, __u64); /* cgroup id */
  __type(value, struct bailiff_judged);
} judged SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, BAILIFF_FOREIGN_RING_BYTES);
} uses SEC(".maps");

/* Uses that found no room. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, BAILIFF_FOREIGN_LOST_TOLD + 1);
  __type(key, __u32);
  __type(value, __u64);
} lost SEC(".maps");

/* What was told of a socket last, so that a use is told once for each container
 * and peer, and what is duplicated once in a reading.  Ends with the socket.
 * Without memory for it, all is told. */
struct mark {
  __u64 cookie;
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

/* Who sends over a socket, to programs for frames (rules/emit/frame.cpp): the
 * data of a connection may leave when the kernel gets to it, in nobody's name.
 * Whoever only has the socket, or reads from it, is none: it stays a
 * neighbour's who sends.  Without memory for it (net.core.optmem_max, which
 * filters of the socket use too) only what is sent in the sender's own name is
 * judged there. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct bailiff_sender);
} senders SEC(".maps");

/* Where a datagram of a container goes. */
struct destination {
  __u64 cookie;
  __u64 cgroup_id;
  __u8 address_be[16]; /* as in the record of a socket of that family */
  __u16 port;
  __u16 protocol;
  __u32 zero;
};

/* When it was told of each.  Full: the one longest not used is told again. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct destination);
  __type(value, __u64);
} sent SEC(".maps");

/* The container a thread is of: the first in whose cgroup it was seen, or its
 * parent was.  Ends with the thread.  Pinned, so that it is known to whoever
 * attaches these programs anew.  Without memory for it, who leaves is not
 * missed. */
struct home {
  __u64 cgroup_id;
  __u32 level; /* of that cgroup */
  __u32 zero;
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct home);
} homes SEC(".maps");

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

struct search {
  struct cgroup* own;
  __u64 container;
  __u32 level; /* of the container */
};

/* For bpf_loop(): unrolled, the verifier would follow all that comes after it
 * once for each level. */
static long look_at_level(__u32 level, struct search* search) {
  __u64 id = ancestor_of(search->own, level);
  if (!bpf_map_lookup_elem(&judged, &id)) return 0;
  search->container = id;
  search->level = level;
  return 0;
}

/* The innermost judged container that `own` is or lies in.  From the root down:
 * at what level containers are is the runtime's choice, and how deep below that
 * a process is, the container's. */
static __always_inline struct search judged_container(struct cgroup* own) {
  struct search search = {.own = own};
  __u32 levels = own->level + 1;
  if (levels > BAILIFF_MAX_FOREIGN_LEVELS) levels = BAILIFF_MAX_FOREIGN_LEVELS;
  bpf_loop(levels, look_at_level, &search, 0);
  return search;
}

/* Whether it is the container's cgroup, or below. */
static __always_inline int lies_in(struct cgroup* cgroup, __u64 container,
                                   __u32 level) {
  return (__u32)cgroup->level >= level &&
         ancestor_of(cgroup, level) == container;
}

/* The id of the container of `own`, when `sockets` does not lie in it; else
 * 0. */
static __always_inline __u64 foreign_to(struct cgroup* own,
                                        struct cgroup* sockets) {
  struct search search = judged_container(own);
  if (!search.container) return 0;
  if (lies_in(sockets, search.container, search.level)) return 0;
  return search.container;
}

static __always_inline void describe(struct bailiff_foreign* told,
                                     struct task_struct* task,
                                     struct sock* sock) {
  told->time_ns = bpf_ktime_get_ns();
  told->socket_cgroup = sock->sk_cgrp_data.cgroup->kn->id;
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

static __always_inline int same_address(const __u8* one, const __u8* other) {
  const __u64* left = (const void*)one;
  const __u64* right = (const void*)other;
  return left[0] == right[0] && left[1] == right[1];
}

static __always_inline void keep_sender(struct sock* sock, __u64 container) {
  struct bailiff_sender* sender =
      bpf_sk_storage_get(&senders, sock, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  if (!sender || sender->cgroup_id[0] == container) return;
  sender->cgroup_id[1] = sender->cgroup_id[0];
  sender->cgroup_id[0] = container;
}

/* Whether what went to its peer was refused just now: has the address and port,
 * of IPv4 over an IPv6 socket too. */
static __always_inline int was_refused(struct sock* sock,
                                       const struct bailiff_foreign* told) {
  struct bailiff_sender* sender = bpf_sk_storage_get(&senders, sock, NULL, 0);
  const __u64* peer = (const void*)told->remote_be;
  if (!sender || sender->refused_id != told->cgroup_id ||
      told->time_ns > sender->refused_ns + BAILIFF_REPEAT_NS ||
      sender->refused_port != told->remote_port || (!peer[0] && !peer[1])) {
    return 0;
  }
  __u8 four[16] = {};
  if (told->family == AF_INET6) {
    __builtin_memcpy(four, told->remote_be + 12, 4);
  }
  return same_address(sender->refused_be, told->remote_be) ||
         (!peer[0] && same_address(sender->refused_be, four));
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
  told.cookie = bpf_get_socket_cookie(sock);
  describe(&told, task, sock);
  told.refused = was_refused(sock, &told);
  /* No room: the kernel calls again with an empty buffer. */
  if (bpf_seq_write(ctx->meta->seq, &told, sizeof(told))) return 0;
  if (mark) {
    mark->cookie = told.cookie;
    mark->session = ctx->meta->session_id;
    mark->read_cgroup_id = container;
  }
  return 0;
}

static __always_inline int same_peer(const struct mark* mark,
                                     const struct bailiff_foreign* told) {
  return same_address(mark->remote_be, told->remote_be) &&
         mark->remote_port == told->remote_port;
}

/* Whether it found room. */
static __always_inline int tell(struct bailiff_foreign* told) {
  if (!bpf_ringbuf_output(&uses, told, sizeof(*told), 0)) return 1;
  __u32 key = BAILIFF_FOREIGN_LOST;
  __u64* count = bpf_map_lookup_elem(&lost, &key);
  if (count) ++*count;
  return 0;
}

/* The container of whoever runs, when the socket is foreign to it; else 0. */
static __always_inline __u64 user_of(struct sock* sock) {
  /* What most use first, and before the call: it is dearer than all else here
   * that is done for those who are not told of. */
  if (!reaches_others(sock->__sk_common.skc_family)) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  struct cgroup* own = task->cgroups->dfl_cgrp;
  struct cgroup* sockets = sock->sk_cgrp_data.cgroup;
  if (own == sockets) return 0;
  if (!own || !sockets) return 0;
  /* What the kernel does for a process over a socket of its own, as with NFS,
   * or to tell it that nobody listens, is nobody's way around anything. */
  struct socket* socket = sock->sk_socket;
  if (!socket || !socket->file) return 0;
  return foreign_to(own, sockets);
}

static __always_inline int tell_use(struct sock* sock, __u16 use) {
  __u64 container = user_of(sock);
  if (!container) return 0;
  struct bailiff_foreign told = {};
  told.cgroup_id = container;
  told.fd = -1;
  told.use = use;
  told.cookie = bpf_get_socket_cookie(sock);
  describe(&told, bpf_get_current_task_btf(), sock);
  if (use == BAILIFF_FOREIGN_CONNECTS) told.state = TCP_SYN_SENT;
  if (use != BAILIFF_FOREIGN_RECEIVES) keep_sender(sock, container);
  told.refused = was_refused(sock, &told);
  struct mark* mark =
      bpf_sk_storage_get(&marks, sock, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  __u16 bit = 1 << use;
  int same = mark && mark->cgroup_id == container && same_peer(mark, &told);
  /* Each connect begins something new. */
  if (same && use != BAILIFF_FOREIGN_CONNECTS && mark->uses & bit) return 0;
  if (!tell(&told) || !mark) return 0;
  if (!same || use == BAILIFF_FOREIGN_CONNECTS) mark->uses = 0;
  mark->uses |= bit;
  mark->cookie = told.cookie;
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

/* (struct sock *sk, ...), each time some data is about to be queued, before it
 * can leave, however long the call takes.  Since Linux 6.16. */
SEC("tp_btf/tcp_sendmsg_locked")
int foreign_queues(unsigned long long* ctx) {
  struct sock* sock = (void*)ctx[0];
  __u64 container = user_of(sock);
  if (container) keep_sender(sock, container);
  return 0;
}

static __always_inline int has_ports(__u8 protocol) {
  return protocol == IPPROTO_UDP || protocol == IPPROTO_TCP ||
         protocol == IPPROTO_UDPLITE || protocol == IPPROTO_SCTP ||
         protocol == IPPROTO_DCCP;
}

/* Of a packet that has its IP header.
 * 0: it is not the first piece of what the kernel cut.  A raw socket may say of
 * anything that it is a later piece: that is told, without a port. */
static __always_inline int read_destination(struct sk_buff* skb,
                                            struct sock* sock,
                                            struct destination* to) {
  int raw = sock->sk_type == SOCK_RAW;
  int later = 0;
  const unsigned char* header = skb->head + skb->network_header;
  __u32 transport = 0;
  __u8 protocol = 0;
  if (skb->protocol == __builtin_bswap16(ETH_P_IP)) {
    __u8 ip[20] = {};
    bpf_probe_read_kernel(ip, sizeof(ip), header);
    later = (ip[6] & 0x1f) || ip[7];
    if (sock->__sk_common.skc_family == AF_INET) {
      __builtin_memcpy(to->address_be, ip + 16, 4);
    } else {
      to->address_be[10] = to->address_be[11] = 0xff;
      __builtin_memcpy(to->address_be + 12, ip + 16, 4);
    }
    protocol = ip[9];
    transport = (ip[0] & 0xf) * 4;
  } else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6)) {
    __u8 ip[40] = {};
    bpf_probe_read_kernel(ip, sizeof(ip), header);
    __builtin_memcpy(to->address_be, ip + 24, 16);
    protocol = ip[6];
    transport = sizeof(ip);
    for (int i = 0; i < EXTENSION_HEADERS; ++i) {
      __u8 next[4] = {};
      if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_ROUTING &&
          protocol != IPPROTO_DSTOPTS && protocol != IPPROTO_FRAGMENT) {
        break;
      }
      bpf_probe_read_kernel(next, sizeof(next), header + transport);
      if (protocol == IPPROTO_FRAGMENT) {
        later = next[2] || next[3] & 0xf8;
        transport += 8;
      } else {
        transport += (next[1] + 1) * 8;
      }
      protocol = next[0];
      if (later) break;
    }
  } else {
    return 0;
  }
  to->protocol = protocol;
  if (later) return raw;
  if (!has_ports(protocol)) return 1;
  __u8 port[2] = {};
  bpf_probe_read_kernel(port, sizeof(port), header + transport + 2);
  to->port = port[0] << 8 | port[1];
  return 1;
}

/* (struct sk_buff *skb) */
SEC("tp_btf/net_dev_queue")
int foreign_packets(unsigned long long* ctx) {
  struct sk_buff* skb = (void*)ctx[0];
  struct sock* sock = skb->sk;
  if (!sock) return 0;
  __u16 family = sock->__sk_common.skc_family;
  if (family != AF_INET && family != AF_INET6) return 0;
  /* Only what is no whole socket has another state, besides streams. */
  __u8 state = sock->__sk_common.skc_state;
  if (state != TCP_CLOSE && state != TCP_ESTABLISHED) return 0;
  if (sock->sk_type == SOCK_STREAM) return 0;
  __u64 container = user_of(sock);
  if (!container) return 0;
  struct mark* mark =
      bpf_sk_storage_get(&marks, sock, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  /* It was not told of yet. */
  if (mark && mark->cgroup_id != container &&
      mark->read_cgroup_id != container) {
    return 0;
  }
  /* Without memory for a mark, of which the container can see to it by filters
   * of the socket (net.core.optmem_max), nothing says which socket it is. */
  struct destination to = {.cookie = mark ? mark->cookie : 0,
                           .cgroup_id = container};
  if (!read_destination(skb, sock, &to)) return 0;
  struct bailiff_foreign told = {};
  told.cgroup_id = container;
  told.fd = -1;
  told.use = BAILIFF_FOREIGN_SENDS_TO;
  told.cookie = to.cookie;
  describe(&told, bpf_get_current_task_btf(), sock);
  if (state == TCP_ESTABLISHED && same_address(told.remote_be, to.address_be) &&
      (told.type == SOCK_RAW || told.remote_port == to.port)) {
    return 0;
  }
  /* Lists may have changed since. */
  __u64* before = bpf_map_lookup_elem(&sent, &to);
  if (before && told.time_ns < *before + BAILIFF_REPEAT_NS) return 0;
  __builtin_memcpy(told.remote_be, to.address_be, sizeof(told.remote_be));
  told.remote_port = to.port;
  told.protocol = to.protocol;
  if (tell(&told)) bpf_map_update_elem(&sent, &to, &told.time_ns, BPF_ANY);
  return 0;
}

/* Tells of a thread that is in `own`, if that is outside of its container's
 * cgroup. */
static __always_inline void tell_if_left(struct task_struct* task,
                                         struct cgroup* own,
                                         const struct home* home) {
  if (!own || lies_in(own, home->cgroup_id, home->level)) return;
  struct bailiff_foreign told = {};
  told.time_ns = bpf_ktime_get_ns();
  told.cgroup_id = home->cgroup_id;
  told.socket_cgroup = own->kn->id;
  told.fd = -1;
  told.use = BAILIFF_FOREIGN_LEFT;
  told.tgid = task->tgid;
  told.tid = task->pid;
  told.uid = task->cred->euid.val;
  told.gid = task->cred->egid.val;
  bpf_probe_read_kernel_str(told.comm, sizeof(told.comm), &task->comm);
  tell(&told);
}

/* What is known of the thread; NULL when it is of no container that is
 * judged still. */
static __always_inline struct home* home_of(struct task_struct* task) {
  struct home* home = bpf_task_storage_get(&homes, task, NULL, 0);
  if (!home) return NULL;
  __u64 id = home->cgroup_id;
  return bpf_map_lookup_elem(&judged, &id) ? home : NULL;
}

static __always_inline void keep_home(struct task_struct* task, __u64 container,
                                      __u32 level) {
  struct home* home =
      bpf_task_storage_get(&homes, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!home) return;
  home->cgroup_id = container;
  home->level = level;
}

/* Of the container whose cgroup it is in. */
static __always_inline void settle(struct task_struct* task,
                                   struct cgroup* own) {
  if (!own) return;
  struct search search = judged_container(own);
  if (search.container) keep_home(task, search.container, search.level);
}

static __always_inline void look_at(struct task_struct* task,
                                    struct cgroup* own) {
  struct home* home = home_of(task);
  if (home) {
    tell_if_left(task, own, home);
  } else {
    settle(task, own);
  }
}

/* (struct cgroup *dst_cgrp, const char *path, struct task_struct *task,
 *  bool threadgroup), when it is there, of version 1 too; of a process, its
 * first thread.  That one stays where it is when it has ended before the
 * others, so where they are now is asked of the move. */
SEC("tp_btf/cgroup_attach_task")
int foreign_moves(unsigned long long* ctx) {
  struct cgroup* to = (void*)ctx[0];
  struct task_struct* task = (void*)ctx[2];
  struct cgroup* own = task->cgroups->dfl_cgrp;
  if (own && own->root == to->root) own = to;
  look_at(task, own);
  return 0;
}

/* (struct task_struct *parent, struct task_struct *child), before it runs */
SEC("tp_btf/sched_process_fork")
int foreign_forks(unsigned long long* ctx) {
  struct task_struct* child = (void*)ctx[1];
  struct home* home = home_of((void*)ctx[0]);
  struct cgroup* own = child->cgroups->dfl_cgrp;
  if (!home) {
    settle(child, own);
    return 0;
  }
  keep_home(child, home->cgroup_id, home->level);
  tell_if_left(child, own, home);
  return 0;
}

/* (struct task_struct *task, ...) */
SEC("tp_btf/sched_process_exec")
int foreign_executes(unsigned long long* ctx) {
  struct task_struct* task = (void*)ctx[0];
  if (!home_of(task)) settle(task, task->cgroups->dfl_cgrp);
  return 0;
}

SEC("iter/task")
int foreign_tasks(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  /* What has ended does nothing, and is moved no more. */
  if (!task || task->flags & PF_EXITING) return 0;
  look_at(task, task->cgroups->dfl_cgrp);
  return 0;
}
