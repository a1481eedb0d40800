// SPDX-License-Identifier: Apache-2.0
// Texts people wrote, read with the YAML library and without.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/harness/simple_text.h"
#include "tests/harness/spoil.h"
#include "tests/harness/yaml_text.h"

namespace bailiff {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> files_below(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    const std::string kind = entry.path().extension();
    const bool yaml = kind == ".yaml" || kind == ".yml" || kind.empty();
    if (entry.is_regular_file() && yaml) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::filesystem::path> all_files() {
  std::vector<std::filesystem::path> files;
  for (const std::string folder :
       {BAILIFF_SHARED_DATA, "examples", "tests/fuzz/corpus/rule_file",
        "tests/fuzz/corpus/service_config", "tests/fuzz/corpus/document"}) {
    const auto more = files_below(folder);
    EXPECT_FALSE(more.empty()) << folder;
    files.insert(files.end(), more.begin(), more.end());
  }
  return files;
}

void expect_same(const std::string& text) {
  ASSERT_EQ(test::yaml_text(text, yaml::Shortcuts()), test::library_text(text))
      << text;
}

TEST(SharedSimpleDocument, IsEveryRuleFileOfFalco) {
  for (const auto& path : files_below(BAILIFF_SHARED_DATA "/falco-rules")) {
    if (path.extension().empty()) continue;
    EXPECT_TRUE(test::is_simple(read(path))) << path;
  }
}

TEST(SharedSimpleDocument, SaysWhatTheLibraryWouldHaveSaid) {
  for (const auto& path : all_files()) expect_same(read(path));
}

// Up to three items of a text.
std::string random_part(const std::string& text, std::mt19937_64& random) {
  std::size_t begin = text.rfind("\n- ", random() % text.size());
  begin = begin == std::string::npos ? 0 : begin + 1;
  std::size_t end = begin;
  for (std::size_t items = 1 + random() % 3; items > 0; --items) {
    end = std::min(text.find("\n- ", end + 1), text.size() - 1);
  }
  return text.substr(begin, end + 1 - begin);
}

TEST(SharedSimpleDocument, SaysSoOfPartsAndOfWhatIsSpoilt) {
  std::vector<std::string> texts;
  for (const auto& path : all_files()) texts.push_back(read(path));
  std::mt19937_64 random(20211209);
  int simple = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::string text = random_part(texts[random() % texts.size()], random);
    test::spoil(text, random);
    if (test::is_simple(text)) ++simple;
    expect_same(text);
    if (HasFailure()) return;
  }
  EXPECT_GT(simple, 500);
}

}  // namespace
}  // namespace bailiff
