// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/container_option.h"

#include <gtest/gtest.h>

namespace bailiff::cli {
namespace {

std::string error_of(const std::string& option) {
  const auto facts = parse_container({option});
  EXPECT_FALSE(facts);
  return facts ? "" : facts.error().message;
}

TEST(ParseContainer, NothingSaidIsNothingKnown) {
  const auto facts = parse_container({});
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->complete);
  EXPECT_TRUE(facts->values.empty());
}

TEST(ParseContainer, WhatIsSaidIsAllThereIs) {
  const auto facts =
      parse_container({"container.name=a=b", "container.privileged=true"});
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->complete);
  EXPECT_EQ(facts->values.at("container.name"), std::vector<Value>{"a=b"});
  EXPECT_EQ(facts->values.at("container.privileged"), std::vector<Value>{true});
}

TEST(ParseContainer, ALabelHasItsNameInBrackets) {
  const auto facts =
      parse_container({"k8s.pod.label.app=web", "container.label[a=b]=c=d"});
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->values.at("k8s.pod.label[app]"), std::vector<Value>{"web"});
  EXPECT_EQ(facts->values.at("container.label[a=b]"),
            std::vector<Value>{"c=d"});
}

TEST(ParseContainer, RefusesWhatIsNoFact) {
  EXPECT_EQ(error_of("container.name"),
            "--container 'container.name': not of the form FIELD=VALUE");
  EXPECT_EQ(error_of("container.nam=x"),
            "--container 'container.nam=x': no field of a container, did you "
            "mean 'container.name'?");
  EXPECT_EQ(error_of("proc.name=nc"),
            "--container 'proc.name=nc': no field of a container");
  EXPECT_EQ(error_of("container.privileged=yes"),
            "--container 'container.privileged=yes': not a value of that "
            "field");
}

}  // namespace
}  // namespace bailiff::cli
