// SPDX-License-Identifier: Apache-2.0
#include "rules/document/mapping_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

TEST(Duration, ReadsNumberAndUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500);
  EXPECT_EQ(parse_duration("10s"), 10'000);
  EXPECT_EQ(parse_duration("15m"), 900'000);
  EXPECT_EQ(parse_duration("1h"), 3'600'000);
  EXPECT_EQ(parse_duration("2d"), 172'800'000);
  EXPECT_EQ(parse_duration("0s"), 0);
}

TEST(Duration, RefusesEverythingElse) {
  for (const std::string text : {"", "10", "s", "10 s", "-1s", "1.5s", "1w",
                                 "1h30m", "99999999999999999999s", "99999d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

class MappingReaderTest : public ::testing::Test {
 protected:
  void read(std::string text) {
    text_ = std::move(text);
    stream_ = yaml::parse(text_, 0, diagnostics_);
    ASSERT_TRUE(stream_);
    reader_.emplace(*stream_, (*stream_)[stream_->roots()[0]], diagnostics_,
                    "rule", "r");
  }
  // "text at the place: message; hint" of each diagnostic.
  std::vector<std::string> messages() const {
    std::vector<std::string> all;
    for (const Diagnostic& d : diagnostics_.all()) {
      all.push_back(text_.substr(d.span.begin, d.span.end - d.span.begin) +
                    ": " + d.message + (d.hint.empty() ? "" : "; " + d.hint));
    }
    return all;
  }

  std::string text_;
  Diagnostics diagnostics_;
  std::optional<yaml::Stream> stream_;
  std::optional<MappingReader> reader_;
};

using Messages = std::vector<std::string>;

TEST_F(MappingReaderTest, ReadsEveryType) {
  read("a: text\nb: yes\nc: -5\nd: 10s\ne: [x, y]\nf: two\n");
  EXPECT_EQ(reader_->text("a")->text, "text");
  EXPECT_EQ(reader_->boolean("b"), true);
  EXPECT_EQ(reader_->number("c", -10, 10), -5);
  EXPECT_EQ(reader_->duration_ms("d"), 10'000);
  EXPECT_EQ(reader_->texts("e")->size(), 2U);
  EXPECT_EQ(reader_->one_of("f", {"one", "two"}), 1U);
  EXPECT_FALSE(reader_->text("absent"));
  reader_->finish(Severity::kError);
  EXPECT_EQ(messages(), Messages{});
}

TEST_F(MappingReaderTest, ReportsWrongTypesAtTheValue) {
  read("a: [x]\nb: 1\nc: 11\nd: soon\ne: x\nf: thre\ng: ''\nh: [[y]]\n");
  reader_->text("a");
  reader_->boolean("b");
  reader_->number("c", -10, 10);
  reader_->duration_ms("d");
  reader_->texts("e");
  reader_->one_of("f", {"one", "two", "three"});
  reader_->text("g");
  reader_->texts("h");
  EXPECT_EQ(
      messages(),
      (Messages{
          "[: 'a' must be a scalar, not a sequence",
          "1: 'b' must be true or false, not '1'",
          "11: 'c' must be a number from -10 to 10, not '11'",
          "soon: 'd' must be a duration, not 'soon'; write a number and ms, "
          "s, m, h or d, such as 10s",
          "x: 'e' must be a sequence, not a scalar",
          "thre: 'f' must be one, two or three, not 'thre'; did you mean "
          "'three'?",
          "': 'g' is empty",
          "[: an element of 'h' must be a scalar, not a sequence",
      }));
}

TEST_F(MappingReaderTest, ReportsUnknownAndRepeatedKeys) {
  read("prority: x\nname: a\nname: b\n");
  EXPECT_EQ(reader_->text("name")->text, "a");
  reader_->text("priority");
  reader_->require("output");
  reader_->finish(Severity::kWarning);
  EXPECT_EQ(messages(),
            (Messages{"prority: item has no key 'output'",
                      "prority: unknown key 'prority', ignored; did you mean "
                      "'priority'?",
                      "name: key 'name' is given twice, the first one "
                      "counts"}));
  EXPECT_EQ(diagnostics_.error_count(), 1U);
  EXPECT_EQ(diagnostics_.all()[1].code, "LOAD_UNKNOWN_KEY");
  EXPECT_EQ(diagnostics_.all()[1].item_name, "r");
}

}  // namespace
}  // namespace bailiff
