// SPDX-License-Identifier: Apache-2.0
// rules/emit/hits.h
// The hits of a program's rules: rule i is bit i % 64 of word i / 64.
//
// The last word is in kHits while its rules are decided; when there are more
// than 64 rules, each word goes to the stack at kHitsSlot when it is full.
//
// To the verifier the hits of a program are numbers it knows nothing of, and
// stay so: what is tested are copies.  If it learnt of one hit from the test
// of another, it would look at what comes behind once for every combination.
// Of a single rule there are but two.
#pragma once

#include <cstddef>
#include <vector>

#include "rules/emit/flavour.h"

namespace bailiff::emit {

std::size_t hit_words(const std::vector<KernelRule>& rules);

// kHits = 0.
void clear_hits(Writer& code);
// Sets the bit of a rule.  Clobbers r1.
void add_hit(Writer& code, std::size_t rule);
// Behind the last rule of `word`: takes back the hits of `raw` rules unless
// kRawSlot says that they are about the packet.  Clobbers r1, r2.
void drop_raw_hits(Writer& code, const std::vector<KernelRule>& rules,
                   std::size_t word);
// Behind that.  Clobbers r1, r2.
void keep_hits(Writer& code, const FlavourCode& flavour,
               const std::vector<KernelRule>& rules, std::size_t word);

// kHits = `word`.
void load_hits(Writer& code, const std::vector<KernelRule>& rules,
               std::size_t word);
// Goes to `none` unless a rule is hit.  Clobbers r1, r2.
void branch_no_hit(Writer& code, const std::vector<KernelRule>& rules,
                   Label none);
// Goes to `miss` unless the rule, whose word is in kHits, is hit.  Clobbers r1.
void branch_not_hit(Writer& code, std::size_t rule, Label miss);
// kVerdict = 1 when a rule with `deny` is hit, else 0: the values of enum
// bailiff_event_verdict.  A rule `by_task` denies when kTaskUnknownSlot is 0.
// Clobbers kHits unless there is one word, and r1..r3.
void emit_verdict(Writer& code, const std::vector<KernelRule>& rules,
                  const std::vector<bool>* by_task);

}  // namespace bailiff::emit
