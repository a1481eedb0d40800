// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/spelling.h"

#include <gtest/gtest.h>

#include <string>

namespace bailiff::sidecar {
namespace {

TEST(Spelling, IsPrintableAndTellsBytesApart) {
  EXPECT_EQ(spell("/bin/sh"), "/bin/sh");
  EXPECT_EQ(spell("a\nb\x1b[2J"), "a\\x0ab\\x1b[2J");
  EXPECT_EQ(spell("\\x0a"), "\\\\x0a");
  EXPECT_EQ(spell("\xc3\xa9\xff"), "\\xc3\\xa9\\xff");
  EXPECT_EQ(spell(std::string(1, '\0')), "\\x00");
}

TEST(Spelling, OfMembersStaysBelowTheFolder) {
  EXPECT_EQ(member_path("usr/bin/x-1.2_a@b"), "usr/bin/x-1.2_a@b");
  EXPECT_EQ(member_path("/a//b/"), "a/b");
  EXPECT_EQ(member_path("../../etc/./x"), "%2e./%2e./etc/%2e/x");
  EXPECT_EQ(member_path("a b/\n\\/%41"), "a%20b/%0a%5c/%2541");
  EXPECT_EQ(member_path(""), "");
}

TEST(Spelling, OfALongNameIsItsHash) {
  const std::string name(120, '\x01');
  const std::string member = member_path("d/" + name);
  EXPECT_EQ(member.substr(0, 3), "d/~");
  EXPECT_EQ(member.size(), 3U + 64U);
  EXPECT_NE(member, member_path("d/" + name + "\x01"));
}

}  // namespace
}  // namespace bailiff::sidecar
