// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/function_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/btf.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/harness/expr.h"

namespace bailiff::emit {
namespace {

using test::check;
using testing::IsEmpty;

Program program_asking(std::uint32_t lists, Flavour flavour) {
  std::vector<List> all;
  std::vector<KernelRule> rules;
  for (std::uint32_t i = 0; i < lists; ++i) {
    all.push_back({.name = "l" + std::to_string(i), .items = {}});
    rules.push_back(
        {.rule = i, .condition = check(FieldId::kFdSip, Op::kIn, {}, {i})});
  }
  return *emit_program(rules, all, flavour);
}

TEST(FunctionTypes, AreNoneOfAProgramThatAsksAtThePlace) {
  const FunctionTypes types =
      function_types(program_asking(8, Flavour::kConnect6));
  EXPECT_THAT(types.btf, IsEmpty());
  EXPECT_THAT(types.functions, IsEmpty());
}

TEST(FunctionTypes, AreOfEveryFunctionInOrder) {
  const Program program = program_asking(9, Flavour::kConnect6);
  // A number, an address of one word, and a port; and one of two words.
  ASSERT_EQ(program.functions.size(), 2U);
  EXPECT_EQ(program.functions[0].arguments, 3U);
  EXPECT_EQ(program.functions[1].arguments, 4U);
  const FunctionTypes types = function_types(program);
  // The main program, and the one that sends a record.
  ASSERT_EQ(types.functions.size(), 4U);
  EXPECT_EQ(types.functions[0].insn_off, 0U);
  EXPECT_LT(types.functions[1].insn_off, program.functions[0].insn);
  EXPECT_EQ(types.functions[2].insn_off, program.functions[0].insn);
  EXPECT_EQ(types.functions[3].insn_off, program.functions[1].insn);
}

TEST(FunctionTypes, ComeAsOneBtf) {
  const FunctionTypes types =
      function_types(program_asking(9, Flavour::kConnect4));
  btf_header header{};
  ASSERT_GE(types.btf.size(), sizeof header);
  std::memcpy(&header, types.btf.data(), sizeof header);
  EXPECT_EQ(header.magic, BTF_MAGIC);
  EXPECT_EQ(header.hdr_len + header.type_len + header.str_len,
            types.btf.size());
}

}  // namespace
}  // namespace bailiff::emit
