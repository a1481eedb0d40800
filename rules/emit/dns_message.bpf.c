// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The functions that read DNS messages and keep what they say.  They become
 * part of emitted programs (dns_reader.cpp), each by itself, so they know no
 * map, call nothing but helpers, and work on what is given to them.
 *
 * A message is read in steps, which bpf_loop() takes (Linux 5.17): the verifier
 * looks at one step, whatever the message.  What is read is copied by
 * bpf_skb_load_bytes(), which finds the bytes wherever the packet was put
 * together from, and fails past its end.
 */
#include <linux/bpf.h>

#include "rules/abi/dns.h"

/* The unit tests have their own of these. */
#ifndef FUNCTION
#define FUNCTION(name) __attribute__((section("code/" #name), used)) long name
static long (*load_bytes)(const void* skb, __u32 offset, void* to,
                          __u32 size) = (void*)BPF_FUNC_skb_load_bytes;
static __u64 (*monotonic_ns)(void) = (void*)BPF_FUNC_ktime_get_ns;
#endif

#define HIDE(number) asm volatile("" : "+r"(number))
#define INLINE static __attribute__((always_inline)) inline

#define DNS_POINTER 0xc0 /* RFC 1035, section 4.1.4 */
#define DNS_CLASS_IN 1
#define DNS_TYPE_A 1
#define DNS_TYPE_CNAME 5
#define DNS_TYPE_AAAA 28
#define DNS_TYPE_DNAME 39

#define NS_PER_SECOND 1000000000ULL

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FROM_NETWORK(word) __builtin_bswap32(word)
#define FIRST_WORD(number) ((__u32)(number))
#define TWO_WORDS(first, second) ((__u64)(second) << 32 | (first))
#else
#define FROM_NETWORK(word) (word)
#define FIRST_WORD(number) ((__u32)((number) >> 32))
#define TWO_WORDS(first, second) ((__u64)(first) << 32 | (second))
#endif
#define TO_NETWORK(word) FROM_NETWORK(word)
/* The last 8 bytes of ::ffff:a.b.c.d, the first being 0. */
#define MAPPED(host) TWO_WORDS(TO_NETWORK(0x0000ffffU), host)

/* Numbers that are 0 or 1, hidden from the compiler, which would make jumps of
 * them: of each, the verifier would look at both outcomes. */
INLINE __u64 is_negative(__u64 number) {
  HIDE(number);
  number >>= 63;
  HIDE(number);
  return number;
}
INLINE __u64 is_zero(__u64 number) { return is_negative(number | -number) ^ 1; }
/* Of numbers below 2^63. */
INLINE __u64 is_less(__u64 left, __u64 right) {
  return is_negative(left - right);
}

INLINE __u64 selected(__u64 yes, __u64 no, __u64 which) {
  return no ^ ((no ^ yes) & -which);
}

/* 0, of which the verifier knows nothing: what it can follow it would follow
 * through every step.  `unknown`: some number it does not know. */
INLINE __u64 unknown_zero(__u64 unknown) {
  __u64 same = unknown;

  HIDE(unknown);
  HIDE(same);
  return unknown - same;
}

INLINE __u32 two_bytes(const __u8* bytes) {
  return (__u32)bytes[0] << 8 | bytes[1];
}

INLINE __u64 small_letter(__u64 letter) {
  return letter | (is_less(letter, 'Z' + 1) & (is_less(letter, 'A') ^ 1)) << 5;
}

INLINE void add_to_all(struct bailiff_dns_walk* walk, __u64 byte) {
  for (int i = 0; i <= BAILIFF_DNS_SUFFIXES; i++) {
    __u64 first = walk->hash[i][0];
    __u64 second = walk->hash[i][1];

    BAILIFF_DNS_ADD(first, byte, BAILIFF_DNS_FACTOR_1);
    BAILIFF_DNS_ADD(second, byte, BAILIFF_DNS_FACTOR_2);
    walk->hash[i][0] = first;
    walk->hash[i][1] = second;
  }
}

