/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* hook/bpf/isolate.bpf.c
 * Takes a container off the network but for the peers that are allowed:
 *
 *   connect4, connect6, sendmsg4, sendmsg6   the caller sees EPERM at once
 *   egress, ingress                          what goes on over connections that
 *                                            are there, and what comes in
 *
 * Attached to the container's cgroup (hook/attach/isolation.h), so a cgroup it
 * made below is covered, and the rest of its pod is not.  Loopback is a network
 * like any other here: on the host's it leads to the host.
 */
#include "rules/abi/isolate.h"

#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ADDRESS_BITS 128
#define ETH_P_IP_BE 0x0008
#define ETH_P_IPV6_BE 0xdd86

#define IP4_SOURCE 12
#define IP4_DESTINATION 16
#define IP6_NEXT_HEADER 6
#define IP6_SOURCE 8
#define IP6_DESTINATION 24
#define IP6_PAYLOAD 40
#define IPPROTO_ICMPV6 58
#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136
#define MAX_HOPS 255

/* Whom the container may still reach and be reached by.  Written before
 * anything is attached, and never after; full: it is refused to be made.
 */
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, BAILIFF_MAX_ALLOWED_PEERS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bailiff_peer);
  __type(value, __u32);
} allowed SEC(".maps");

static __always_inline int judge4(__u32 address) {
  struct bailiff_peer key = {.bits = ADDRESS_BITS};

  key.address[2] = __builtin_bswap32(0x0000ffff);
  key.address[3] = address;
  return bpf_map_lookup_elem(&allowed, &key) != 0;
}

static __always_inline int judge6(const __u32 address[4]) {
  struct bailiff_peer key = {.bits = ADDRESS_BITS};

  key.address[0] = address[0];
  key.address[1] = address[1];
  key.address[2] = address[2];
  key.address[3] = address[3];
  return bpf_map_lookup_elem(&allowed, &key) != 0;
}

static __always_inline int judge_address6(struct bpf_sock_addr* ctx) {
  __u32 address[4];

  address[0] = ctx->user_ip6[0];
  address[1] = ctx->user_ip6[1];
  address[2] = ctx->user_ip6[2];
  address[3] = ctx->user_ip6[3];
  return judge6(address);
}

/* Without it no IPv6 peer on the link is found, an allowed one neither.  It may
 * be the kernel's own that is sent for the container, or a raw socket's: it
 * passes no router.
 */
static __always_inline int finds_neighbour(struct __sk_buff* skb) {
  __u8 head[2]; /* next header, hop limit */
  __u8 type;

  if (bpf_skb_load_bytes(skb, IP6_NEXT_HEADER, head, sizeof(head)) != 0)
    return 0;
  if (head[0] != IPPROTO_ICMPV6 || head[1] != MAX_HOPS) return 0;
  if (bpf_skb_load_bytes(skb, IP6_PAYLOAD, &type, sizeof(type)) != 0) return 0;
  return type == NEIGHBOUR_SOLICITATION || type == NEIGHBOUR_ADVERTISEMENT;
}

static __always_inline int judge_packet(struct __sk_buff* skb, __u32 at4,
                                        __u32 at6) {
  __u32 address[4];

  if (skb->protocol == ETH_P_IP_BE) {
    if (bpf_skb_load_bytes(skb, at4, address, 4) != 0) return 0;
    return judge4(address[0]);
  }
  if (skb->protocol != ETH_P_IPV6_BE) return 0;
  if (bpf_skb_load_bytes(skb, at6, address, sizeof(address)) != 0) return 0;
  return judge6(address) || finds_neighbour(skb);
}

SEC("cgroup/connect4")
int isolate_connect4(struct bpf_sock_addr* ctx) {
  return judge4(ctx->user_ip4);
}

SEC("cgroup/connect6")
int isolate_connect6(struct bpf_sock_addr* ctx) { return judge_address6(ctx); }

SEC("cgroup/sendmsg4")
int isolate_sendmsg4(struct bpf_sock_addr* ctx) {
  return judge4(ctx->user_ip4);
}

SEC("cgroup/sendmsg6")
int isolate_sendmsg6(struct bpf_sock_addr* ctx) { return judge_address6(ctx); }

SEC("cgroup_skb/egress")
int isolate_egress(struct __sk_buff* skb) {
  return judge_packet(skb, IP4_DESTINATION, IP6_DESTINATION);
}

SEC("cgroup_skb/ingress")
int isolate_ingress(struct __sk_buff* skb) {
  return judge_packet(skb, IP4_SOURCE, IP6_SOURCE);
}
