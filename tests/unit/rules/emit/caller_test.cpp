// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/caller.h"

#include <gtest/gtest.h>

#include <set>

#include "rules/emit/program.h"

namespace bailiff::emit {
namespace {

// So that a kernel that takes it takes what programs do with it.
TEST(Caller, TheProbeAsksForAllThatIsReadOfTheCaller) {
  const Program probe = emit_caller_probe();
  EXPECT_EQ(probe.flavour, Flavour::kFrame);
  std::set<KernelFact> asked;
  for (const FactUse& use : probe.facts) {
    ASSERT_LT(use.insn, probe.insns.size());
    asked.insert(use.fact);
  }
  std::set<KernelFact> all;
  for (std::size_t i = 0; i < kKernelFacts; ++i) {
    all.insert(static_cast<KernelFact>(i));
  }
  for (const KernelFact fact :
       {KernelFact::kKnowsSender, KernelFact::kCastToKernel,
        KernelFact::kPacketSock, KernelFact::kSockSocket,
        KernelFact::kSockOwned, KernelFact::kSocketFile}) {
    all.erase(fact);  // of the packet
  }
  EXPECT_EQ(asked, all);
}

}  // namespace
}  // namespace bailiff::emit
