// SPDX-License-Identifier: Apache-2.0
#include "rules/document/outline.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace bailiff {
namespace {

class OutlineTest : public ::testing::Test {
 protected:
  void read(const std::string& text) {
    text_ = text;
    Diagnostics diagnostics;
    const auto stream = yaml::parse(text_, 0, diagnostics);
    outline_.emplace(*stream, text_.size());
  }

  // "rule 'r' > rule condition" of the place of a word that stands once.
  std::string at(const std::string& word) const {
    const auto offset = static_cast<std::uint32_t>(text_.find(word));
    std::string path;
    for (const OutlineEntry* entry : outline_->at(offset)) {
      if (!path.empty()) path += " > ";
      path += entry->type;
      if (!entry->name.empty()) path += " '" + entry->name + "'";
    }
    return path;
  }

  std::string text_;
  std::optional<Outline> outline_;
};

TEST_F(OutlineTest, TellsItemsAndTheirParts) {
  read(R"(- list: names
  items: [one, two]
- macro: m
  condition: open
- rule: r
  desc: about
  condition: m and x
  output: |
    written
  priority: INFO
  tags: [t]
---
- other: thing
)");
  EXPECT_EQ(at("names"), "list 'names' > value for 'list'");
  EXPECT_EQ(at("two"), "list 'names' > value for 'items'");
  EXPECT_EQ(at("items"), "list 'names'");
  EXPECT_EQ(at("open"), "macro 'm' > macro condition");
  EXPECT_EQ(at("about"), "rule 'r' > value for 'desc'");
  EXPECT_EQ(at("and x"), "rule 'r' > rule condition");
  EXPECT_EQ(at("written"), "rule 'r' > rule output");
  EXPECT_EQ(at("INFO"), "rule 'r' > rule priority");
  EXPECT_EQ(at("[t]"), "rule 'r' > value for 'tags'");
  EXPECT_EQ(at("thing"), "rules content item");
}

TEST_F(OutlineTest, TellsExceptions) {
  read(R"(- rule: r
  exceptions:
  - name: first
    fields: [proc.name]
  - name: second
    fields: proc.name
    comps: in
    values: [val]
  enabled: true
)");
  EXPECT_EQ(at("[proc.name]"),
            "rule 'r' > exceptions > exception 'first' > value for 'fields'");
  EXPECT_EQ(at("in\n"),
            "rule 'r' > exceptions > exception 'second' > value for 'comps'");
  EXPECT_EQ(at("val]"),
            "rule 'r' > exceptions > exception 'second' > exception values");
  EXPECT_EQ(at("true"), "rule 'r' > value for 'enabled'");
}

TEST_F(OutlineTest, TellsOverrides) {
  read("- rule: r\n  desc: d\n  override: {desc: append, tags: replace}\n");
  EXPECT_EQ(at("tags"), "rule 'r' > overrides > overrides 'tags'");
  EXPECT_EQ(at("append"), "rule 'r' > overrides > overrides 'desc'");
}

TEST_F(OutlineTest, TellsRequiredVersions) {
  read(R"(- required_engine_version: 0.1.0
- required_plugin_versions:
  - name: json
    version: 1.2.3
    alternatives:
    - name: jason
      version: 4.5.6
)");
  EXPECT_EQ(at("0.1.0"),
            "required_engine_version > value for 'required_engine_version'");
  EXPECT_EQ(at("1.2.3"),
            "required plugin versions > required plugin versions entry 'json'");
  EXPECT_EQ(at("4.5.6"),
            "required plugin versions > required plugin versions entry 'json' "
            "> required plugin versions alternative 'jason'");
}

TEST_F(OutlineTest, FindsTheLastItemOfAName) {
  read("- macro: m\n  condition: a\n- macro: m\n  condition: b\n");
  const OutlineEntry* found = outline_->find("macro", "m");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->begin, text_.rfind("macro"));
  EXPECT_EQ(outline_->find("rule", "m"), nullptr);
}

TEST_F(OutlineTest, KnowsNothingBeforeTheFirstItem) {
  read("# a comment\n- macro: m\n  condition: b\n");
  EXPECT_EQ(at("comment"), "");
}

TEST_F(OutlineTest, LeavesOutWhatStandsElsewhere) {
  read("- list: a\n  items: &x [one]\n- list: b\n  items: *x\n  append: y\n");
  EXPECT_EQ(at("one"), "list 'a' > value for 'items'");
  EXPECT_EQ(at("*x"), "list 'b'");
}

TEST_F(OutlineTest, OfAPolicyFileIsEmpty) {
  read("policies:\n- name: p\n");
  EXPECT_EQ(at("p\n"), "");
}

}  // namespace
}  // namespace bailiff
