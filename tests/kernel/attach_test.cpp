// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/attach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "hook/attach/pins.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::Truly;

// Every bound of a wait for the kernel's own deferred work.
constexpr std::chrono::seconds kPatience{10};

CompiledPolicy two_lists() {
  PolicyBuilder builder;
  const auto hosts = builder.list("hosts", {"127.66.0.1", "::2"});
  const auto nets = builder.list("nets", {"127.77.0.0/16"});
  builder.rule("Listed host", sip_in(hosts));
  builder.rule("Listed network", snet_in(nets), /*block=*/false);
  return builder.build();
}

class Attach : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const CompiledPolicy policy_ = two_lists();
};

TEST_F(Attach, PinsWhatTheHeaderSays) {
  const auto cgroup = make_cgroup();
  const auto programs =
      protect(policy_, cgroup.cgroup(), dir(), "c1.x", kernel_);
  ASSERT_TRUE(programs) << programs.error().message;
  EXPECT_THAT(*programs, SizeIs(kHookCount));
  EXPECT_EQ(attached_programs(cgroup.cgroup()), kHookCount);
  std::vector<std::string> expected = {
      "bailiff",
      "bailiff/containers",
      "bailiff/events",
      "bailiff/links",
      "bailiff/links/c1%2Ex",
      "bailiff/links/c1%2Ex/connect4",
      "bailiff/links/c1%2Ex/connect6",
      "bailiff/links/c1%2Ex/egress",
      "bailiff/links/c1%2Ex/sendmsg4",
      "bailiff/links/c1%2Ex/sendmsg6",
      "bailiff/lists",
      "bailiff/lists/hosts~addr4",
      "bailiff/lists/nets~net4",
      "bailiff/lost",
      "bailiff/numbers",
      "bailiff/numbers/" + (*programs)[0].hex(),
      "bailiff/numbers/" + (*programs)[1].hex(),
      "bailiff/programs",
      "bailiff/programs/" + (*programs)[0].hex(),
      "bailiff/programs/" + (*programs)[1].hex(),
      "bailiff/tables",
      "bailiff/users",
      "bailiff/users/" + (*programs)[0].hex(),
      "bailiff/users/" + (*programs)[1].hex(),
  };
  EXPECT_THAT(bpffs_.entries(), IsSupersetOf(expected));
}

TEST_F(Attach, LeavesNoTraceWhicheverCallFails) {
  const auto cgroup = make_cgroup();
  const std::vector<std::string> before = bpffs_.entries();
  int calls = 0;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    FaultyKernel faulty(calls);
    const int descriptors = open_descriptors();
    const auto programs =
        protect(policy_, cgroup.cgroup(), dir(), "c1", faulty);
    if (!faulty.failed()) {
      EXPECT_TRUE(programs) << programs.error().message;
      break;
    }
    SCOPED_TRACE("call " + std::to_string(calls) + " fails");
    ASSERT_FALSE(programs);
    EXPECT_THAT(programs.error().message, HasSubstr("injected"));
    ASSERT_EQ(attached_programs(cgroup.cgroup()), 0);
    ASSERT_EQ(bpffs_.entries(), before);
    ASSERT_EQ(open_descriptors(), descriptors);
  }
  // Fewer would mean that the walk did not go through the seam.
  EXPECT_GT(calls, 25);
}

TEST_F(Attach, LeavesOthersAsTheyWereWhicheverCallFails) {
  const auto first = make_cgroup();
  const auto second = make_cgroup();
  ASSERT_TRUE(protect(policy_, first.cgroup(), dir(), "c1", kernel_));
  const std::vector<std::string> before = bpffs_.entries();
  for (int call = 0;; ++call) {
    ASSERT_LT(call, 1000);
    FaultyKernel faulty(call);
    const auto programs =
        protect(policy_, second.cgroup(), dir(), "c2", faulty);
    if (!faulty.failed()) break;
    SCOPED_TRACE("call " + std::to_string(call) + " fails");
    ASSERT_FALSE(programs);
    ASSERT_EQ(attached_programs(first.cgroup()), kHookCount);
    ASSERT_EQ(attached_programs(second.cgroup()), 0);
    ASSERT_EQ(bpffs_.entries(), before);
  }
}

