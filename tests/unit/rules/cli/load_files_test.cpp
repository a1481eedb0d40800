// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/load_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

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

TEST_F(LoadFilesTest, PrintsFalcosLoadResults) {
  const std::string text =
      load_results_json(load_files({path("bad.yaml"), path("absent.yaml")}));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto json = nlohmann::json::parse(text);
  const auto& bad = json["falco_load_results"][0];
  EXPECT_EQ(bad["name"], path("bad.yaml"));
  EXPECT_EQ(bad["successful"], false);
  ASSERT_EQ(bad["errors"].size(), 1U);
  const auto& error = bad["errors"][0];
  EXPECT_EQ(error["code"], "LOAD_ERR_COMPILE_CONDITION");
  EXPECT_EQ(error["codedesc"], "Error compiling condition");
  EXPECT_EQ(error["message"], "unknown field 'fd.nosuch'");
  const auto& location = error["context"]["locations"][0];
  EXPECT_EQ(location["item_type"], "rule");
  EXPECT_EQ(location["item_name"], "r");
  EXPECT_EQ(location["position"]["line"], 3);
  EXPECT_EQ(location["position"]["column"], 37);
  ASSERT_EQ(bad["warnings"].size(), 1U);
  EXPECT_EQ(bad["warnings"][0]["code"], "LOAD_UNKNOWN_KEY");
  const auto& absent = json["falco_load_results"][1];
  EXPECT_EQ(absent["errors"][0]["code"], "LOAD_ERR_FILE_READ");
}

}  // namespace
}  // namespace bailiff::cli
