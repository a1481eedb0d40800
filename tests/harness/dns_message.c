// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/dns_message.h"

#include <string.h>

__u64 dns_test_now_ns;

/* As bpf_skb_load_bytes(). */
static long load_bytes(const void* skb, __u32 offset, void* to, __u32 size) {
  const struct dns_test_packet* packet = skb;

  if (offset > packet->size || size > packet->size - offset) {
    memset(to, 0, size);
    return -14; /* EFAULT */
  }
  memcpy(to, packet->bytes + offset, size);
  return 0;
}

static __u64 monotonic_ns(void) { return dns_test_now_ns; }

#define FUNCTION(name) long name
#include "rules/emit/dns_message.bpf.c"