TEST_F(Attach, SharesProgramsBetweenContainers) {
  const auto first = make_cgroup();
  const auto second = make_cgroup();
  const auto one = protect(policy_, first.cgroup(), dir(), "c1", kernel_);
  const auto two = protect(policy_, second.cgroup(), dir(), "c2", kernel_);
  ASSERT_TRUE(one);
  ASSERT_TRUE(two);
  EXPECT_EQ(*one, *two);
  std::vector<std::uint32_t> ids;
  for (const char* id : {"c1", "c2"}) {
    const auto link = kernel_.open_link(dir() + "/links/" + id + "/connect4");
    ASSERT_TRUE(link);
    const auto state = kernel_.state(*link);
    ASSERT_TRUE(state);
    ids.push_back(state->program);
  }
  EXPECT_EQ(ids[0], ids[1]);
}

TEST_F(Attach, ManyContainersMayStartAtOnce) {
  constexpr int kContainers = 8;
  std::vector<hook::ScratchCgroup> cgroups;
  for (int i = 0; i < kContainers; ++i) cgroups.push_back(make_cgroup());
  std::vector<std::string> errors(kContainers);
  std::vector<std::thread> starts;
  for (int i = 0; i < kContainers; ++i) {
    starts.emplace_back([&, i] {
      hook::LinuxKernel kernel;
      const auto programs = protect(policy_, cgroups[i].cgroup(), dir(),
                                    "c" + std::to_string(i), kernel);
      if (!programs) errors[i] = programs.error().message;
    });
  }
  for (std::thread& start : starts) start.join();
  EXPECT_THAT(errors, Each(IsEmpty()));
  for (const hook::ScratchCgroup& cgroup : cgroups) {
    EXPECT_EQ(attached_programs(cgroup.cgroup()), kHookCount);
  }
  EXPECT_THAT(kernel_.list(dir() + "/programs"), Truly([](const auto& names) {
                return names && names->size() == kHookCount;
              }));
}

TEST_F(Attach, AnEmptyPlanAttachesNothing) {
  const auto cgroup = make_cgroup();
  const auto programs =
      protect(CompiledPolicy(), cgroup.cgroup(), dir(), "c1", kernel_);
  ASSERT_TRUE(programs);
  EXPECT_THAT(*programs, IsEmpty());
  EXPECT_THAT(bpffs_.entries(), IsEmpty());
}

TEST_F(Attach, RefusesAFolderThatIsNotOnABpffs) {
  const ScratchFolder folder;
  const auto cgroup = make_cgroup();
  const auto programs = protect(policy_, cgroup.cgroup(),
                                folder.path() + "/bailiff", "c1", kernel_);
  ASSERT_FALSE(programs);
  EXPECT_EQ(programs.error().code, Code::kUnsupported);
  EXPECT_THAT(programs.error().message,
              HasSubstr("mount -t bpf bpf " + folder.path()));
}

TEST_F(Attach, RefusesAnIdInUseByAnotherLivingCgroup) {
  const auto first = make_cgroup();
  const auto second = make_cgroup();
  ASSERT_TRUE(protect(policy_, first.cgroup(), dir(), "c1", kernel_));
  const auto again = protect(policy_, second.cgroup(), dir(), "c1", kernel_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kInvalidArgument);
  EXPECT_EQ(attached_programs(first.cgroup()), kHookCount);
  EXPECT_EQ(attached_programs(second.cgroup()), 0);
}

TEST_F(Attach, ReplacesWhatTheSameContainerLeft) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  EXPECT_EQ(attached_programs(cgroup.cgroup()), kHookCount);
}