/* The hashes of "*" alone. */
INLINE __u64 any_label_1(void) {
  __u64 hash = BAILIFF_DNS_SEED_1;

  BAILIFF_DNS_ADD(hash, 1, BAILIFF_DNS_FACTOR_1);
  BAILIFF_DNS_ADD(hash, '*', BAILIFF_DNS_FACTOR_1);
  return hash;
}
INLINE __u64 any_label_2(void) {
  __u64 hash = BAILIFF_DNS_SEED_2;

  BAILIFF_DNS_ADD(hash, 1, BAILIFF_DNS_FACTOR_2);
  BAILIFF_DNS_ADD(hash, '*', BAILIFF_DNS_FACTOR_2);
  return hash;
}

/* One more way to see the name: from the label that begins here. */
INLINE void begin_suffix(struct bailiff_dns_walk* walk) {
  const __u64 place = walk->labels % BAILIFF_DNS_SUFFIXES;

  for (int i = 0; i < BAILIFF_DNS_SUFFIXES; i++) {
    const __u64 here = is_zero(place ^ (__u64)i);

    walk->hash[1 + i][0] = selected(any_label_1(), walk->hash[1 + i][0], here);
    walk->hash[1 + i][1] = selected(any_label_2(), walk->hash[1 + i][1], here);
  }
  walk->labels++;
}

/* What no label of the name has begun is no name. */
INLINE void end_suffixes(struct bailiff_dns_walk* walk) {
  for (int i = 0; i < BAILIFF_DNS_SUFFIXES; i++) {
    const __u64 begun = is_less((__u64)i, walk->labels);

    walk->hash[1 + i][0] &= -begun;
    walk->hash[1 + i][1] &= -begun;
  }
}

INLINE void begin_name(struct bailiff_dns_walk* walk, __u32 at, __u8 part) {
  walk->at = walk->label = walk->floor = at;
  walk->length = walk->labels = (__u32)unknown_zero(at);
  walk->hash[0][0] = BAILIFF_DNS_SEED_1;
  walk->hash[0][1] = BAILIFF_DNS_SEED_2;
  walk->part = part;
}

/* Both end the loop. */
INLINE long stop(struct bailiff_dns_walk* walk, __u8 found) {
  walk->found = found;
  return 1;
}
INLINE long bad(struct bailiff_dns_walk* walk) {
  return stop(walk, BAILIFF_DNS_BAD);
}

INLINE void* packet_of(const struct bailiff_dns_walk* walk) {
  return (void*)(unsigned long)walk->packet;
}

INLINE long read_header(struct bailiff_dns_walk* walk) {
  __u8 bytes[BAILIFF_DNS_HEADER_BYTES];

  if (walk->at + sizeof(bytes) > walk->end) return bad(walk);
  if (load_bytes(packet_of(walk), walk->at, bytes, sizeof(bytes))) {
    return bad(walk);
  }
  walk->id = (__u16)two_bytes(bytes);
  walk->is_answer = bytes[2] >> 7;
  walk->is_truncated = bytes[2] >> 1 & 1;
  walk->records = walk->left = (__u16)two_bytes(bytes + 6);
  if (two_bytes(bytes + 4) == 0) return stop(walk, BAILIFF_DNS_END);
  /* No resolver answers several. */
  if (two_bytes(bytes + 4) != 1) return bad(walk);
  begin_name(walk, walk->at + BAILIFF_DNS_HEADER_BYTES, BAILIFF_DNS_QUESTION);
  return 0;
}

INLINE void to_next_record(struct bailiff_dns_walk* walk, __u32 at) {
  walk->at = at;
  walk->part = walk->left == 0 ? BAILIFF_DNS_NO_PART : BAILIFF_DNS_OWNER;
}

INLINE long end_name(struct bailiff_dns_walk* walk) {
  end_suffixes(walk);
  if (walk->part == BAILIFF_DNS_QUESTION) {
    /* Behind it are type and class. */
    const __u32 behind = walk->at + 1 + 4;

    if (behind > walk->end) return bad(walk);
    walk->records_at = behind;
    to_next_record(walk, behind);
  } else {
    to_next_record(walk, walk->next);
  }
  return stop(walk, BAILIFF_DNS_NAME);
}

