// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/field.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "rules/fields/event_type.h"

namespace bailiff {
namespace {

TEST(Fields, AreIndexedById) {
  for (std::size_t i = 0; i < all_fields().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_fields()[i].id), i);
  }
}

TEST(Fields, AreFoundByTheirOwnName) {
  for (const Field& known : all_fields()) {
    EXPECT_EQ(find_field(known.name), known.id) << known.name;
    EXPECT_EQ(&field(known.id), &known);
    EXPECT_FALSE(known.description.empty()) << known.name;
  }
  EXPECT_FALSE(find_field("fd.sipp"));
  EXPECT_FALSE(find_field(""));
}

TEST(EventTypes, AreUnique) {
  std::set<std::string_view> seen;
  for (const std::string_view name : all_event_types()) {
    EXPECT_TRUE(seen.insert(name).second) << name;
  }
}

TEST(EventTypes, KnowWhatUpstreamRulesUse) {
  for (const std::string_view name :
       {"connect", "sendto",    "sendmsg",     "accept",       "accept4",
        "listen",  "execve",    "execveat",    "open",         "openat",
        "openat2", "creat",     "unlinkat",    "rename",       "renameat2",
        "mkdirat", "symlinkat", "linkat",      "chmod",        "fchmodat",
        "ptrace",  "dup3",      "init_module", "finit_module", "setns",
        "unshare", "setuid",    "bpf",         "userfaultfd",  "recvfrom",
        "socket",  "container", "procexit"}) {
    EXPECT_TRUE(find_event_type(name)) << name;
  }
  EXPECT_FALSE(find_event_type("Connect"));
}

}  // namespace
}  // namespace bailiff