TEST_F(Attach, DetachMayRunTwice) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  for (int run = 0; run < 2; ++run) {
    const Status detached = hook::detach(dir(), "c1", kernel_);
    ASSERT_TRUE(detached) << detached.error().message;
    EXPECT_EQ(attached_programs(cgroup.cgroup()), 0);
    EXPECT_THAT(bpffs_.entries(), Not(Contains(HasSubstr("links/"))));
  }
}

TEST_F(Attach, ReconcileLeavesOnlyTheSharedMapsWhenNobodyIsLeft) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  const auto removed = hook::reconcile(dir(), kernel_);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_THAT(*removed, IsEmpty());
  EXPECT_THAT(bpffs_.entries(),
              ElementsAre("bailiff", "bailiff/containers", "bailiff/events",
                          "bailiff/judged", "bailiff/links", "bailiff/lists",
                          "bailiff/lost", "bailiff/numbers", "bailiff/programs",
                          "bailiff/tables", "bailiff/users"));
}

TEST_F(Attach, DetachOfNothingSucceeds) {
  EXPECT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_THAT(bpffs_.entries(), IsEmpty());
}

CompiledPolicy another_policy() {
  PolicyBuilder builder;
  builder.rule("Other", sip_in(builder.list("other", {"127.66.0.9"})));
  return builder.build();
}

TEST_F(Attach, ReconcileKeepsWhatAnotherContainerUses) {
  const auto first = make_cgroup();
  const auto second = make_cgroup();
  ASSERT_TRUE(protect(policy_, first.cgroup(), dir(), "c1", kernel_));
  ASSERT_TRUE(protect(another_policy(), second.cgroup(), dir(), "c2", kernel_));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_EQ(attached_programs(second.cgroup()), kHookCount);
  EXPECT_EQ(connect_in(second.cgroup(), {.address = "127.66.0.9"}).error,
            EPERM);
  EXPECT_THAT(bpffs_.entries(), Not(Contains(HasSubstr("hosts"))));
  EXPECT_THAT(bpffs_.entries(), Contains("bailiff/lists/other~addr4"));
}

TEST_F(Attach, ReconcileKeepsWhatContainersUseThatCameLater) {
  const auto first = make_cgroup();
  const auto second = make_cgroup();
  ASSERT_TRUE(protect(policy_, first.cgroup(), dir(), "c1", kernel_));
  ASSERT_TRUE(protect(policy_, second.cgroup(), dir(), "c2", kernel_));
  // The one that is named as the programs' user.
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(hook::reconcile(dir(), kernel_));
    EXPECT_THAT(bpffs_.entries(), Contains("bailiff/lists/hosts~addr4"));
    EXPECT_THAT(*kernel_.list(dir() + "/programs"), SizeIs(kHookCount));
  }
  EXPECT_EQ(connect_in(second.cgroup(), {.address = "127.66.0.1"}).error,
            EPERM);
}

TEST_F(Attach, MakingSomethingNewRemovesWhatNobodyUses) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_THAT(bpffs_.entries(), Contains("bailiff/lists/hosts~addr4"));
  ASSERT_TRUE(protect(another_policy(), cgroup.cgroup(), dir(), "c2", kernel_));
  EXPECT_THAT(bpffs_.entries(), Not(Contains(HasSubstr("hosts"))));
  EXPECT_THAT(bpffs_.entries(), Contains("bailiff/lists/other~addr4"));
}

TEST_F(Attach, ReconcileRemovesContainersWhoseCgroupIsGone) {
  const auto staying = make_cgroup();
  ASSERT_TRUE(protect(policy_, staying.cgroup(), dir(), "stays", kernel_));
  {
    const auto leaving = make_cgroup();
    ASSERT_TRUE(protect(policy_, leaving.cgroup(), dir(), "le.aves", kernel_));
  }
  // The kernel takes a removed cgroup's links off in a worker of its own.
  std::vector<std::string> removed;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (removed.empty() && std::chrono::steady_clock::now() < deadline) {
    const auto found = hook::reconcile(dir(), kernel_);
    ASSERT_TRUE(found) << found.error().message;
    removed = *found;
  }
  EXPECT_THAT(removed, ElementsAre("le.aves"));
  EXPECT_EQ(attached_programs(staying.cgroup()), kHookCount);
  EXPECT_THAT(bpffs_.entries(), Not(Contains(HasSubstr("le%2Eaves"))));
}