/* One byte of a name, or one step to where it goes on. */
INLINE long read_name(struct bailiff_dns_walk* walk) {
  __u8 bytes[2];
  __u64 byte;

  if (walk->at >= walk->end) return bad(walk);
  if (load_bytes(packet_of(walk), walk->at, bytes, 1)) return bad(walk);
  byte = bytes[0];
  if (walk->at == walk->label) {
    if (byte == 0) return end_name(walk);
    if (byte >= DNS_POINTER) {
      __u32 target;

      /* There is nothing before a question that it could share. */
      if (walk->part == BAILIFF_DNS_QUESTION) return bad(walk);
      if (load_bytes(packet_of(walk), walk->at, bytes, 2)) return bad(walk);
      target = walk->begin + (two_bytes(bytes) & 0x3fff);
      /* Always to what was said before, so that it ends. */
      if (target >= walk->floor) return bad(walk);
      walk->at = walk->label = walk->floor = target;
      return 0;
    }
    if (byte > BAILIFF_DNS_LABEL_BYTES) return bad(walk);
    walk->label = walk->at + 1 + (__u32)byte;
    begin_suffix(walk);
  }
  /* With the length at its end, which is 0. */
  if (++walk->length >= BAILIFF_DNS_NAME_BYTES) return bad(walk);
  walk->at++;
  /* A length is not a letter. */
  add_to_all(walk, small_letter(byte));
  return 0;
}

/* One label of the name a record begins with.  Which name that is need not be
 * known: in an answer it is the one that was asked for, or one that a record
 * before it leads to. */
INLINE long skip_owner(struct bailiff_dns_walk* walk) {
  __u8 byte;

  if (walk->at >= walk->end) return bad(walk);
  if (load_bytes(packet_of(walk), walk->at, &byte, 1)) return bad(walk);
  if (byte == 0 || byte >= DNS_POINTER) {
    walk->at += byte == 0 ? 1 : 2;
    walk->part = BAILIFF_DNS_RECORD;
    return 0;
  }
  if (byte > BAILIFF_DNS_LABEL_BYTES) return bad(walk);
  walk->at += 1 + (__u32)byte;
  return 0;
}

/* Of a record, what is behind its name. */
struct record {
  __u32 type;
  __u32 ttl;
  __u32 size;
  __u32 at; /* its data */
};

/* Steps over it, and gives its type; -1: it is not there. */
INLINE long read_record(struct bailiff_dns_walk* walk, struct record* record) {
  __u8 bytes[10];

  if (load_bytes(packet_of(walk), walk->at, bytes, sizeof(bytes))) return -1;
  record->type = two_bytes(bytes);
  record->ttl = two_bytes(bytes + 4) << 16 | two_bytes(bytes + 6);
  record->size = two_bytes(bytes + 8);
  record->at = walk->at + (__u32)sizeof(bytes);
  walk->next = record->at + record->size;
  if (walk->next > walk->end) return -1;
  if (two_bytes(bytes + 2) != DNS_CLASS_IN) record->type = 0;
  walk->left--;
  return 0;
}

/* A step of bpf_loop(): to the next name of the question and of where it leads
 * to, or to the end. */
FUNCTION(dns_read)(__u64 step, struct bailiff_dns_walk* walk) {
  struct record record;

  (void)step;
  switch (walk->part) {
    case BAILIFF_DNS_HEADER:
      return read_header(walk);
    case BAILIFF_DNS_QUESTION:
    case BAILIFF_DNS_TARGET:
      return read_name(walk);
    case BAILIFF_DNS_OWNER:
      return skip_owner(walk);
    case BAILIFF_DNS_RECORD:
      if (read_record(walk, &record)) return bad(walk);
      if (record.type == DNS_TYPE_CNAME || record.type == DNS_TYPE_DNAME) {
        begin_name(walk, record.at, BAILIFF_DNS_TARGET);
      } else {
        to_next_record(walk, walk->next);
      }
      return 0;
  }
  return stop(walk, BAILIFF_DNS_END);
}

