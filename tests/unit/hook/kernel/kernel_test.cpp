// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel.h"

#include <gtest/gtest.h>

namespace bailiff::hook {
namespace {

emit::Program loads_a_map() {
  emit::Program program;
  program.insns = {{.code = BPF_LD | BPF_DW | BPF_IMM,
                    .dst_reg = 1,
                    .src_reg = 0,
                    .off = 0,
                    .imm = 0},
                   {.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
                   {.code = BPF_JMP | BPF_EXIT,
                    .dst_reg = 0,
                    .src_reg = 0,
                    .off = 0,
                    .imm = 0}};
  program.maps = {{.kind = emit::MapKind::kEvents, .list = {}},
                  {.kind = emit::MapKind::kLost, .list = {}}};
  program.relocations = {{.insn = 0, .map = 1}};
  return program;
}

TEST(PatchMaps, PutsTheDescriptorWhereTheRelocationIs) {
  const int fds[] = {7, 8};
  const auto insns = patch_maps(loads_a_map(), fds);
  ASSERT_TRUE(insns);
  EXPECT_EQ((*insns)[0].src_reg, BPF_PSEUDO_MAP_FD);
  EXPECT_EQ((*insns)[0].imm, 8);
  EXPECT_EQ((*insns)[0].dst_reg, 1);
}

TEST(PatchMaps, PutsForAListWhereItsNumberIs) {
  emit::Program program = loads_a_map();
  program.maps = {{.kind = emit::MapKind::kList, .list = "a"},
                  {.kind = emit::MapKind::kTables, .list = {}},
                  {.kind = emit::MapKind::kList, .list = "b"}};
  program.relocations[0].map = 2;
  const int fds[] = {7, 8, 7};
  const auto insns = patch_maps(program, fds);
  ASSERT_TRUE(insns);
  EXPECT_EQ((*insns)[0].src_reg, BPF_PSEUDO_MAP_VALUE);
  EXPECT_EQ((*insns)[0].imm, 7);
  EXPECT_EQ((*insns)[1].imm, 8);
}

TEST(PatchMaps, RefusesAMapThatIsNotThere) {
  const int fds[] = {7};
  EXPECT_FALSE(patch_maps(loads_a_map(), fds));
}

TEST(PatchMaps, RefusesAnInstructionThatLoadsNoMap) {
  const int fds[] = {7, 8};
  for (const std::uint32_t insn : {1U, 2U, 3U}) {
    emit::Program program = loads_a_map();
    program.relocations[0].insn = insn;
    EXPECT_FALSE(patch_maps(program, fds)) << insn;
  }
}

TEST(VerifierReason, LeavesOutRegistersAndStatistics) {
  EXPECT_EQ(verifier_reason("0: R1=ctx() R10=fp0\n"
                            "0: (bf) r0 = r3\n"
                            "R3 !read_ok\n"
                            "processed 1 insns (limit 1000000)\n"),
            "0: (bf) r0 = r3 | R3 !read_ok");
}

TEST(VerifierReason, KeepsTheLastLinesOfALongLog) {
  EXPECT_EQ(verifier_reason("a\nb\nc\nd\n\n"), "b | c | d");
}

TEST(VerifierReason, EndsAtTheFirstNul) {
  EXPECT_EQ(verifier_reason(std::string_view("a\0b", 3)), "a");
  EXPECT_EQ(verifier_reason(""), "");
}

}  // namespace
}  // namespace bailiff::hook
