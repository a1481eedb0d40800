/* SPDX-License-Identifier: Apache-2.0 */
/* tests/harness/dns_message.h
 * rules/emit/dns_message.bpf.c, compiled for this machine: what programs do
 * with DNS messages, without a kernel.  C that is also C++.
 */
#ifndef BAILIFF_TESTS_HARNESS_DNS_MESSAGE_H_
#define BAILIFF_TESTS_HARNESS_DNS_MESSAGE_H_

#include <linux/types.h>

#include "rules/abi/dns.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packet: what walk->packet points to. */
struct dns_test_packet {
  const unsigned char* bytes;
  __u32 size;
};

/* What helpers say; the tests set the clock. */
extern __u64 dns_test_now_ns;

long dns_read(__u64 step, struct bailiff_dns_walk* walk);
long dns_asked(struct bailiff_dns_table* table,
               const struct bailiff_dns_walk* walk, __u64 port,
               __u64 is_answer);
long dns_learn(__u64 step, struct bailiff_dns_walk* walk);
long dns_known(struct bailiff_dns_table* table, struct bailiff_dns_names* names,
               __u64 first, __u64 second, __u64 family);

#ifdef __cplusplus
}
#endif

#endif /* BAILIFF_TESTS_HARNESS_DNS_MESSAGE_H_ */