/* Notes down the question whose name was just read or, of an answer, returns
 * whether it was asked.  `port`: the container's. */
FUNCTION(dns_asked)
(struct bailiff_dns_table* table, const struct bailiff_dns_walk* walk,
 __u64 port, __u64 is_answer) {
  const __u64 number =
      (walk->hash[0][0] ^ port << 16 ^ walk->id) * BAILIFF_DNS_FACTOR_1;
  volatile __u32* asked = &table->asked[(number >> 32) % BAILIFF_DNS_ASKED];
  /* Not 0, which is in the place of none. */
  const __u32 kept = (__u32)number | 1;

  if (is_answer) return *asked == kept;
  *asked = kept;
  return 0;
}

/* Where an address may be. */
INLINE struct bailiff_dns_address* set_of(struct bailiff_dns_table* table,
                                          __u64 first, __u64 second) {
  /* Of an IPv4 address, all of it is in the upper half of `second`. */
  const __u64 folded = first ^ second ^ second >> 32;
  const __u64 hash = folded * BAILIFF_DNS_FACTOR_1;

  return table->sets[(hash >> 32) % BAILIFF_DNS_SETS];
}

/* A host's address as programs look for it (reached_host.h).  Returns 0 for
 * those of no other host: a resolver that keeps listed names from its clients
 * says 0.0.0.0 or 127.0.0.1, and what a container says to itself is its own
 * affair. */
INLINE long file_address(const struct record* record, const __u8* bytes,
                         __u64* address) {
  __u32 word[4];

  __builtin_memcpy(word, bytes, sizeof(word));
  if (record->type == DNS_TYPE_A) {
    word[3] = word[0];
  } else if (word[0] == TO_NETWORK(0x0064ff9bU) && !(word[1] | word[2])) {
    /* NAT64: an IPv4 host. */
  } else if ((word[0] | word[1]) == 0 && word[2] == TO_NETWORK(0x0000ffffU)) {
    /* IPv4-mapped. */
  } else {
    __builtin_memcpy(address, word, sizeof(word));
    /* :: and ::1 */
    return (word[0] | word[1] | word[2] | (word[3] & ~TO_NETWORK(1U))) != 0;
  }
  address[0] = 0;
  address[1] = MAPPED(word[3]);
  return word[3] != 0 && FROM_NETWORK(word[3]) >> 24 != 127;
}

INLINE __u32 last_of(const struct bailiff_dns_address* entry) {
  __u32 last = 0;

  for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
    last = selected(entry->until[i], last, is_less(last, entry->until[i]));
  }
  return last;
}

/* Keeps one name of the address of the entry. */
INLINE long keep_name(struct bailiff_dns_address* entry, const __u64* name,
                      __u32 now, __u32 until, __u32 refuses) {
  __u32 soonest = ~0U;
  int use = 0;

  for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
    if (entry->name[i][0] == name[0] && entry->name[i][1] == name[1]) {
      if (entry->until[i] < until) entry->until[i] = until;
      return 0;
    }
  }
  for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
    if (entry->until[i] < soonest) {
      soonest = entry->until[i];
      use = i;
    }
  }
  if (soonest > now && refuses) return -1;
  for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
    if (use != i) continue;
    /* Whoever looks meanwhile finds nothing rather than half a name. */
    *(volatile __u32*)&entry->until[i] = 0;
    *(volatile __u64*)&entry->name[i][0] = name[0];
    *(volatile __u64*)&entry->name[i][1] = name[1];
    *(volatile __u32*)&entry->until[i] = until;
  }
  return 0;
}

