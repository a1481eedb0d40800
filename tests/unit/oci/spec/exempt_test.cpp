// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/exempt.h"

#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

ContainerFacts pod(const std::string& name_space, const std::string& name) {
  ContainerFacts facts;
  facts.namespace_name = name_space;
  facts.pod = name;
  facts.pod_identity_trusted = true;
  return facts;
}

TEST(Exempt, ANamespaceNamesAllOfItsPods) {
  const ContainerFacts dns = pod("kube-system", "coredns-1");
  EXPECT_TRUE(is_exempt({"kube-system/*"}, "0123", dns));
  EXPECT_FALSE(is_exempt({"kube/*"}, "0123", dns));
  EXPECT_FALSE(is_exempt({"kube-system/*"}, "0123", {}));
}

TEST(Exempt, APodIsNamedWhole) {
  const ContainerFacts dns = pod("kube-system", "coredns-1");
  EXPECT_TRUE(is_exempt({"kube-system/coredns-1"}, "0123", dns));
  EXPECT_FALSE(is_exempt({"kube-system/coredns"}, "0123", dns));
  EXPECT_FALSE(is_exempt({"kube-system/"}, "0123", dns));
}

TEST(Exempt, APodTheUserClaimsToBeExemptsNothing) {
  ContainerFacts claimed = pod("kube-system", "coredns-1");
  claimed.pod_identity_trusted = false;
  EXPECT_FALSE(is_exempt({"kube-system/*"}, "0123", claimed));
}

TEST(Exempt, AnIdIsNamedByItsPrefix) {
  EXPECT_TRUE(is_exempt({"x/y", "id:fed"}, "fedcba", {}));
  EXPECT_FALSE(is_exempt({"id:cba"}, "fedcba", {}));
  EXPECT_FALSE(is_exempt({"id:fedcbaa"}, "fedcba", {}));
}

TEST(Exempt, AnEmptyPatternExemptsNothing) {
  EXPECT_FALSE(is_exempt({"", "id:", "/*", "/"}, "fedcba", {}));
  EXPECT_FALSE(is_exempt({}, "fedcba", {}));
}

}  // namespace
}  // namespace bailiff::oci