TEST_F(Attach, WaitsForWhoeverHoldsTheLock) {
  ASSERT_EQ(::mkdir(dir().c_str(), 0700), 0);
  const auto held = kernel_.lock(dir(), Deadline());
  ASSERT_TRUE(held);
  const auto late = kernel_.lock(dir(), Deadline());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kExhausted);
}

TEST_F(Attach, PublishedListsTakeEffectAtOnce) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  const Connect to{.address = "127.66.0.77"};
  ASSERT_EQ(connect_in(cgroup.cgroup(), to).error, 0);
  CompiledPolicy newer = policy_;
  newer.lists[0].items = {"127.66.0.77"};
  ASSERT_TRUE(publish(dir(), newer, kernel_));
  EXPECT_EQ(connect_in(cgroup.cgroup(), to).error, EPERM);
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.66.0.1"}).error, 0);
}

TEST_F(Attach, PublishedListsMayGrowAndShrink) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  const Connect to{.address = "127.66.0.77"};
  CompiledPolicy newer = policy_;
  for (int i = 0; i < 20'000; ++i) {
    newer.lists[0].items.push_back("127.80." + std::to_string(i >> 8) + "." +
                                   std::to_string(i & 255));
  }
  newer.lists[0].items.push_back(to.address);
  ASSERT_TRUE(publish(dir(), newer, kernel_));
  EXPECT_EQ(connect_in(cgroup.cgroup(), to).error, EPERM);
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.80.77.77"}).error,
            EPERM);
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.81.0.0"}).error, 0);
  ASSERT_TRUE(publish(dir(), policy_, kernel_));
  EXPECT_EQ(connect_in(cgroup.cgroup(), to).error, 0);
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.66.0.1"}).error,
            EPERM);
}

TEST_F(Attach, APublishThatFailsLeavesTheOldList) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_, cgroup.cgroup(), dir(), "c1", kernel_));
  CompiledPolicy newer = policy_;
  newer.lists[0].items = {"127.66.0.77"};
  for (int call = 0;; ++call) {
    FaultyKernel faulty(call);
    const Status published = publish(dir(), newer, faulty);
    if (!faulty.failed()) break;
    ASSERT_FALSE(published);
    // Whole lists only: the old one or, when a later list failed, the new.
    const bool old_one =
        connect_in(cgroup.cgroup(), {.address = "127.66.0.1"}).error == EPERM;
    const bool new_one =
        connect_in(cgroup.cgroup(), {.address = "127.66.0.77"}).error == EPERM;
    ASSERT_NE(old_one, new_one);
  }
}

TEST_F(Attach, PublishLeavesListsOutThatNobodyUses) {
  EXPECT_TRUE(publish(dir(), policy_, kernel_));
  EXPECT_THAT(bpffs_.entries(), IsEmpty());
}

TEST_F(Attach, HoldsAHundredThousandAddressesAndNetworks) {
  std::vector<std::string> hosts;
  std::vector<std::string> nets;
  for (int i = 0; i < 100'000; ++i) {
    const std::string tail =
        std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    hosts.push_back("127." + std::to_string(100 + (i >> 16)) + "." + tail);
    if (i < 20'000) nets.push_back("127.120." + tail + "/32");
  }
  PolicyBuilder builder;
  builder.rule("Hosts", sip_in(builder.list("hosts", hosts)));
  builder.rule("Nets", snet_in(builder.list("nets", nets)));
  const auto cgroup = make_cgroup();
  const auto programs =
      protect(builder.build(), cgroup.cgroup(), dir(), "c1", kernel_);
  ASSERT_TRUE(programs) << programs.error().message;
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = hosts.back()}).error,
            EPERM);
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.120.3.4"}).error,
            EPERM);
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.99.0.0"}).error, 0);
}

}  // namespace
}  // namespace bailiff::test
