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

#include <linux/types.h>

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

/* A domain that is listed with all below it is the name that has the label "*"
 * in place of what is below: ".evil.example" is "*.evil.example".  So it has a
 * hash of its own, and to find it every name is hashed once for each of its
 * labels, with all before that one taken to be "*".  Of longer names the last
 * labels count: a listed domain has no more. */
#define BAILIFF_DNS_SUFFIXES 8

/* Listed names of one packet, or of one address.  A packet with more is refused
 * where a rule refuses; of what is not kept otherwise no rule is told. */
#define BAILIFF_DNS_NAMES 3

/* How long an address is its name's, in seconds, whatever the answer says.  At
 * least: programs keep what they have asked for (a JVM for 30 seconds), and a
 * host that means to get away says 0.  At most: addresses change hands. */
#define BAILIFF_DNS_MIN_TTL 60
#define BAILIFF_DNS_MAX_TTL 86400

/* What a container was told: addresses of listed names.  A set is where an
 * address may be, by its hash.  Where a set is full of what has not expired,
 * the answer is refused where a rule refuses, since what it says could not be;
 * otherwise what would expire first is forgotten.  So a container that is told
 * lies, by its own processes or by its resolver, may fill its own and no
 * other's. */
#define BAILIFF_DNS_SETS 32
#define BAILIFF_DNS_WAYS 5

struct bailiff_dns_address {
  __u64 address[2]; /* 16 bytes, IPv4 as ::ffff:a.b.c.d; 0: none yet */
  __u64 name[BAILIFF_DNS_NAMES][2];
  __u32 until[BAILIFF_DNS_NAMES]; /* seconds of CLOCK_MONOTONIC */
  __u32 reserved;
};

/* What was asked lately, a number of question, id and port each, at the place
 * of its lowest bits.  An answer to nothing that was asked is anybody's:
 * nothing is learnt of it. */
#define BAILIFF_DNS_ASKED 512

struct bailiff_dns_table {
  __u32 asked[BAILIFF_DNS_ASKED];
  struct bailiff_dns_address sets[BAILIFF_DNS_SETS][BAILIFF_DNS_WAYS];
};

/* Names that rules are asked about: two hashes each, none behind a 0. */
struct bailiff_dns_names {
  __u64 name[BAILIFF_DNS_NAMES][2];
  __u64 held; /* the first hash of the one a rule held for */
};

/* What reading a message has come to. */
enum bailiff_dns_found {
  BAILIFF_DNS_NOTHING = 0,
  BAILIFF_DNS_NAME = 1, /* in `hash` */
  BAILIFF_DNS_END = 2,
  BAILIFF_DNS_BAD = 3,  /* it cannot be read */
  BAILIFF_DNS_FULL = 4, /* what it says cannot be kept; or with another */
};

/* What comes next in it. */
enum bailiff_dns_part {
  BAILIFF_DNS_HEADER = 0,
  BAILIFF_DNS_QUESTION = 1, /* in its name */
  BAILIFF_DNS_OWNER = 2,    /* in the name a record begins with */
  BAILIFF_DNS_RECORD = 3,   /* behind that name */
  BAILIFF_DNS_TARGET = 4,   /* in the name a record has */
  BAILIFF_DNS_NO_PART = 5,
};

/* A message being read, on the stack of the program. */
struct bailiff_dns_walk {
  struct bailiff_dns_names names; /* those that are listed */
  /* Pointers, which the verifier follows. */
  __u64 packet; /* struct __sk_buff */
  __u64 table;  /* struct bailiff_dns_table, of the container */
  /* Places in the packet. */
  __u32 begin; /* of the message */
  __u32 end;
  __u32 at;
  __u32 label; /* the next one of the name */
  __u32 next;  /* behind the record */
  __u32 floor; /* the name goes on below this, if elsewhere */
  __u32 records_at;
  __u16 records; /* so many of them in all */
  __u16 left;
  __u16 id;
  __u8 part;  /* enum bailiff_dns_part */
  __u8 found; /* enum bailiff_dns_found */
  __u8 is_answer;
  __u8 is_truncated;
  __u8 refuses; /* some rule does */
  __u8 full;    /* 1: it has more listed names than `names` holds */
  __u32 length; /* of the name so far */
  __u32 labels;
  /* Of a name, and of it from each of its last labels on. */
  __u64 hash[1 + BAILIFF_DNS_SUFFIXES][2];
};

#endif /* BAILIFF_RULES_ABI_DNS_H_ */
