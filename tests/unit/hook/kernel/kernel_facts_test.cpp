// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel_facts.h"

#include <gtest/gtest.h>

#include <utility>

#include "rules/emit/instruction.h"

namespace bailiff::hook {
namespace {

using emit::KernelFact;

TEST(WithFacts, PutsAnOffsetIntoALoadAndAnOperandIntoTheRest) {
  KernelFacts facts;
  facts[KernelFact::kPacketSock] = 24;
  facts[KernelFact::kCgroupAncestors] = 400;
  emit::Program program;
  program.insns = {
      emit::load(emit::Size::k64, emit::kR1, emit::kR0, 0),
      emit::alu(BPF_ADD, emit::kR3, 0),
      emit::leave(),
  };
  program.facts = {{.insn = 0, .fact = KernelFact::kPacketSock},
                   {.insn = 1, .fact = KernelFact::kCgroupAncestors}};
  const emit::Program told = with_facts(std::move(program), facts);
  EXPECT_TRUE(told.facts.empty());
  EXPECT_EQ(told.insns[0].off, 24);
  EXPECT_EQ(told.insns[0].imm, 0);
  EXPECT_EQ(told.insns[1].off, 0);
  EXPECT_EQ(told.insns[1].imm, 400);
}

TEST(KernelFacts, KnowNoSenderWhenNothingIsKnown) {
  EXPECT_FALSE(KernelFacts().knows_sender());
}

}  // namespace
}  // namespace bailiff::hook
