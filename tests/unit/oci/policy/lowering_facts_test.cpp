// SPDX-License-Identifier: Apache-2.0
#include "oci/policy/lowering_facts.h"

#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

TEST(LoweringFacts, AreCompleteAndKeepEveryType) {
  ContainerFacts facts;
  facts.values = {
      {"container.id", std::string("abc")},
      {"container.privileged", true},
      {"container.mount.dest", std::vector<std::string>{"/a", "/b"}}};
  const Facts lowering = lowering_facts(facts);
  EXPECT_TRUE(lowering.complete);
  const auto& values = lowering.values;
  EXPECT_EQ(values.at("container.id"), std::vector<Value>{std::string("abc")});
  EXPECT_EQ(values.at("container.privileged"), std::vector<Value>{true});
  EXPECT_EQ(values.at("container.mount.dest"),
            (std::vector<Value>{std::string("/a"), std::string("/b")}));
}

}  // namespace
}  // namespace bailiff::oci
