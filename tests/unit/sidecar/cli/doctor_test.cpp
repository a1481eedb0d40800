// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/doctor.h"

#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

namespace bailiff::sidecar {
namespace {

using hook::Probe;
using hook::ProbeState;

const Probe kFine{.name = "bpffs", .detail = "mounted"};
const Probe kLess{.name = "runtimes",
                  .state = ProbeState::kDegraded,
                  .detail = "crun only",
                  .remedy = "install runc"};
const Probe kNone{.name = "cgroup",
                  .state = ProbeState::kMissing,
                  .detail = "no cgroup2",
                  .remedy = "mount cgroup2"};

class DoctorTest : public testing::Test {
 protected:
  int show(const std::vector<Probe>& probes, bool json = false) {
    return show_probes({.out = out_, .err = err_, .json = json}, probes);
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(DoctorTest, IsContentWithLess) {
  EXPECT_EQ(show({kFine, kLess}), kExitOk);
  EXPECT_EQ(out_.str(),
            "STATE     CHECK     DETAIL\n"
            "ok        bpffs     mounted\n"
            "degraded  runtimes  crun only; remedy: install runc\n");
}

TEST_F(DoctorTest, FailsWhenSomethingIsMissing) {
  EXPECT_EQ(show({kFine, kNone}), kExitFailed);
}

TEST_F(DoctorTest, WritesJson) {
  EXPECT_EQ(show({kFine, kNone}, true), kExitFailed);
  const auto list = nlohmann::json::parse(out_.str());
  EXPECT_EQ(list[0]["state"], "ok");
  EXPECT_EQ(list[0]["remedy"], nullptr);
  EXPECT_EQ(list[1]["remedy"], "mount cgroup2");
}

TEST(DoctorCheckpoints, TellsWhyThereAreNone) {
  const Probe probe = probe_checkpoints("/bin/false");
  EXPECT_EQ(probe.name, "checkpoints");
  EXPECT_EQ(probe.state, ProbeState::kDegraded);
  EXPECT_NE(probe.detail, "");
  EXPECT_NE(probe.remedy, "");
}

}  // namespace
}  // namespace bailiff::sidecar
