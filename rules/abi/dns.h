/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/dns.h
 * How a host name becomes the number programs compare.  C11 that is also C++20.
 *
 * Two hashes run over the name as it lies in a question of the DNS (RFC 1035,
 * section 3.1): the length of each label, then its bytes, capital letters of
 * ASCII as small ones; without the empty label at the end.  Together they are
 * 128 bits, so that of 100,000 listed names none is met by chance.  They have
 * no key: who finds two names of one number gets the other one refused too, and
 * could as well have asked for the listed one.
 */
#ifndef BAILIFF_RULES_ABI_DNS_H_
#define BAILIFF_RULES_ABI_DNS_H_

#define BAILIFF_DNS_SEED_1 0x243f6a8885a308d3ULL
#define BAILIFF_DNS_SEED_2 0x13198a2e03707344ULL
#define BAILIFF_DNS_FACTOR_1 0x9e3779b97f4a7c15ULL
#define BAILIFF_DNS_FACTOR_2 0xd1342543de82ef95ULL

/* One byte more into a hash. */
#define BAILIFF_DNS_ADD(hash, byte, factor) \
  do {                                      \
    (hash) = ((hash) ^ (byte)) * (factor);  \
    (hash) ^= (hash) >> 32;                 \
  } while (0)

/* RFC 1035, section 2.3.4: of a label, and of a name with its lengths. */
#define BAILIFF_DNS_LABEL_BYTES 63
#define BAILIFF_DNS_NAME_BYTES 255
#define BAILIFF_DNS_HEADER_BYTES 12

/* What the subprogram that reads a name needs of the stack of its caller. */
#define BAILIFF_DNS_WALK_BYTES 48

#endif /* BAILIFF_RULES_ABI_DNS_H_ */
