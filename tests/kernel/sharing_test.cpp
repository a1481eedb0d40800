// SPDX-License-Identifier: Apache-2.0
//
// What many containers have in common, and what each has for itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "hook/attach/attach.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/kernel.h"
#include "tests/kernel/every_hook.h"
#include "tests/kernel/host.h"
#include "tests/kernel/kernel_memory.h"
#include "tests/kernel/many_rules.h"

namespace bailiff::test {
namespace {

using ::testing::Contains;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::size_t kContainers = 1000;
constexpr std::size_t kPolicies = 50;
constexpr std::size_t kRules = 6;
constexpr std::size_t kLists = 4;
// connect4 and connect6.
constexpr std::size_t kHooks = kHookCount;

class Sharing : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  std::vector<std::string> names(const std::string& folder) {
    const auto names = kernel_.list(folder);
    EXPECT_TRUE(names) << folder;
    return names ? *names : std::vector<std::string>();
  }
  std::size_t names_in(const std::string& folder) {
    return names(dir() + "/" + folder).size();
  }
  // Of the programs all links there are use.
  std::set<std::uint32_t> linked_programs() {
    std::set<std::uint32_t> programs;
    for (const std::string& id : names(dir() + "/links")) {
      const std::string folder = dir() + "/links/" + id;
      for (const std::string& name : names(folder)) {
        const auto link = kernel_.open_link(folder + "/" + name);
        if (!link) continue;
        if (const auto state = kernel_.state(*link)) {
          programs.insert(state->program);
        }
      }
    }
    return programs;
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
};

// A container more is a link at each hook point, with its pin and a folder for
// them: no program, no map, no list, whatever its policy has.
TEST_F(Sharing, AThousandContainersOfFiftyPoliciesShareTheProgramsOfFifty) {
  std::vector<CompiledPolicy> policies;
  for (std::size_t i = 0; i < kPolicies; ++i) {
    policies.push_back(many_rules(kRules, kLists, i * kLists));
  }
  std::vector<hook::ScratchCgroup> cgroups;
  std::size_t before = 0;
  for (std::size_t i = 0; i < kContainers; ++i) {
    cgroups.push_back(make_cgroup());
    const auto programs =
        protect(policies[i % kPolicies], cgroups.back().cgroup(), dir(),
                "c" + std::to_string(i), kernel_);
    ASSERT_TRUE(programs) << i << ": " << programs.error().message;
    ASSERT_THAT(*programs, SizeIs(kHooks));
    if (i + 1 == kPolicies) before = bpffs_.entries().size();
  }
  EXPECT_EQ(bpffs_.entries().size() - before,
            (kContainers - kPolicies) * (kHooks + 1));
  EXPECT_EQ(names_in("programs"), kPolicies * kHooks);
  EXPECT_EQ(names_in("numbers"), kPolicies * kHooks);
  EXPECT_THAT(linked_programs(), SizeIs(kPolicies * kHooks));
  // Each list as what it is looked up as: for IPv4 and IPv6.
  EXPECT_LE(names_in("lists"), kPolicies * kLists * 2);

  // The first list of each policy has an address its first rule refuses.
  for (const std::size_t i : {0U, 499U, 777U, 999U}) {
    const List& list = policies[i % kPolicies].lists[0];
    const std::string& listed = list.items[0];
    EXPECT_EQ(connect_in(cgroups[i].cgroup(), {.address = listed}).error, EPERM)
        << listed;
    // That is the business of its own policy alone.
    EXPECT_EQ(
        connect_in(cgroups[(i + 1) % kContainers].cgroup(), {.address = listed})
            .error,
        0)
        << listed;
  }

  for (std::size_t i = 0; i < kContainers; ++i) {
    ASSERT_TRUE(hook::detach(dir(), "c" + std::to_string(i), kernel_));
  }
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  for (const char* folder : {"programs", "numbers", "users", "lists"}) {
    EXPECT_EQ(names_in(folder), 0U) << folder;
  }
}

// Of a policy that has all there is: names it learns for each container, bits
// of processes, frames of a network with two interfaces.
constexpr std::size_t kMostOfContainer = 64UL * 1024;

class SharingMemory : public Sharing {
 protected:
  // Bytes that one more container needs.
  std::size_t added_by(const std::string& id, const ScratchNetwork& network) {
    const KernelMemory before = memory_below(dir());
    cgroups_.push_back(make_cgroup());
    const auto programs = protect(policy_, cgroups_.back().cgroup(), dir(), id,
                                  kernel_, network.netns());
    EXPECT_TRUE(programs) << programs.error().message;
    const KernelMemory after = memory_below(dir());
    EXPECT_GT(after.of_cgroups, before.of_cgroups);
    return after.bytes() - before.bytes();
  }

  const CompiledPolicy policy_ = every_hook({"192.0.2.1", "2001:db8::1"});
  std::vector<hook::ScratchCgroup> cgroups_;
};

TEST_F(SharingMemory, OfAContainerMoreIsSmall) {
  ASSERT_TRUE(hook::ensure_shared_maps(dir(), kernel_));
  const ScratchNetwork first_network;
  const ScratchNetwork network;
  EXPECT_GT(added_by("c1", first_network), kMostOfContainer);
  for (const char* hook : {"connect4", "connect6", "sendmsg4", "sendmsg6",
                           "egress", "query", "answer", "ingress", "post_bind4",
                           "post_bind6", "sock_create", "setsockopt"}) {
    EXPECT_THAT(names(dir() + "/links/c1"), Contains(hook));
  }
  EXPECT_THAT(names(dir() + "/links/c1"), Contains(StartsWith("frame-")));
  EXPECT_THAT(names(dir() + "/links/c1"), Contains(StartsWith("query-")));
  EXPECT_LE(added_by("c2", network), kMostOfContainer);
}

TEST_F(SharingMemory, OfAContainerMoreInTheNetworkOfAnotherIsSmall) {
  ASSERT_TRUE(hook::ensure_shared_maps(dir(), kernel_));
  const ScratchNetwork network;
  EXPECT_GT(added_by("c1", network), kMostOfContainer);
  EXPECT_LE(added_by("c2", network), kMostOfContainer);
  EXPECT_EQ(interface_links(dir(), "c1"), interface_links(dir(), "c2"));
  EXPECT_EQ(interface_links(dir(), "c1").size(), 4U);
}

}  // namespace
}  // namespace bailiff::test
