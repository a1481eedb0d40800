// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/assembler.h"

#include <gtest/gtest.h>

#include <utility>

#include "rules/emit/instruction.h"

namespace bailiff::emit {
namespace {

TEST(Assembler, CountsFromTheInstructionBehindTheJump) {
  Assembler assembler;
  const Label end = assembler.new_label();
  const Label begin = assembler.new_label();
  assembler.bind(begin);
  assembler.jump(jump_if(Comparison::kEq, kR1, 0), end);
  assembler.append(move(kR0, 1));
  assembler.jump(jump_always(), begin);
  assembler.bind(end);
  assembler.append(leave());
  const auto insns = std::move(assembler).link();
  ASSERT_TRUE(insns);
  EXPECT_EQ((*insns)[0].off, 2);
  EXPECT_EQ((*insns)[2].off, -3);
}

TEST(Assembler, CallsOfSubprogramsReachFar) {
  Assembler assembler;
  const Label subprogram = assembler.new_label();
  assembler.jump(call_subprogram(), subprogram);
  for (int i = 0; i < 40000; ++i) assembler.append(move(kR0, 0));
  assembler.bind(subprogram);
  assembler.append(leave());
  const auto insns = std::move(assembler).link();
  ASSERT_TRUE(insns);
  EXPECT_EQ((*insns)[0].imm, 40000);
}

TEST(Assembler, RefusesAJumpThatDoesNotFit) {
  for (const int distance : {32767, 32768}) {
    Assembler assembler;
    const Label far = assembler.new_label();
    assembler.jump(jump_always(), far);
    for (int i = 0; i < distance; ++i) assembler.append(move(kR0, 0));
    assembler.bind(far);
    assembler.append(leave());
    const auto insns = std::move(assembler).link();
    EXPECT_EQ(insns.has_value(), distance == 32767);
    if (!insns) {
      EXPECT_EQ(insns.error().code, Code::kExhausted);
    }
  }
}

}  // namespace
}  // namespace bailiff::emit
