// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/event_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bailiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const EventType& event(std::string_view name) {
  const auto index = find_event_type(name);
  EXPECT_TRUE(index) << name;
  return all_event_types()[index.value_or(0)];
}

std::vector<std::string> parameters(std::string_view name) {
  std::vector<std::string> names;
  for (const EventParameter& parameter : event(name).parameters) {
    names.emplace_back(parameter.name);
  }
  return names;
}

TEST(EventTypes, AreFoundByTheirOwnName) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < all_event_types().size(); ++i) {
    const EventType& known = all_event_types()[i];
    EXPECT_TRUE(seen.insert(known.name).second) << known.name;
    EXPECT_EQ(find_event_type(known.name), i) << known.name;
  }
  EXPECT_FALSE(find_event_type("Connect"));
  EXPECT_FALSE(find_event_type(""));
}

TEST(EventTypes, KnowWhatUpstreamRulesUse) {
  for (const std::string_view name :
       {"connect", "sendto",    "sendmsg",     "accept",       "accept4",
        "listen",  "execve",    "execveat",    "open",         "openat",
        "openat2", "creat",     "unlinkat",    "rename",       "renameat2",
        "mkdirat", "symlinkat", "linkat",      "chmod",        "fchmodat",
        "ptrace",  "dup3",      "init_module", "finit_module", "setns",
        "unshare", "setuid",    "bpf",         "userfaultfd",  "recvfrom",
        "socket",  "container", "procexit",    "asyncevent",   "switch"}) {
    EXPECT_TRUE(find_event_type(name)) << name;
  }
}

// Of 32-bit system calls Falco has most names and refuses others.
TEST(EventTypes, AreThoseOfFalco) {
  EXPECT_TRUE(find_event_type("setuid32"));
  EXPECT_FALSE(find_event_type("setreuid32"));
  EXPECT_TRUE(find_event_type("fchmodat2"));
  EXPECT_TRUE(find_event_type("pread"));
  EXPECT_FALSE(find_event_type("NA"));
  EXPECT_FALSE(find_event_type("unknown"));
}

TEST(EventTypes, SayWhatTheyDoToADescriptor) {
  EXPECT_TRUE(event("openat").has(EventFlag::kCreatesFd));
  EXPECT_TRUE(event("connect").has(EventFlag::kUsesFd));
  EXPECT_TRUE(event("close").has(EventFlag::kDestroysFd));
  EXPECT_TRUE(event("read").has(EventFlag::kReadsFd));
  EXPECT_TRUE(event("sendto").has(EventFlag::kWritesFd));
  EXPECT_TRUE(event("dup2").has_descriptor());
  EXPECT_FALSE(event("execve").has_descriptor());
  EXPECT_FALSE(event("unlink").has_descriptor());
  EXPECT_TRUE(event("unlinkat").has_descriptor());
  EXPECT_TRUE(event("poll").has(EventFlag::kWaits));
}

TEST(EventTypes, SayWhetherTheyHaveAResult) {
  EXPECT_TRUE(event("connect").has_result());
  EXPECT_TRUE(event("munlockall").has_result());
  EXPECT_FALSE(event("getsockname").has_result());
  EXPECT_FALSE(event("acct").has_result());
  EXPECT_FALSE(event("syscall").has_result());
  EXPECT_FALSE(event("procexit").has_result());
  EXPECT_FALSE(event("container").is_system_call());
}

TEST(EventTypes, HaveACategory) {
  EXPECT_EQ(event("openat").category, EventCategory::kFile);
  EXPECT_EQ(event("read").category, EventCategory::kIoRead);
  EXPECT_EQ(to_string(event("connect").category), "net");
  EXPECT_EQ(to_string(event("pipe").category), "IPC");
  for (const EventType& known : all_event_types()) {
    EXPECT_FALSE(to_string(known.category).empty()) << known.name;
  }
}

TEST(EventTypes, HaveParametersInFalcosOrder) {
  EXPECT_THAT(parameters("connect"), ElementsAre("res", "tuple", "fd", "addr"));
  EXPECT_THAT(parameters("openat"), ElementsAre("fd", "dirfd", "name", "flags",
                                                "mode", "dev", "ino"));
  EXPECT_THAT(parameters("renameat2"),
              ElementsAre("res", "olddirfd", "oldpath", "newdirfd", "newpath",
                          "flags"));
  EXPECT_THAT(parameters("ptrace"),
              ElementsAre("res", "addr", "data", "request", "pid"));
  EXPECT_THAT(parameters("getpeername"), IsEmpty());
  EXPECT_THAT(parameters("acct"), ElementsAre("ID", "nativeID"));
  EXPECT_EQ(parameters("execve").size(), 31U);
  EXPECT_EQ(parameters("execve").back(), "filename");
  EXPECT_EQ(parameters("clone3"), parameters("fork"));
}

TEST(EventTypes, OfOneEventHaveItsProperties) {
  const EventType& alias = event("pread64");
  EXPECT_EQ(alias.event, "pread");
  EXPECT_TRUE(alias.has_result());
  EXPECT_EQ(parameters("pread64"), parameters("pread"));
  for (const EventType& known : all_event_types()) {
    EXPECT_EQ(event(known.event).event, known.event) << known.name;
  }
}

TEST(EventTypes, SuggestTheNameThatWasMeant) {
  EXPECT_EQ(nearest_event_type("conect"), "connect");
  EXPECT_EQ(nearest_event_type("nothing like it"), "");
}

TEST(Parameters, AreFoundByName) {
  EXPECT_EQ(find_parameter("flags"), FalcoType::kInt32);
  EXPECT_EQ(find_parameter("oldpath"), FalcoType::kFspath);
  EXPECT_EQ(find_parameter("ID"), FalcoType::kSyscallid);
  EXPECT_EQ(find_parameter("tags"), FalcoType::kCharbufarray);
  EXPECT_FALSE(find_parameter("flag"));
  EXPECT_EQ(nearest_parameter("flag"), "flags");
}

// A rule's operand of evt.rawarg.type is a number, though mount has a text.
TEST(Parameters, OfSeveralTypesHaveTheOneFalcoReads) {
  EXPECT_EQ(find_parameter("type"), FalcoType::kUint32);
  EXPECT_EQ(find_parameter("key"), FalcoType::kInt32);
  EXPECT_EQ(find_parameter("addr"), FalcoType::kSockaddr);
  EXPECT_EQ(find_parameter("dev"), FalcoType::kUint32);
  EXPECT_EQ(find_parameter("data"), FalcoType::kBytebuf);
}

TEST(Parameters, OfEveryEventAreKnown) {
  for (const EventType& known : all_event_types()) {
    for (const EventParameter& parameter : known.parameters) {
      EXPECT_TRUE(find_parameter(parameter.name)) << parameter.name;
      EXPECT_EQ(longest_parameter_prefix(std::string(parameter.name) + "!"),
                parameter.name);
    }
  }
}

TEST(Prefixes, AreTheLongest) {
  EXPECT_EQ(longest_event_type_prefix("openat2x"), "openat2");
  EXPECT_EQ(longest_event_type_prefix("openax"), "open");
  EXPECT_EQ(longest_event_type_prefix("ope"), "");
  EXPECT_EQ(longest_parameter_prefix("fd1.x"), "fd1");
  EXPECT_EQ(longest_parameter_prefix("fd9"), "fd");
}

}  // namespace
}  // namespace bailiff
