// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/load_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/harness/scratch_folder.h"

namespace bailiff::cli {
namespace {

class LoadFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path("bad.yaml"))
        << "- rule: r\n  desc: d\n  condition: evt.type = connect and "
           "fd.nosuch = 1\n  output: o\n  priority: INFO\n  bogus: 1\n";
    std::ofstream(path("good.yaml")) << "- list: l\n  items: []\n";
  }

  std::string path(const std::string& name) const { return folder_ / name; }

  ScratchFolder folder_;
};

TEST_F(LoadFilesTest, TellsTheResultOfEachFile) {
  const Loaded loaded =
      load_files({path("bad.yaml"), path("good.yaml"), path("absent.yaml")});
  EXPECT_EQ(load_results_text(loaded), path("bad.yaml") + ": Invalid\n" +
                                           path("good.yaml") + ": Ok\n" +
                                           path("absent.yaml") + ": Invalid\n");
  EXPECT_FALSE(loaded.policy);
}

}  // namespace
}  // namespace bailiff::cli
