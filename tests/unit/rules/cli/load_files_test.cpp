// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/load_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bailiff::cli {
namespace {

class LoadFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "bailiff-test-XXXXXX")
            .string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream(path("bad.yaml"))
        << "- rule: r\n  desc: d\n  condition: evt.type = connect and "
           "fd.nosuch = 1\n  output: o\n  priority: INFO\n  bogus: 1\n";
    std::ofstream(path("good.yaml")) << "- list: l\n  items: []\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
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
