// SPDX-License-Identifier: Apache-2.0
#include "rules/document/plain_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

using Texts = std::vector<std::string>;

// The items, or the messages with "OFFSET: " in front.
Texts read(const std::string& text) {
  Diagnostics diagnostics;
  const auto items = read_plain_list(text, 3, diagnostics);
  EXPECT_EQ(items.has_value(), diagnostics.all().empty());
  Texts texts;
  for (const Diagnostic& d : diagnostics.all()) {
    EXPECT_EQ(d.code, "LOAD_ERR_VALIDATE");
    EXPECT_EQ(d.span.source, 3U);
    texts.push_back(std::to_string(d.span.begin) + ": " + d.message);
  }
  if (!items) return texts;
  for (const PlacedText& item : *items) {
    EXPECT_EQ(text.substr(item.span.begin, item.span.end - item.span.begin),
              item.text);
    EXPECT_EQ(item.span.source, 3U);
    texts.push_back(item.text);
  }
  return texts;
}

TEST(PlainList, HasAnItemALine) {
  EXPECT_EQ(read("1.2.3.4\n2001:db8::/32\nexample.com"),
            (Texts{"1.2.3.4", "2001:db8::/32", "example.com"}));
  EXPECT_EQ(read(""), Texts{});
}

TEST(PlainList, LeavesOutBlanksAndComments) {
  EXPECT_EQ(read("# of today\n\n  1.2.3.4\t\n5.6.7.8 # why\n \t\n\t# end\n"),
            (Texts{"1.2.3.4", "5.6.7.8"}));
}

TEST(PlainList, AnItemMayHoldBlanksQuotesAndHashes) {
  EXPECT_EQ(read("cat /dev/null\n\"a\"\nhttp://x/#top#\n"),
            (Texts{"cat /dev/null", "\"a\"", "http://x/#top#"}));
}

TEST(PlainList, TakesEitherLineEndAndAByteOrderMark) {
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "a\r\nb\r\n"),
            (Texts{"a", "b"}));
}

TEST(PlainList, RefusesWhatIsNoText) {
  EXPECT_EQ(read("a\nb\xff\n"),
            Texts{"3: neither UTF-8 text nor a character of a list"});
  EXPECT_EQ(read(std::string("a\0", 2)).size(), 1U);
}

TEST(PlainList, RefusesEveryLineThatIsTooLong) {
  const std::string line(kMaxPlainItemBytes + 1, 'x');
  const std::string message =
      ": a line of more than 1024 bytes is no item of "
      "a list";
  EXPECT_EQ(read("a\n" + line + "\nb\n" + line + "\n"),
            (Texts{"2" + message, "1030" + message}));
  EXPECT_EQ(read(line.substr(1)).size(), 1U);
  EXPECT_EQ(read("# " + line), Texts{});
}

TEST(PlainList, RefusesSize) {
  EXPECT_EQ(read(std::string(kMaxPlainListBytes + 1, ' ')),
            Texts{"0: larger than 268435456 bytes"});
}

}  // namespace
}  // namespace bailiff
