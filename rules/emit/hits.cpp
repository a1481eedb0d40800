// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/hits.h"

#include <algorithm>
#include <cstdint>

#include "rules/abi/event.h"

namespace bailiff::emit {
namespace {

constexpr std::size_t kWordBits = 64;

int word_slot(std::size_t word) {
  return kHitsSlot + static_cast<int>(word * 8);
}

}  // namespace

std::size_t hit_words(const std::vector<KernelRule>& rules) {
  return (rules.size() + kWordBits - 1) / kWordBits;
}

void clear_hits(Writer& code) { code.append(move(kHits, 0)); }

void add_hit(Writer& code, std::size_t rule) {
  const std::size_t bit = rule % kWordBits;
  if (bit < 31) {
    code.append(alu(BPF_OR, kHits, std::int32_t{1} << bit));
    return;
  }
  code.load_constant(kR1, std::uint64_t{1} << bit);
  code.append(alu(BPF_OR, kHits, kR1));
}

void drop_raw_hits(Writer& code, const std::vector<KernelRule>& rules,
                   std::size_t word) {
  std::uint64_t raw = 0;
  const std::size_t end = std::min(rules.size(), (word + 1) * kWordBits);
  for (std::size_t rule = word * kWordBits; rule < end; ++rule) {
    if (rules[rule].raw) raw |= std::uint64_t{1} << rule % kWordBits;
  }
  if (raw == 0) return;
  // Without a jump: 0 - 1 is all of them, 1 - 1 none.
  code.append(load(Size::k64, kR1, kFrame, kRawSlot));
  code.append(alu(BPF_SUB, kR1, 1));
  code.load_constant(kR2, raw);
  code.append(alu(BPF_AND, kR1, kR2));
  code.append(alu(BPF_XOR, kR1, -1));
  code.append(alu(BPF_AND, kHits, kR1));
}

void keep_hits(Writer& code, const FlavourCode& flavour,
               const std::vector<KernelRule>& rules, std::size_t word) {
  if (rules.size() == 1) return;
  // Flips the bits of x - x, which the verifier does not see to be 0: as long
  // as it knows which bits are set, every combination of rules hit is a state
  // of its own to it, and 20 rules have more than it agrees to look at.
  flavour.load_unknown(code, kR1);
  flavour.load_unknown(code, kR2);
  code.append(alu(BPF_SUB, kR1, kR2));
  code.append(alu(BPF_XOR, kHits, kR1));
  if (hit_words(rules) == 1) return;
  code.append(store(Size::k64, kFrame, word_slot(word), kHits));
}

void load_hits(Writer& code, const std::vector<KernelRule>& rules,
               std::size_t word) {
  if (hit_words(rules) == 1) return;
  code.append(load(Size::k64, kHits, kFrame, word_slot(word)));
}

void branch_no_hit(Writer& code, const std::vector<KernelRule>& rules,
                   Label none) {
  if (rules.size() == 1) {
    code.jump(jump_if(Comparison::kEq, kHits, 0), none);
    return;
  }
  code.append(move(kR1, 0));
  if (hit_words(rules) == 1) {
    code.append(alu(BPF_OR, kR1, kHits));
  } else {
    for (std::size_t word = 0; word < hit_words(rules); ++word) {
      code.append(load(Size::k64, kR2, kFrame, word_slot(word)));
      code.append(alu(BPF_OR, kR1, kR2));
    }
  }
  code.jump(jump_if(Comparison::kEq, kR1, 0), none);
}

void branch_not_hit(Writer& code, std::size_t rule, Label miss) {
  const auto bit = static_cast<int>(rule % kWordBits);
  code.append(move(kR1, kHits));
  if (bit > 0) code.append(alu(BPF_RSH, kR1, bit));
  code.append(alu(BPF_AND, kR1, 1));
  code.jump(jump_if(Comparison::kEq, kR1, 0), miss);
}

void emit_verdict(Writer& code, const std::vector<KernelRule>& rules,
                  const std::vector<bool>* by_task) {
  const Label done = code.new_label();
  code.append(move(kVerdict, BAILIFF_VERDICT_DENIED));
  for (std::size_t word = 0; word < hit_words(rules); ++word) {
    std::uint64_t denying = 0;
    std::uint64_t denying_known = 0;
    const std::size_t end = std::min(rules.size(), (word + 1) * kWordBits);
    for (std::size_t rule = word * kWordBits; rule < end; ++rule) {
      if (!rules[rule].deny) continue;
      const bool known = by_task != nullptr && (*by_task)[rule];
      (known ? denying_known : denying) |= std::uint64_t{1} << rule % kWordBits;
    }
    if ((denying | denying_known) == 0) continue;
    load_hits(code, rules, word);
    code.load_constant(kR1, denying);
    if (denying_known != 0) {
      // Without a jump: 0 - 1 is all of them, 1 - 1 none.
      code.append(load(Size::k64, kR2, kFrame, kTaskUnknownSlot));
      code.append(alu(BPF_SUB, kR2, 1));
      code.load_constant(kR3, denying_known);
      code.append(alu(BPF_AND, kR2, kR3));
      code.append(alu(BPF_OR, kR1, kR2));
    }
    code.append(alu(BPF_AND, kR1, kHits));
    code.jump(jump_if(Comparison::kNe, kR1, 0), done);
  }
  code.append(move(kVerdict, BAILIFF_VERDICT_ALLOWED));
  code.bind(done);
}

}  // namespace bailiff::emit
