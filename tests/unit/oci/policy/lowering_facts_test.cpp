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

TEST(LoweringFacts, HaveEachLabel) {
  ContainerFacts facts;
  facts.labels = {{"app", "web"}};
  facts.pod_labels = {{"app.kubernetes.io/name", "shop"}};
  facts.untold = {"container.image.id"};
  const Facts lowering = lowering_facts(facts);
  EXPECT_EQ(told(lowering, FieldId::kContainerLabel, "app"),
            std::vector<Value>{"web"});
  EXPECT_EQ(told(lowering, FieldId::kContainerLabel, "tier"),
            std::vector<Value>{});
  EXPECT_EQ(told(lowering, FieldId::kK8sPodLabel, "app.kubernetes.io/name"),
            std::vector<Value>{"shop"});
  EXPECT_EQ(told(lowering, FieldId::kContainerImageId, ""), std::nullopt);
}

TEST(Unanswered, IsAnErrorWhereAPolicyEnforces) {
  CompiledPolicy policy;
  Policy& shop = policy.policies.emplace_back();
  shop.name = "Shop";
  shop.mode = Mode::kMonitor;
  Check check;
  check.field = FieldId::kK8sPodLabel;
  check.argument = "app";
  check.op = Op::kEq;
  check.values = {"shop"};
  shop.scope = Expr{check};
  Facts facts;
  facts.complete = true;
  EXPECT_TRUE(unanswered(policy, facts).empty());
  facts.untold = {"k8s.pod.label"};
  auto all = unanswered(policy, facts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].sentence,
            "policy 'Shop' asks for 'k8s.pod.label[app]', which nobody has "
            "told of this container: give its pod a downwardAPI volume "
            "'bailiff-podinfo' with its labels, and mount it");
  EXPECT_TRUE(check_answered(all));
  shop.mode = Mode::kEnforce;
  EXPECT_FALSE(check_answered(unanswered(policy, facts)));
}

}  // namespace
}  // namespace bailiff::oci