INLINE long keep_address(struct bailiff_dns_walk* walk, const __u64* address,
                         __u32 now, __u32 until) {
  struct bailiff_dns_address* set =
      set_of((void*)(unsigned long)walk->table, address[0], address[1]);
  struct bailiff_dns_address* entry = set;
  __u32 soonest = ~0U;
  int known = 0;

  for (int i = 0; i < BAILIFF_DNS_WAYS; i++) {
    const __u32 last = last_of(&set[i]);

    if (set[i].address[0] == address[0] && set[i].address[1] == address[1]) {
      entry = &set[i];
      known = 1;
      break;
    }
    if (last < soonest) {
      soonest = last;
      entry = &set[i];
    }
  }
  if (!known) {
    if (soonest > now && walk->refuses) return -1;
    for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
      *(volatile __u32*)&entry->until[i] = 0;
    }
    *(volatile __u64*)&entry->address[0] = address[0];
    *(volatile __u64*)&entry->address[1] = address[1];
  }
  for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
    if (walk->names.name[i][0] == 0) break;
    if (keep_name(entry, walk->names.name[i], now, until, walk->refuses)) {
      return -1;
    }
  }
  return 0;
}

/* A step of bpf_loop(): keeps the next address for the names in `walk`.  All
 * addresses of an answer are those of all its names. */
FUNCTION(dns_learn)(__u64 step, struct bailiff_dns_walk* walk) {
  struct record record;
  __u8 bytes[16] = {};
  __u64 address[2];
  __u32 now;
  __u32 ttl;
  __u32 size;

  (void)step;
  if (walk->part == BAILIFF_DNS_OWNER) return skip_owner(walk);
  if (walk->part != BAILIFF_DNS_RECORD) return stop(walk, BAILIFF_DNS_END);
  if (read_record(walk, &record)) return bad(walk);
  to_next_record(walk, walk->next);
  if (record.type == DNS_TYPE_A) {
    size = 4;
    if (record.size != size) return bad(walk);
    if (load_bytes(packet_of(walk), record.at, bytes, 4)) return bad(walk);
  } else if (record.type == DNS_TYPE_AAAA) {
    size = 16;
    if (record.size != size) return bad(walk);
    if (load_bytes(packet_of(walk), record.at, bytes, 16)) return bad(walk);
  } else {
    return 0;
  }
  if (!file_address(&record, bytes, address)) return 0;
  ttl = record.ttl;
  /* RFC 2181, section 8: with its highest bit it is 0. */
  if (ttl >> 31) ttl = 0;
  if (ttl < BAILIFF_DNS_MIN_TTL) ttl = BAILIFF_DNS_MIN_TTL;
  if (ttl > BAILIFF_DNS_MAX_TTL) ttl = BAILIFF_DNS_MAX_TTL;
  now = (__u32)(monotonic_ns() / NS_PER_SECOND);
  if (keep_address(walk, address, now, now + ttl)) {
    return stop(walk, BAILIFF_DNS_FULL);
  }
  return 0;
}

/* Fills `names` with those the container was told for an address, given as the
 * two numbers its 16 bytes are in memory, IPv4 in the first 4 when `family`
 * says so. */
FUNCTION(dns_known)
(struct bailiff_dns_table* table, struct bailiff_dns_names* names, __u64 first,
 __u64 second, __u64 family) {
  const __u64 is_four = is_zero(family ^ 4);
  const struct bailiff_dns_address* entry;
  __u64 now;

  second = selected(MAPPED(FIRST_WORD(first)), second, is_four);
  first = selected(0, first, is_four);
  for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
    names->name[i][0] = names->name[i][1] = 0;
  }
  names->held = 0;
  now = monotonic_ns() / NS_PER_SECOND;
  entry = set_of(table, first, second);
  for (int way = 0; way < BAILIFF_DNS_WAYS; way++, entry++) {
    const __u64 same =
        is_zero((entry->address[0] ^ first) | (entry->address[1] ^ second));

    for (int i = 0; i < BAILIFF_DNS_NAMES; i++) {
      const __u64 live = same & is_less(now, entry->until[i]);

      names->name[i][0] |= entry->name[i][0] & -live;
      names->name[i][1] |= entry->name[i][1] & -live;
    }
  }
  return 0;
}
