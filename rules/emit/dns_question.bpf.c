// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The subprogram that reads the question of a DNS message.  It becomes part of
 * emitted programs (query.cpp), so it knows no map and calls nothing but a
 * helper, and its stack is at most the 32 bytes that writer.h leaves it.
 *
 * It reads through bpf_skb_load_bytes(), which finds the bytes wherever the
 * message was put together from.  Where it fails it gives zeros.
 *
 * A name is walked byte by byte without a jump: to the verifier every jump in a
 * loop multiplies the ways to look at.  Choices are numbers that are 0 or 1,
 * hidden from the compiler, which would make jumps of them again.
 */
#include <linux/bpf.h>

#include "rules/abi/dns.h"

static long (*load_bytes)(const void* skb, __u32 offset, void* to,
                          __u32 size) = (void*)BPF_FUNC_skb_load_bytes;

#define HIDE(number) asm volatile("" : "+r"(number))
#define INLINE static __attribute__((always_inline)) inline

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

INLINE __u64 small_letter(__u64 letter) {
  return letter | (is_less(letter, 'Z' + 1) & (is_less(letter, 'A') ^ 1)) << 5;
}

/* Adds the byte to a hash when `wanted` is 1. */
INLINE __u64 added(__u64 hash, __u64 byte, __u64 factor, __u64 wanted) {
  __u64 with = hash;

  BAILIFF_DNS_ADD(with, byte, factor);
  return hash ^ ((hash ^ with) & -wanted);
}

/* As many bytes are walked before it is asked whether the name has ended. */
#define BAILIFF_DNS_CHUNK 15
#define BAILIFF_DNS_CHUNKS (BAILIFF_DNS_NAME_BYTES / BAILIFF_DNS_CHUNK)

/* Of the caller: what the name hashes to, and places to work with. */
struct walk {
  __u64 hash[2];
  __u64 label; /* where the next one begins */
  __u64 more;  /* 0 when the name has ended */
  __u64 bad;
  __u64 chunk;
};
_Static_assert(sizeof(struct walk) == BAILIFF_DNS_WALK_BYTES, "");

/* `at`: where the message begins in the packet.  Returns where its question
 * ends, with the hashes of the name in `walk`, which are 0 when it asks
 * nothing; -1 when it cannot be read: it ends early, asks more than one
 * question, as no resolver does, or has a name that is too long, or compressed,
 * for which there is no reason in a question.
 */
__attribute__((section("code/dns_question"), used)) long dns_question(
    struct __sk_buff* skb, __u64 at, volatile struct walk* walk) {
  __u8 bytes[2];

  walk->hash[0] = walk->hash[1] = 0;
  if (load_bytes(skb, at + 4, bytes, sizeof(bytes))) return -1;
  at += BAILIFF_DNS_HEADER_BYTES;
  if ((bytes[0] | bytes[1]) == 0) return at;
  if (bytes[0] != 0 || bytes[1] != 1) return -1;
  walk->hash[0] = BAILIFF_DNS_SEED_1;
  walk->hash[1] = BAILIFF_DNS_SEED_2;
  walk->label = at;
  walk->bad = 0;
#pragma clang loop unroll(disable)
  for (walk->chunk = 0; walk->chunk < BAILIFF_DNS_CHUNKS; walk->chunk++) {
#pragma clang loop unroll(disable)
    for (long i = 0; i < BAILIFF_DNS_CHUNK; i++) {
      __u64 letter, is_length, more;

      walk->bad |= load_bytes(skb, at, bytes, 1);
      letter = bytes[0];
      is_length = is_zero(at ^ walk->label);
      /* The last length is 0.  It stays where it is from then on. */
      more = (is_length & is_zero(letter)) ^ 1;
      walk->more = more;
      at += more;
      walk->bad |= is_length & is_less(BAILIFF_DNS_LABEL_BYTES, letter);
      walk->label += (is_length & more) * (letter + 1);
      /* A length is not a letter, or it is bad. */
      letter = small_letter(letter);
      walk->hash[0] = added(walk->hash[0], letter, BAILIFF_DNS_FACTOR_1, more);
      walk->hash[1] = added(walk->hash[1], letter, BAILIFF_DNS_FACTOR_2, more);
    }
    if (!walk->more) break;
  }
  /* Behind the name are type and class. */
  return walk->bad | walk->more ? -1 : (long)(at + 5);
}
