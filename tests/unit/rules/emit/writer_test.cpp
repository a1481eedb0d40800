// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/writer.h"

#include <gtest/gtest.h>

#include <utility>

namespace bailiff::emit {
namespace {

TEST(Writer, WritesNothingWhereNoWayLeads) {
  Writer code;
  const Label nowhere = code.new_label();
  code.append(move(kR0, 1));
  code.exit();
  EXPECT_FALSE(code.reachable());
  code.append(move(kR0, 2));
  code.go(nowhere);
  code.bind(nowhere);
  EXPECT_FALSE(code.reachable());
  code.load_map(kR1, {.kind = MapKind::kEvents, .list = {}});
  const auto program = std::move(code).finish(Flavour::kConnect4);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->insns.size(), 2U);
  EXPECT_TRUE(program->maps.empty());
  EXPECT_TRUE(program->relocations.empty());
}

TEST(Writer, AValueIsLoadedWhereEveryWayHasLoadedIt) {
  Writer code;
  const Label other = code.new_label();
  const Label join = code.new_label();
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  EXPECT_TRUE(code.begin_load(kLoadedComm));
  EXPECT_FALSE(code.begin_load(kLoadedComm));
  code.go(join);
  code.bind(other);
  EXPECT_TRUE(code.begin_load(kLoadedPid));
  EXPECT_TRUE(code.begin_load(kLoadedComm));
  code.bind(join);
  EXPECT_FALSE(code.begin_load(kLoadedComm));
  EXPECT_TRUE(code.begin_load(kLoadedPid));
}

TEST(Writer, BranchesFallThroughToWhatIsNext) {
  Writer code;
  const Label yes = code.new_label();
  const Label no = code.new_label();
  code.branch(jump_if(Comparison::kEq, kR1, 7), yes, no, yes);
  code.bind(yes);
  code.exit();
  code.bind(no);
  code.exit();
  const auto program = std::move(code).finish(Flavour::kConnect4);
  ASSERT_TRUE(program);
  ASSERT_EQ(program->insns.size(), 3U);
  EXPECT_EQ(program->insns[0].code, BPF_JMP | BPF_JNE | BPF_K);
  EXPECT_EQ(program->insns[0].off, 1);
}

TEST(Writer, NamesEachMapOnce) {
  Writer code;
  const MapRef events = {.kind = MapKind::kEvents, .list = {}};
  const MapRef list = {.kind = MapKind::kList, .list = "c2"};
  code.load_map(kR1, events);
  code.load_map(kR1, list);
  code.load_map(kR1, events);
  code.exit();
  const auto program = std::move(code).finish(Flavour::kConnect4);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->maps, (std::vector<MapRef>{events, list}));
  EXPECT_EQ(program->relocations,
            (std::vector<Relocation>{{0, 0}, {2, 1}, {4, 0}}));
}

}  // namespace
}  // namespace bailiff::emit
