// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/host_name.h"

#include <gtest/gtest.h>

#include "tests/harness/expr.h"

namespace bailiff {
namespace {

TEST(HostName, IsLabelsOfLettersAndDigits) {
  for (const char* name :
       {"evil.example", "evil.example.", "localhost", "a-1.b", "_srv._tcp.x",
        "xn--bcher-kva.example", "1.2.3.4"}) {
    EXPECT_TRUE(is_host_name(name)) << name;
  }
  for (const char* name :
       {"", ".", "a..b", ".evil.example", "*.evil.example", "evil.example:80",
        "evil.example/x", "b\xc3\xbc.de", "a b"}) {
    EXPECT_FALSE(is_host_name(name)) << name;
  }
}

TEST(HostName, IsAsLongAsTheDnsAllows) {
  const std::string label(63, 'x');
  EXPECT_TRUE(is_host_name(label));
  EXPECT_FALSE(is_host_name(label + "x"));
  const std::string longest =
      label + "." + label + "." + label + "." + std::string(61, 'y');
  EXPECT_TRUE(is_host_name(longest));
  EXPECT_TRUE(is_host_name(longest + "."));
  EXPECT_FALSE(is_host_name(longest + "y"));
}

TEST(FirstNoHostName, IsOfWhatHostNamesAreComparedWith) {
  const std::vector<List> lists = {
      {.name = "more", .items = {"*.evil.example"}, .includes = {}},
      {.name = "names", .items = {"evil.example"}, .includes = {0}}};
  const auto first = [&](const Expr& expr) {
    return first_no_host_name(expr, lists);
  };
  EXPECT_EQ(first(test::check(FieldId::kFdSipName, Op::kIn, {}, {1})),
            "*.evil.example");
  EXPECT_EQ(first(test::check(FieldId::kFdRipName, Op::kEq,
                              {std::string("evil.example/")})),
            "evil.example/");
  EXPECT_EQ(first(test::check(FieldId::kProcName, Op::kIn, {}, {0})), "");
  EXPECT_EQ(first(test::check(FieldId::kFdSipName, Op::kEq,
                              {std::string("evil.example")})),
            "");
}

}  // namespace
}  // namespace bailiff
