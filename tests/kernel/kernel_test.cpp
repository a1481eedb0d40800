// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hook/attach/probes.h"
#include "hook/attach/self_test.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

emit::Program program_of(std::vector<bpf_insn> insns) {
  emit::Program program;
  program.insns = std::move(insns);
  return program;
}

bpf_insn move(std::uint8_t dst, std::uint8_t src) {
  return {.code = BPF_ALU64 | BPF_MOV | BPF_X,
          .dst_reg = static_cast<std::uint8_t>(dst & 15),
          .src_reg = static_cast<std::uint8_t>(src & 15),
          .off = 0,
          .imm = 0};
}
bpf_insn leave() {
  return {.code = BPF_JMP | BPF_EXIT,
          .dst_reg = 0,
          .src_reg = 0,
          .off = 0,
          .imm = 0};
}

TEST(Kernel, SaysWhyTheVerifierRefuses) {
  hook::LinuxKernel kernel;
  const auto loaded = kernel.load(program_of({move(0, 3), leave()}), {});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("R3 !read_ok"));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("\n")));
}

TEST(Kernel, SharesAListThatIsSwapped) {
  hook::LinuxKernel kernel;
  const hook::MapSpec inner_spec{.type = hook::MapType::kPages,
                                 .name = "inner",
                                 .key_size = 4,
                                 .value_size = 64,
                                 .max_entries = 4};
  const auto inner = kernel.create_map(inner_spec, nullptr);
  ASSERT_TRUE(inner);
  const auto outer = kernel.create_map({.type = hook::MapType::kArrayOfMaps,
                                        .name = "outer",
                                        .key_size = 4,
                                        .value_size = 4,
                                        .max_entries = 1},
                                       &*inner);
  ASSERT_TRUE(outer) << outer.error().message;
  hook::MapSpec bigger = inner_spec;
  bigger.max_entries = 100'000;
  const auto swapped = kernel.create_map(bigger, nullptr);
  ASSERT_TRUE(swapped);
  const hook::InnerMap put{.index = 0, .fd = swapped->fd()};
  const Status set = kernel.set_inners(*outer, {&put, 1});
  EXPECT_TRUE(set) << set.error().message;
}

TEST(Kernel, NamesTheMapThatCannotBeMade) {
  hook::LinuxKernel kernel;
  const auto map = kernel.create_map(
      {.type = hook::MapType::kRingBuffer, .name = "odd", .max_entries = 3},
      nullptr);
  ASSERT_FALSE(map);
  EXPECT_THAT(map.error().message, HasSubstr("'odd'"));
}

TEST(Kernel, PinsAreFoundListedAndRemoved) {
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  const auto map = kernel.create_map({.type = hook::MapType::kPages,
                                      .name = "m",
                                      .key_size = 4,
                                      .value_size = 1,
                                      .max_entries = 1},
                                     nullptr);
  ASSERT_TRUE(map);
  const std::string folder = bpffs.path() + "/folder";
  EXPECT_TRUE(*kernel.make_folder(folder));
  EXPECT_FALSE(*kernel.make_folder(folder));
  const std::string pin = folder + "/m";
  ASSERT_TRUE(kernel.pin(map->fd(), pin));
  const auto found = kernel.open_map(pin);
  ASSERT_TRUE(found);
  const std::uint32_t key = 0;
  const std::byte written{66};
  ASSERT_TRUE(kernel.update(*map, hook::bytes_of(key), {&written, 1}));
  std::byte read[8]{};
  ASSERT_TRUE(kernel.look_up(*found, hook::bytes_of(key), read));
  EXPECT_EQ(read[0], written);
  EXPECT_THAT(*kernel.list(folder), ElementsAre("m"));
  EXPECT_TRUE(kernel.unlink(pin));
  EXPECT_TRUE(kernel.remove_folder(folder));
  const auto gone = kernel.open_map(pin);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kNotFound);
}

TEST(Kernel, LinksAreMadeOnceAndRead) {
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  const std::string link = bpffs.path() + "/link";
  EXPECT_EQ(kernel.read_link(link).error().code, Code::kNotFound);
  ASSERT_TRUE(kernel.make_link("4711", link));
  EXPECT_FALSE(kernel.make_link("4712", link));
  EXPECT_EQ(*kernel.read_link(link), "4711");
  EXPECT_TRUE(kernel.unlink(link));
}

TEST(Kernel, LooksAboveAFolderThatIsNotThere) {
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  EXPECT_TRUE(kernel.check_bpffs(bpffs.path()));
  EXPECT_TRUE(kernel.check_bpffs(bpffs.path() + "/a/b"));
  EXPECT_FALSE(kernel.check_bpffs("/tmp/bailiff-test-absent/a"));
}

TEST(SelfTest, PassesHereAndLeavesNothing) {
  hook::LinuxKernel kernel;
  const int descriptors = open_descriptors();
  const auto shown = hook::self_test(kernel);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_THAT(*shown, HasSubstr("refused"));
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(Probes, FindEverythingNeededHere) {
  hook::LinuxKernel kernel;
  const ScratchBpffs bpffs;
  const auto probes = hook::probe_host(bpffs.path() + "/bailiff", kernel);
  for (const char* name : {"observer", "foreign sockets"}) {
    EXPECT_TRUE(std::any_of(probes.begin(), probes.end(),
                            [&](const hook::Probe& one) {
                              return one.name == name &&
                                     one.state == hook::ProbeState::kOk;
                            }))
        << name;
  }
  for (const hook::Probe& probe : probes) {
    EXPECT_NE(probe.state, hook::ProbeState::kMissing)
        << probe.name << ": " << probe.detail;
    EXPECT_EQ(probe.remedy.empty(), probe.state == hook::ProbeState::kOk)
        << probe.name;
  }
}

TEST(Probes, TellTheRemedyForAMissingBpffs) {
  hook::LinuxKernel kernel;
  const ScratchFolder folder;
  const auto probes = hook::probe_host(folder.path() + "/bailiff", kernel);
  const auto bpffs = std::find_if(
      probes.begin(), probes.end(),
      [](const hook::Probe& probe) { return probe.name == "bpffs"; });
  ASSERT_NE(bpffs, probes.end());
  EXPECT_EQ(bpffs->state, hook::ProbeState::kMissing);
  EXPECT_EQ(bpffs->remedy, "mount -t bpf bpf " + folder.path());
}

}  // namespace
}  // namespace bailiff::test
