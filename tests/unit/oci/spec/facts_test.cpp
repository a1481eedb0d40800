// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::ElementsAre;

constexpr char kId[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

ContainerState state_of(std::map<std::string, std::string> annotations,
                        const std::string& bundle = "") {
  ContainerState state;
  state.id = kId;
  state.bundle = bundle;
  state.annotations = std::move(annotations);
  return state;
}

std::string text(const ContainerFacts& facts, const char* field) {
  const auto found = facts.values.find(field);
  return found == facts.values.end() ? "(absent)"
                                     : std::get<std::string>(found->second);
}

bool flag(const ContainerFacts& facts, const char* field) {
  return std::get<bool>(facts.values.at(field));
}

TEST(ContainerFacts, OfContainerdCri) {
  const auto facts = container_facts(
      state_of({{"io.kubernetes.cri.container-type", "container"},
                {"io.kubernetes.cri.container-name", "web"},
                {"io.kubernetes.cri.image-name", "docker.io/shop/web:1.2"},
                {"io.kubernetes.cri.sandbox-id", "fedcba9876543210"},
                {"io.kubernetes.cri.sandbox-name", "web-7d"},
                {"io.kubernetes.cri.sandbox-namespace", "shop"},
                {"io.kubernetes.cri.sandbox-uid", "u-1"}},
               std::string("/run/containerd/io.containerd.runtime.v2.task/"
                           "k8s.io/") +
                   kId),
      ContainerConfig());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(text(*facts, "container.id"), "0123456789ab");
  EXPECT_EQ(text(*facts, "container.full_id"), kId);
  EXPECT_EQ(text(*facts, "container.name"), "web");
  EXPECT_EQ(text(*facts, "container.type"), "containerd");
  EXPECT_EQ(text(*facts, "container.image"), "docker.io/shop/web:1.2");
  EXPECT_EQ(text(*facts, "container.image.repository"), "docker.io/shop/web");
  EXPECT_EQ(text(*facts, "container.image.tag"), "1.2");
  EXPECT_EQ(text(*facts, "container.image.digest"), "(absent)");
  EXPECT_EQ(text(*facts, "k8s.ns.name"), "shop");
  EXPECT_EQ(text(*facts, "k8s.pod.name"), "web-7d");
  EXPECT_EQ(text(*facts, "k8s.pod.uid"), "u-1");
  EXPECT_EQ(text(*facts, "k8s.pod.sandbox_id"), "fedcba987654");
  EXPECT_EQ(facts->namespace_name, "shop");
  EXPECT_TRUE(facts->pod_identity_trusted);
  EXPECT_FALSE(facts->sandbox);
  EXPECT_EQ(facts->labels.at("io.kubernetes.pod.uid"), "u-1");
  EXPECT_EQ(text(*facts, "container.labels"), "(absent)");
  EXPECT_THAT(facts->untold, ElementsAre("container.image.id", "k8s.pod.label",
                                         "k8s.pod.labels"));
}

TEST(ContainerFacts, HaveThePodsLabelsWhereTheyAreFound) {
  ContainerState state =
      state_of({{"io.kubernetes.cri.container-type", "container"},
                {"io.kubernetes.cri.sandbox-name", "web-7d"}});
  const auto facts = container_facts(
      state, ContainerConfig(), std::nullopt, std::nullopt,
      std::map<std::string, std::string>{{"app", "web"}, {"canary", ""}});
  EXPECT_EQ(text(*facts, "k8s.pod.labels"), "app:web, canary");
  EXPECT_THAT(facts->untold, ElementsAre());
}

TEST(ContainerFacts, OfACriOSandboxHaveThePodsLabels) {
  const std::map<std::string, std::string> annotations = {
      {"io.kubernetes.cri-o.ContainerType", "sandbox"},
      {"io.kubernetes.cri-o.KubeName", "web-0"},
      {"io.kubernetes.cri-o.Labels",
       R"({"app":"web","io.kubernetes.pod.name":"web-0"})"}};
  const auto facts = container_facts(state_of(annotations), ContainerConfig());
  EXPECT_EQ(text(*facts, "k8s.pod.labels"), "app:web");
  EXPECT_THAT(facts->untold, ElementsAre());
  ContainerConfig config;
  config.annotations = annotations;
  EXPECT_EQ(labels_of_sandbox(config), facts->pod_labels);
  config.annotations["io.kubernetes.cri-o.ContainerType"] = "container";
  EXPECT_EQ(labels_of_sandbox(config), std::nullopt);
}

TEST(ContainerFacts, OfContainerdItselfHaveLabelsThatNobodyTells) {
  const auto facts = container_facts(
      state_of({}, std::string("/run/containerd/io.containerd.runtime.v2.task/"
                               "default/") +
                       kId),
      ContainerConfig());
  EXPECT_THAT(facts->untold,
              ElementsAre("container.label", "container.labels"));
}

TEST(ContainerFacts, OfACriSandboxHaveThePodsName) {
  const auto facts = container_facts(
      state_of({{"io.kubernetes.cri.container-type", "sandbox"},
                {"io.kubernetes.cri.podsandbox.image-name", "pause:3.9"},
                {"io.kubernetes.cri.sandbox-name", "web-7d"}}),
      ContainerConfig());
  EXPECT_TRUE(facts->sandbox);
  EXPECT_EQ(text(*facts, "container.name"), "web-7d");
  EXPECT_EQ(text(*facts, "container.image.tag"), "3.9");
}

TEST(ContainerFacts, OfCriO) {
  const std::map<std::string, std::string> annotations = {
      {"io.container.manager", "cri-o"},
      {"io.kubernetes.cri-o.ContainerType", "container"},
      {"io.kubernetes.container.name", "web"},
      {"io.kubernetes.cri-o.ImageName", "quay.io/shop/web:2"},
      {"io.kubernetes.cri-o.SandboxID", "sandbox"},
      {"io.kubernetes.cri-o.Labels", R"({"app":"web"})"},
      {"io.kubernetes.pod.name", "web-0"},
      {"io.kubernetes.pod.namespace", "shop"},
      {"io.kubernetes.pod.uid", "u-2"}};
  ContainerConfig config;
  config.cgroups_path = "kubepods-podu_2.slice:crio:" + std::string(kId);
  const std::string bundle = "/run/containers/storage/overlay-containers/" +
                             std::string(kId) + "/userdata";
  const auto facts = container_facts(state_of(annotations, bundle), config);
  EXPECT_EQ(text(*facts, "container.type"), "cri-o");
  EXPECT_EQ(text(*facts, "container.name"), "web");
  EXPECT_EQ(text(*facts, "container.image.repository"), "quay.io/shop/web");
  EXPECT_EQ(text(*facts, "k8s.ns.name"), "shop");
  EXPECT_EQ(text(*facts, "k8s.pod.name"), "web-0");
  EXPECT_EQ(text(*facts, "k8s.pod.uid"), "u-2");
  EXPECT_EQ(text(*facts, "container.labels"), "app:web");
  EXPECT_EQ(facts->labels.at("app"), "web");
  EXPECT_THAT(facts->untold, ElementsAre("container.image.id", "k8s.pod.label",
                                         "k8s.pod.labels"));
  EXPECT_TRUE(facts->pod_identity_trusted);
}

TEST(ContainerFacts, DoNotTrustAPodThatAPodmanUserClaims) {
  const auto facts = container_facts(
      state_of({{"io.container.manager", "libpod"},
                {"io.kubernetes.cri.sandbox-namespace", "kube-system"},
                {"io.kubernetes.cri.sandbox-name", "etcd"}},
               "/var/lib/containers/storage/overlay-containers/x/userdata"),
      ContainerConfig());
  EXPECT_EQ(facts->type, "podman");
  EXPECT_EQ(facts->namespace_name, "kube-system");
  EXPECT_FALSE(facts->pod_identity_trusted);
}

TEST(ContainerFacts, OfPodmanTakeNameAndImageFromItsRecord) {
  const ManagerRecord record{.name = "shop",
                             .image = "localhost/shop/web:1",
                             .image_id = kId,
                             .labels = {}};
  const auto facts = container_facts(
      state_of({{"io.container.manager", "libpod"},
                {"io.kubernetes.cri.image-name", "claimed:1"},
                {"io.kubernetes.cri.container-name", "claimed"}}),
      ContainerConfig(), record);
  EXPECT_EQ(text(*facts, "container.name"), "shop");
  EXPECT_EQ(text(*facts, "container.image.repository"), "localhost/shop/web");
  EXPECT_EQ(text(*facts, "container.image.id"), kId);
}

TEST(ContainerFacts, AreAbsentWhereNothingIsKnown) {
  const auto facts = container_facts(state_of({}), ContainerConfig());
  for (const char* field :
       {"container.name", "container.type", "container.image",
        "container.image.repository", "container.image.tag", "container.mounts",
        "container.labels", "k8s.ns.name", "k8s.pod.name", "k8s.pod.uid"}) {
    EXPECT_EQ(facts->values.count(field), 0U) << field;
  }
  EXPECT_THAT(facts->untold, ElementsAre());
  EXPECT_FALSE(flag(*facts, "container.privileged"));
}

TEST(ContainerFacts, TellTheHostsNamespaces) {
  ContainerConfig config;
  config.namespaces = {{"pid", ""}, {"network", "/proc/7/ns/net"}};
  const auto guessed = container_facts(state_of({}), config);
  EXPECT_FALSE(flag(*guessed, "container.host_pid"));
  EXPECT_FALSE(flag(*guessed, "container.host_network"));
  EXPECT_TRUE(flag(*guessed, "container.host_ipc"));
  const auto seen = container_facts(state_of({}), config, std::nullopt,
                                    HostNamespaces{.network = true});
  EXPECT_TRUE(flag(*seen, "container.host_network"));
  EXPECT_FALSE(flag(*seen, "container.host_ipc"));
}

TEST(ContainerFacts, ListBindMounts) {
  ContainerConfig config;
  config.mounts = {
      {"/proc", "proc", "proc", {}},
      {"/data", "bind", "/srv", {"rbind", "rprivate", "ro"}},
      {"/var/run/docker.sock", "bind", "/var/run/docker.sock", {"bind"}}};
  const auto facts = container_facts(state_of({}), config);
  EXPECT_EQ(text(*facts, "container.mounts"),
            "/srv:/data:ro:false:rprivate,"
            "/var/run/docker.sock:/var/run/docker.sock:rw:true:");
  EXPECT_THAT(std::get<std::vector<std::string>>(
                  facts->values.at("container.mount.dest")),
              ElementsAre("/data", "/var/run/docker.sock"));
}

TEST(ContainerFacts, AClaimOfPrivilegeCanOnlyAdd) {
  const auto claimed =
      container_facts(state_of({{"io.podman.annotations.privileged", "TRUE"}}),
                      ContainerConfig());
  EXPECT_TRUE(flag(*claimed, "container.privileged"));
}

TEST(ContainerFacts, OutliveLabelsThatAreNotJson) {
  const auto facts = container_facts(
      state_of({{"io.kubernetes.cri-o.Labels", "{\"a\":"}}), ContainerConfig());
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->labels.empty());
}

TEST(ContainerFacts, RefuseAnIdThatIsNoFileName) {
  ContainerState state;
  state.id = "../x";
  EXPECT_FALSE(container_facts(state, ContainerConfig()));
}

}  // namespace
}  // namespace bailiff::oci
