/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/isolate.h
 * The key of the map of whom an isolated container may still reach, as
 * hook/attach writes it and hook/bpf/isolate.bpf.c reads it.
 */
#ifndef BAILIFF_RULES_ABI_ISOLATE_H_
#define BAILIFF_RULES_ABI_ISOLATE_H_

#include <linux/types.h>

/* Entries; full, an isolation is refused. */
#define BAILIFF_MAX_ALLOWED_PEERS 1024

/* A network; IPv4 is mapped into IPv6, ::ffff:a.b.c.d, and its prefix is 96
 * longer.
 */
struct bailiff_peer {
  __u32 bits;
  __u32 address[4]; /* network byte order */
};

#endif
