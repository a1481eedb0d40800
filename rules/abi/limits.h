/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* rules/abi/limits.h
 * Bounds that more than one part must agree on, each with its reason and what
 * happens at it.
 */
#ifndef BAILIFF_RULES_ABI_LIMITS_H_
#define BAILIFF_RULES_ABI_LIMITS_H_

/* Bytes of the ring buffer shared by all containers: a power of two, as the
 * kernel requires.  37,000 connect records wait in it while the sidecar is
 * down; when it is full a record is dropped and counted in the `lost` map (the
 * verdict stands). */
#define BAILIFF_RING_BYTES (4U << 20)

/* How long it is no news that a process tries what it was refused once more:
 * a packet that is sent anew, a loop around connect(2).  It is refused each
 * time all the same. */
#define BAILIFF_REPEAT_NS 10000000000ULL

/* Rules in one compiled policy.  The 97 upstream rules are far below; more is
 * refused at load. */
#define BAILIFF_MAX_RULES 4096U

/* Rules one program can hold: a bit each in words on the BPF stack of 512
 * bytes.  More is refused by the emitter, naming the container's policy. */
#define BAILIFF_MAX_PROGRAM_RULES 1024U

/* Entries of one list.  A list that grows past it is refused by name and the
 * last good one stays.  A rule file has room for some ten million (yaml.h),
 * which take 2 GB to load, and Falco's `append` joins several. */
#define BAILIFF_MAX_LIST_ENTRIES 16000000U

/* Tables of lists on one node, one for each list and what it is looked up as:
 * places of an array, 8 bytes each.  A container whose program needs one more
 * is not protected, and the hook says so. */
#define BAILIFF_MAX_TABLES 8192U

/* Bytes of a compiled policy file: a decoder reads no more. */
#define BAILIFF_MAX_POLICY_BYTES (512U << 20)

#endif /* BAILIFF_RULES_ABI_LIMITS_H_ */
