// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/containers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

ContainerPtr container_of(const std::string& id, std::uint64_t cgroup,
                          std::uint64_t time = 100) {
  oci::ContainerRecord record;
  record.event = "start";
  record.id = id;
  record.cgroup_id = cgroup;
  record.time_ns = time;
  record.facts.name = "name-" + id;
  record.facts.pod = "pod";
  record.facts.namespace_name = "shop";
  return make_container(record, nullptr);
}

TEST(Containers, FindsOneByEachOfItsNames) {
  Containers containers;
  ASSERT_TRUE(containers.add(container_of("abc1", 1)));
  ASSERT_TRUE(containers.add(container_of("abd2", 2)));
  for (const char* name : {"abc1", "abc", "name-abc1", "shop/pod/name-abc1"}) {
    Result<KnownContainer> found = containers.by_name(name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(found->container->record.id, "abc1");
    EXPECT_FALSE(found->gone);
  }
  EXPECT_EQ(containers.by_name("ab").error().code, Code::kInvalidArgument);
  EXPECT_EQ(containers.by_name("x").error().code, Code::kNotFound);
  EXPECT_EQ(containers.by_name("").error().code, Code::kNotFound);
}

TEST(Containers, AWholeIdWinsOverAPrefixOfAnother) {
  Containers containers;
  containers.add(container_of("abc", 1));
  containers.add(container_of("abcd", 2));
  EXPECT_EQ(containers.by_name("abc")->container->record.cgroup_id, 1U);
}

TEST(Containers, FindsOneByACgroupBelowItsOwn) {
  const ScratchCgroup scratch("containers");
  const std::string inner = scratch.path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0700), 0);
  const Result<Cgroup> own = scratch.open();
  const Result<Cgroup> below =
      Cgroup::open(scratch.mount(), scratch.relative() + "/inner");
  ASSERT_TRUE(own && below);
  Containers containers;
  EXPECT_FALSE(containers.by_cgroup_or_above(below->id()));
  ASSERT_TRUE(containers.add(container_of("abc", own->id())));
  EXPECT_FALSE(containers.by_cgroup(below->id()));
  for (const std::uint64_t id : {own->id(), below->id()}) {
    const auto found = containers.by_cgroup_or_above(id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->container->record.id, "abc");
  }
  EXPECT_FALSE(containers.by_cgroup_or_above(0));
}

TEST(Containers, RemembersOneThatHasEnded) {
  Containers containers;
  containers.add(container_of("abc", 1));
  containers.stop("abc", 200);
  EXPECT_TRUE(containers.by_name("abc")->gone);
  EXPECT_TRUE(containers.by_cgroup(1)->gone);
  EXPECT_FALSE(containers.by_id_prefix("abc"));
}

TEST(Containers, AStopFromBeforeTheStartIsOfAnEarlierLife) {
  Containers containers;
  containers.add(container_of("abc", 2, 100));
  containers.stop("abc", 99);
  EXPECT_FALSE(containers.by_name("abc")->gone);
}

TEST(Containers, AnIdUsedAgainIsTheNewContainer) {
  Containers containers;
  containers.add(container_of("abc", 1, 100));
  EXPECT_TRUE(containers.add(container_of("abc", 2, 200)));
  EXPECT_EQ(containers.by_name("abc")->container->record.cgroup_id, 2U);
  EXPECT_TRUE(containers.by_cgroup(1)->gone);
  EXPECT_FALSE(containers.by_cgroup(2)->gone);
}

TEST(Containers, AnEarlierLifeToldOfLateIsGone) {
  Containers containers;
  containers.add(container_of("abc", 2, 200));
  EXPECT_TRUE(containers.add(container_of("abc", 1, 100)));
  EXPECT_EQ(containers.by_name("abc")->container->record.cgroup_id, 2U);
  EXPECT_TRUE(containers.by_cgroup(1)->gone);
}

TEST(Containers, TheSameRecordTwiceChangesNothing) {
  Containers containers;
  containers.add(container_of("abc", 1));
  EXPECT_FALSE(containers.add(container_of("abc", 1)));
  containers.stop("abc", 200);
  EXPECT_FALSE(containers.add(container_of("abc", 1)));
  EXPECT_TRUE(containers.by_name("abc")->gone);
}

TEST(Containers, KnowsEachThatHasNoCgroupOfItsOwn) {
  Containers containers;
  EXPECT_TRUE(containers.add(container_of("abc", 0)));
  EXPECT_TRUE(containers.add(container_of("def", 0)));
  EXPECT_FALSE(containers.add(container_of("def", 0)));
  EXPECT_EQ(containers.all().size(), 2U);
  EXPECT_FALSE(containers.by_cgroup(0));
  containers.stop("def", 200);
  EXPECT_FALSE(containers.add(container_of("def", 0)));
  EXPECT_TRUE(containers.by_name("def")->gone);
}

TEST(Containers, ForgetsTheLongestGonePastTheBound) {
  Containers containers;
  for (std::uint64_t i = 0; i <= kRememberedContainers; ++i) {
    const std::string id = "c" + std::to_string(i);
    containers.add(container_of(id, i + 1));
    containers.stop(id, 200);
  }
  EXPECT_FALSE(containers.by_cgroup(1));
  EXPECT_TRUE(containers.by_cgroup(2));
  EXPECT_EQ(containers.all().size(), kRememberedContainers);
}

TEST(Containers, ACgroupWithAnotherIdIsAnothers) {
  struct stat root {};
  ASSERT_EQ(::stat("/sys/fs/cgroup", &root), 0);
  oci::ContainerRecord record;
  record.cgroup_path = "/sys/fs/cgroup";
  record.cgroup_id = root.st_ino;
  EXPECT_TRUE(has_processes(record));
  record.cgroup_id = root.st_ino + 1;
  EXPECT_FALSE(has_processes(record));
  record.cgroup_path += "/never-made";
  EXPECT_FALSE(has_processes(record));
}

TEST(Containers, WithoutACgroupItsProcessTellsWhetherItRuns) {
  oci::ContainerRecord record;
  record.pid = ::getpid();
  record.time_ns =
      static_cast<std::uint64_t>(::time(nullptr) + 1) * 1'000'000'000;
  EXPECT_TRUE(has_processes(record));
  // Somebody else had the number then.
  record.time_ns = 1;
  EXPECT_FALSE(has_processes(record));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  record.pid = child;
  EXPECT_FALSE(has_processes(record));
}

TEST(Containers, OneWhoseFirstProcessHasLeftItsCgroupRuns) {
  const ScratchCgroup own("left");
  oci::ContainerRecord record;
  record.cgroup_path = own.path();
  record.cgroup_id = own.open()->id();
  record.pid = ::getpid();
  record.time_ns =
      static_cast<std::uint64_t>(::time(nullptr) + 1) * 1'000'000'000;
  EXPECT_TRUE(has_processes(record));
  // Somebody else had the number then.
  record.time_ns = 1;
  EXPECT_FALSE(has_processes(record));
}

}  // namespace
}  // namespace bailiff::sidecar
