// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/path_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

TEST(PathSet, MatchesWhatOneOfItsPatternsMatches) {
  const std::vector<std::string> patterns = {
      "/etc",       "etc/pam.d",  "/srv/*/.ssh", "/srv/root",
      "/usr/*/*/x", "/usr/lib/y", "/var/[a-f]",  "//opt//z//"};
  const std::vector<std::string> paths = {"",
                                          "/",
                                          "/etc",
                                          "/etcx",
                                          "etc/passwd",
                                          "/srv",
                                          "/srv/u",
                                          "/srv/root/a",
                                          "/srv/u/.ssh/id",
                                          "/usr/lib/x",
                                          "/usr/lib/y",
                                          "/usr/a/b/x/c",
                                          "/usr/a/b/y",
                                          "/usr/lib/b/x",
                                          "/var/a/b",
                                          "/var/g",
                                          "/opt/z",
                                          "/opt/zz",
                                          "//opt///z/q"};
  PathSet all;
  for (const std::string& pattern : patterns) {
    PathSet one;
    one.insert(pattern);
    all.insert(pattern);
    for (const std::string& path : paths) {
      EXPECT_EQ(one.contains(path), path_matches(pattern, path))
          << pattern << " " << path;
    }
  }
  for (const std::string& path : paths) {
    EXPECT_EQ(all.contains(path), std::any_of(patterns.begin(), patterns.end(),
                                              [&](const std::string& pattern) {
                                                return path_matches(pattern,
                                                                    path);
                                              }))
        << path;
  }
}

TEST(PathSet, TheRootHasEveryPathBelowIt) {
  PathSet set;
  EXPECT_FALSE(set.contains("/etc"));
  set.insert("/");
  EXPECT_TRUE(set.contains("/etc"));
  EXPECT_TRUE(set.contains(""));
}

// Neither is a stack as deep as the path.
TEST(PathSet, TakesPathsOfAnyDepth) {
  std::string plain;
  std::string globs;
  for (int i = 0; i < 20'000; ++i) {
    plain += "/a";
    globs += "/*";
  }
  PathSet set;
  set.insert(plain);
  set.insert(globs + "/b");
  EXPECT_TRUE(set.contains(plain));
  EXPECT_TRUE(set.contains(plain + "/b"));
  EXPECT_FALSE(set.contains(plain.substr(2)));
}

}  // namespace
}  // namespace bailiff
