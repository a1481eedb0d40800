// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/manager_calls.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff::sidecar {
namespace {

using Command = std::vector<std::string>;

oci::ContainerRecord record_of(const std::string& bundle,
                               const std::string& type = "") {
  oci::ContainerRecord record;
  record.id = "abc";
  record.bundle = bundle;
  record.facts.type = type;
  return record;
}

TEST(ManagerOf, IsToldByTheBundle) {
  EXPECT_EQ(manager_of(record_of("/b/overlay-containers/abc/userdata")).kind,
            ManagerKind::kPodman);
  EXPECT_EQ(
      manager_of(record_of("/b/overlay-containers/abc/userdata", "cri-o")).kind,
      ManagerKind::kNone);
  const ManagerAddress containerd =
      manager_of(record_of("/none/io.containerd.runtime.v2.task/k8s.io/abc"));
  EXPECT_EQ(containerd.kind, ManagerKind::kContainerd);
  EXPECT_EQ(containerd.name_space, "k8s.io");
  EXPECT_EQ(containerd.address, "");
  EXPECT_EQ(
      manager_of(record_of("/none/io.containerd.runtime.v2.task/moby/abc"))
          .kind,
      ManagerKind::kDocker);
  EXPECT_EQ(manager_of(record_of("/srv/bundle")).kind, ManagerKind::kNone);
  EXPECT_EQ(manager_of(record_of("")).kind, ManagerKind::kNone);
}

TEST(ManagerCommand, IsTheManagersOwn) {
  const ManagerAddress podman{.kind = ManagerKind::kPodman};
  EXPECT_EQ(manager_command(podman, ManagerVerb::kPause, "abc", 0),
            (Command{"podman", "pause", "abc"}));
  EXPECT_EQ(manager_command(podman, ManagerVerb::kStop, "abc", 7),
            (Command{"podman", "stop", "--time", "7", "abc"}));
  const ManagerAddress containerd{.kind = ManagerKind::kContainerd,
                                  .name_space = "k8s.io",
                                  .address = "/run/c.sock"};
  EXPECT_EQ(manager_command(containerd, ManagerVerb::kResume, "abc", 0),
            (Command{"ctr", "--namespace", "k8s.io", "--address", "/run/c.sock",
                     "tasks", "resume", "abc"}));
  EXPECT_EQ(manager_command(containerd, ManagerVerb::kStop, "abc", 7),
            Command{});
  EXPECT_EQ(manager_command({}, ManagerVerb::kPause, "abc", 0), Command{});
}

TEST(ManagerCommand, TakesNoOptionForAnId) {
  const ManagerAddress podman{.kind = ManagerKind::kPodman};
  for (const std::string id : {"", "--all", "-a", "a b", "a/b", "a\n"}) {
    EXPECT_EQ(manager_command(podman, ManagerVerb::kPause, id, 0), Command{})
        << id;
  }
}

}  // namespace
}  // namespace bailiff::sidecar
