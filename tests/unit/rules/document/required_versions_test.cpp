// SPDX-License-Identifier: Apache-2.0
#include "rules/document/required_versions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/document/rule_file.h"

namespace bailiff {
namespace {

using Messages = std::vector<std::string>;

// "CODE message" of each diagnostic of one item.
Messages said(const std::string& text) {
  Diagnostics diagnostics;
  const auto stream = yaml::parse(text, 0, diagnostics);
  if (stream) read_rule_file(*stream, diagnostics);
  Messages messages;
  for (const Diagnostic& d : diagnostics.all()) {
    messages.push_back(d.code + " " + d.message);
  }
  return messages;
}

Messages engine(const std::string& version) {
  return said("- required_engine_version: " + version + "\n");
}

TEST(RequiredVersions, TakesEnginesThatAreNotNewer) {
  EXPECT_EQ(engine("0.57.0"), Messages{});
  EXPECT_EQ(engine("0.63.0"), Messages{});
  EXPECT_EQ(engine("26"), Messages{});
  EXPECT_EQ(engine("0.31.0-rc1"), Messages{});
}

TEST(RequiredVersions, RefusesNewerEnginesAndOtherMajorVersions) {
  EXPECT_EQ(engine("0.99.0"),
            Messages{"LOAD_ERR_VALIDATE rules require engine version 0.99.0, "
                     "but the engine version is 0.63.0"});
  EXPECT_EQ(engine("99"),
            Messages{"LOAD_ERR_VALIDATE rules require engine version 0.99.0, "
                     "but the engine version is 0.63.0"});
  EXPECT_EQ(engine("1.0.0").size(), 1U);
}

TEST(RequiredVersions, RefusesWhatIsNoVersion) {
  for (const std::string version : {"seven", "1.x", "0.26", "-1", "0..1"}) {
    EXPECT_EQ(engine(version),
              Messages{"LOAD_ERR_YAML_VALIDATE engine version '" + version +
                       "' is not of the form 'x.y.z'"});
  }
  EXPECT_EQ(engine(""),
            Messages{"LOAD_ERR_YAML_VALIDATE 'required_engine_version' is "
                     "empty"});
}

TEST(RequiredVersions, WarnsOfOtherKeys) {
  EXPECT_EQ(said("- {required_engine_version: 10, x: y}\n"),
            Messages{"LOAD_UNKNOWN_KEY unknown key 'x', ignored"});
}

Messages plugins(const std::string& entries) {
  return said("- required_plugin_versions: " + entries + "\n");
}

TEST(RequiredVersions, HasTheContainerPluginBuiltIn) {
  EXPECT_EQ(plugins("[{name: container, version: 0.4.0}]"), Messages{});
  EXPECT_EQ(plugins("[{name: k8smeta, version: 0.1.0, alternatives: "
                    "[{name: container, version: 0.2.0}]}]"),
            Messages{});
}

TEST(RequiredVersions, RefusesPluginsThatAreNotThere) {
  EXPECT_EQ(plugins("[{name: k8saudit, version: 0.4.0, alternatives: "
                    "[{name: k8saudit-eks, version: 0.2.0}]}]"),
            Messages{"LOAD_ERR_VALIDATE no required plugin is available, only "
                     "'container' is"});
}

TEST(RequiredVersions, RefusesOtherShapes) {
  EXPECT_EQ(plugins("container"),
            Messages{"LOAD_ERR_YAML_VALIDATE 'required_plugin_versions' must "
                     "be a sequence, not a scalar"});
  EXPECT_EQ(plugins("[container]"),
            Messages{"LOAD_ERR_YAML_VALIDATE a plugin version must be a "
                     "mapping, not a scalar"});
  EXPECT_EQ(plugins("[{}]"),
            (Messages{"LOAD_ERR_YAML_VALIDATE item has no key 'name'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'version'"}));
  EXPECT_EQ(plugins("[{name: container, version: 1.0.0, alternatives: x}]"),
            Messages{"LOAD_ERR_YAML_VALIDATE plugin version alternatives must "
                     "be a sequence, not a scalar"});
  EXPECT_EQ(plugins("[{name: container, version: 1.0.0, alternatives: [x]}]"),
            Messages{"LOAD_ERR_YAML_VALIDATE a plugin version alternative must "
                     "be a mapping, not a scalar"});
}

TEST(RequiredVersions, RefusesPluginVersionsThatAreNone) {
  EXPECT_EQ(plugins("[{name: container, version: latest}]"),
            Messages{"LOAD_ERR_VALIDATE version 'latest' of plugin 'container' "
                     "is not of the form 'x.y.z'"});
}

TEST(RequiredVersions, RefusesAPluginThatIsItsOwnAlternative) {
  EXPECT_EQ(plugins("[{name: container, version: 0.1.0, alternatives: "
                    "[{name: container, version: 0.2.0}]}]"),
            Messages{"LOAD_ERR_VALIDATE plugin 'container' is its own "
                     "alternative"});
}

}  // namespace
}  // namespace bailiff
