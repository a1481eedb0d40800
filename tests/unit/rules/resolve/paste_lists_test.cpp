// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/paste_lists.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rules/syntax/parser.h"
#include "rules/syntax/printer.h"

namespace bailiff {
namespace {

using Lists = std::vector<std::pair<std::string, std::vector<std::string>>>;

// An item's place is in source 1, from its index on.
std::vector<RawList> raw_lists(const Lists& lists) {
  std::vector<RawList> raw;
  for (const auto& [name, items] : lists) {
    RawList list;
    list.name.text = name;
    list.defined = raw.size();
    list.changed = raw.size();
    std::uint32_t place = 0;
    for (const std::string& item : items) {
      list.items.push_back(item,
                           {.source = 1, .begin = place, .end = place + 1});
      ++place;
    }
    raw.push_back(std::move(list));
  }
  return raw;
}

class PasteTest : public ::testing::Test {
 protected:
  void lists(const Lists& made) {
    raw_ = raw_lists(made);
    resolved_ = resolve_lists(raw_, diagnostics_);
    paster_.emplace(raw_, resolved_, diagnostics_);
  }

  std::string pasted(const std::string& condition) {
    LocatedText text;
    text.push_run(condition, 0, 0);
    const auto result = paster_->paste(text, {.type = "rule", .name = "r"});
    if (!result) return "refused: " + diagnostics_.all().back().message;
    last_ = *result;
    return result->text();
  }

  // The place of the first `text` in what was pasted last.
  Span place_of(const std::string& text) const {
    const std::size_t at = last_.text().find(text);
    return last_.span(at, at + text.size());
  }

  std::vector<RawList> raw_;
  ResolvedLists resolved_;
  Diagnostics diagnostics_;
  std::optional<ListPaster> paster_;
  LocatedText last_;
};

TEST_F(PasteTest, KeepsReferences) {
  lists({{"shells", {"sh", "bash"}}, {"sshd", {"sshd", "ssh"}}});
  for (const std::string condition :
       {"proc.name in (shells)", "proc.name in (a, shells ,b)",
        "proc.name in(shells,sshd)", "proc.name in shells and a.b exists",
        "(proc.name in shells)", "proc.name intersects (shells)",
        "proc.name pmatch ( shells )", "not proc.name in (\n  shells\n)",
        "a.b = \"in (\" and proc.name in (shells)"}) {
    EXPECT_EQ(pasted(condition), condition);
  }
}

TEST_F(PasteTest, TellsWhichListsBecameText) {
  lists({{"inner", {"a"}},
         {"outer", {"inner", "b"}},
         {"kept", {"sh"}},
         {"unused", {"x"}}});
  pasted("proc.name in (kept)");
  EXPECT_EQ(paster_->pasted(), std::vector<bool>({false, false, false, false}));
  pasted("proc.name = outer");
  EXPECT_EQ(paster_->pasted(), std::vector<bool>({true, true, false, false}));
}

TEST_F(PasteTest, AListInALoopIsText) {
  lists({{"one", {"two", "a"}}, {"two", {"one", "b"}}, {"other", {"c"}}});
  const std::vector<bool> pasted = paster_->pasted();
  EXPECT_TRUE(pasted[0] || pasted[1]);
  EXPECT_FALSE(pasted[2]);
}

TEST_F(PasteTest, LeavesConditionsWithoutListsAlone) {
  lists({{"shells", {"sh"}}});
  for (const std::string condition :
       {"proc.name = bash", "proc.name = \"shells\"", "proc.name = xshells",
        "proc.name = shells.x", "proc.env[shells] = x", "proc.name=[shells]"}) {
    EXPECT_EQ(pasted(condition), condition);
  }
}

TEST_F(PasteTest, PastesBehindOtherOperators) {
  lists({{"sshd", {"sshd", "ssh"}}, {"one", {"x"}}});
  EXPECT_EQ(pasted("proc.name = sshd"), "proc.name = sshd, ssh ");
  EXPECT_EQ(pasted("proc.name=one and a.b exists"),
            "proc.name= x and a.b exists");
  EXPECT_EQ(pasted("proc.name startswith oneof (one, sshd)"),
            "proc.name startswith oneof ( x , sshd, ssh )");
}

TEST_F(PasteTest, PastesInsideQuotedStrings) {
  lists({{"L2", {"y", "z"}}});
  EXPECT_EQ(pasted("a.b = \"foo L2 bar\""), "a.b = \"foo y, z bar\"");
  EXPECT_EQ(pasted("a.b = 'foo  L2\tbar'"), "a.b = 'foo y, z bar'");
  EXPECT_EQ(pasted("a.b in (\"foo,L2,bar\")"), "a.b in (\"foo, y, z ,bar\")");
  EXPECT_EQ(pasted("a.b = \"foo \\\" L2 \\\"\""),
            "a.b = \"foo \\\" y, z \\\"\"");
}

TEST_F(PasteTest, PastesArgumentsOfTransformers) {
  lists({{"args", {"a.b", "\",\""}}});
  EXPECT_EQ(pasted("concat(args) = x"), "concat( a.b, \",\" ) = x");
  EXPECT_EQ(pasted("a.b in tolower(args)"), "a.b in tolower( a.b, \",\" )");
}

TEST_F(PasteTest, PastesConditions) {
  lists({{"check", {"a.b=1)or(c.d=2"}}});
  EXPECT_EQ(pasted("(check)"), "( a.b=1)or(c.d=2 )");
  EXPECT_EQ(pasted("check"), "a.b=1)or(c.d=2 ");
}

TEST_F(PasteTest, PastesListsOfWhatIsNoValueEverywhere) {
  lists({{"pair", {"a,b", "c"}}, {"outer", {"pair", "d"}}, {"e", {"e"}}});
  EXPECT_EQ(pasted("x.y in (pair, e)"), "x.y in ( a,b, c , e)");
  EXPECT_EQ(pasted("x.y in (outer)"), "x.y in ( a,b, c, d )");
}

TEST_F(PasteTest, PastesLaterListsIntoThePasted) {
  lists({{"first", {"second", "x"}}, {"second", {"third"}}, {"third", {"3"}}});
  EXPECT_EQ(pasted("a.b = first"), "a.b = 3 , x ");
  EXPECT_EQ(pasted("a.b = third"), "a.b = 3 ");
}

TEST_F(PasteTest, AddsQuotesToItemsWithSpaces) {
  lists({{"l", {"a b", "'c d'", "e"}}});
  EXPECT_EQ(pasted("x.y = oneof (l)"), "x.y = oneof ( \"a b\", 'c d', e )");
}

TEST_F(PasteTest, AnEmptyListTakesACommaAlong) {
  lists({{"none", {}}, {"text", {"(x)"}}});
  EXPECT_EQ(pasted("x.y = oneof (a, none)"), "x.y = oneof (a  )");
  EXPECT_EQ(pasted("x.y = oneof (none, a)"), "x.y = oneof (   a)");
  EXPECT_EQ(pasted("x.y = oneof (a, none, b)"), "x.y = oneof (a  , b)");
  EXPECT_EQ(pasted("x.y = oneof (none)"), "x.y = oneof (  )");
}

TEST_F(PasteTest, StepsOverOneCharacterAtTheBeginningAsFalcoDoes) {
  lists({{"l", {"a"}}});
  EXPECT_EQ(pasted("l l"), "a l");
  EXPECT_EQ(pasted("l,l"), "a , a ");
  EXPECT_EQ(pasted("not l l"), "not a a ");
}

TEST_F(PasteTest, FindsNamesWithBlanks) {
  lists({{"test", {"x"}}, {"test list", {"open"}}});
  EXPECT_EQ(pasted("a.b = oneof (test list)"), "a.b = oneof ( x list)");
  lists({{"test list", {"open", "close"}}});
  EXPECT_EQ(pasted("a.b in (test list)"), "a.b in ( open, close )");
}

TEST_F(PasteTest, PastesAReferenceThatAPastedTextDisplaced) {
  lists({{"quote", {"\""}}, {"l", {"x", "y"}}});
  EXPECT_EQ(pasted("a.b = quote and c.d in (l) and e.f = \""),
            "a.b = \" and c.d in ( x, y ) and e.f = \"");
}

TEST_F(PasteTest, PlacesWhatItPastesAtTheName) {
  lists({{"sshd", {"a", "b"}}});
  pasted("proc.name = sshd and x.y exists");
  EXPECT_EQ(place_of("a, b"), (Span{.source = 0, .begin = 12, .end = 16}));
  EXPECT_EQ(place_of("x.y"), (Span{.source = 0, .begin = 21, .end = 24}));
}

TEST_F(PasteTest, PlacesElementsAtTheirItems) {
  lists({{"torn", {"a", "(b)"}}});
  pasted("proc.name in (torn)");
  EXPECT_EQ(place_of("(b)"), (Span{.source = 1, .begin = 1, .end = 2}));
}

TEST_F(PasteTest, RefusesConditionsThatGrowTooLarge) {
  Lists doubling;
  for (int i = 0; i < 64; ++i) {
    const std::string next = "l" + std::to_string(i + 1);
    doubling.push_back(
        {"l" + std::to_string(i), {next, next, std::string(1000, 'x')}});
  }
  lists(doubling);
  const std::string message =
      "refused: the condition is larger than 1048576 bytes with its lists "
      "pasted into it";
  EXPECT_EQ(pasted("a.b = l0"), message);
  EXPECT_EQ(diagnostics_.all()[0].code, "LOAD_ERR_COMPILE_CONDITION");
  EXPECT_EQ(diagnostics_.all()[0].item_name, "r");
  EXPECT_EQ(pasted("a.b in (l0)"), "a.b in (l0)");
}

TEST_F(PasteTest, RefusesTextsOfEmptyListsWithoutEnd) {
  Lists doubling = {{"l0", {}}};
  for (int i = 1; i < 64; ++i) {
    const std::string before = "l" + std::to_string(i - 1);
    doubling.push_back({"l" + std::to_string(i), {before, before}});
  }
  lists(doubling);
  EXPECT_EQ(pasted("a.b = l63"),
            "refused: there is too much of lists to paste into conditions");
}

TEST_F(PasteTest, RefusesAMillionItemsOutsideAList) {
  lists({{"big", std::vector<std::string>(150'000, "1.2.3.4")}});
  EXPECT_EQ(pasted("fd.sip in (big)"), "fd.sip in (big)");
  EXPECT_EQ(pasted("fd.sip = big").substr(0, 8), "refused:");
}

TEST_F(PasteTest, TellsWhatIsUsed) {
  lists({{"back", {"x"}},
         {"outer", {"back", "forth", "idle"}},
         {"forth", {"y"}},
         {"text", {"z"}},
         {"lonely", {"alone"}},
         {"alone", {"w"}},
         {"idle", {"v"}}});
  EXPECT_EQ(paster_->used(), (std::vector<bool>{true, false, false, false,
                                                false, false, false}));
  pasted("a.b in (outer) and c.d = \"a text b\"");
  EXPECT_EQ(paster_->used(),
            (std::vector<bool>{true, true, true, true, false, false, true}));
}

// Falco's way, word for word: strings, one list after the other.  Only items
// that name earlier lists are followed to any depth.
class Naive {
 public:
  explicit Naive(const Lists& lists) : lists_(lists) {}

  std::string paste(std::string text) const {
    for (std::size_t i = 0; i < lists_.size(); ++i) text = replaced(text, i);
    return text;
  }

 private:
  std::vector<std::string> items(std::size_t list, std::size_t root) const {
    std::vector<std::string> all;
    for (const std::string& item : lists_[list].second) {
      std::size_t other = 0;
      while (other < root && lists_[other].first != item) ++other;
      if (other == root) {
        all.push_back(item);
      } else {
        for (const std::string& inner : items(other, root)) {
          all.push_back(inner);
        }
      }
    }
    return all;
  }

  std::string replaced(std::string text, std::size_t list) const {
    const std::string& name = lists_[list].first;
    const std::string blanks = " \t\n\r";
    const auto is_blank = [&](char c) {
      return blanks.find(c) != std::string::npos;
    };
    const auto delimits = [&](char c) {
      return (blanks + "(),=").find(c) != std::string::npos;
    };
    std::size_t at = text.find(name);
    while (at != std::string::npos) {
      std::size_t begin = at;
      std::size_t end = at + name.size();
      if ((begin == 0 || delimits(text[begin - 1])) &&
          (end == text.size() || delimits(text[end]))) {
        while (begin > 0 && is_blank(text[begin - 1])) --begin;
        while (end < text.size() && is_blank(text[end])) ++end;
        std::string by;
        for (const std::string& item : items(list, list)) {
          if (!by.empty()) by += ", ";
          by += pasted_item(item);
        }
        if (by.empty() && begin > 0 && text[begin - 1] == ',') {
          --begin;
        } else if (by.empty() && end < text.size() && text[end] == ',') {
          ++end;
        }
        std::string next;
        if (begin > 0) next = text.substr(0, begin) + " ";
        next += by + " ";
        next += text.substr(end);
        text = next;
        at = begin + by.size() + 1;
      }
      at = text.find(name, at + 1);
    }
    return text;
  }

  const Lists& lists_;
};

// Lists and conditions with no end.  No list includes one that includes it.
class Random {
 public:
  // `inner`: items may have names of lists inside them.
  Lists lists(bool inner) {
    Lists made;
    const bool forward = number(2) == 0;
    for (std::size_t k = 0; k < kCount; ++k) {
      std::vector<std::string> items;
      for (std::size_t count = number(4); count > 0; --count) {
        const std::string later =
            k + 1 < kCount ? name(k + 1 + number(kCount - 1 - k)) : "z";
        const std::string other =
            forward ? later : (k > 0 ? name(number(k)) : "z");
        items.push_back(pick({"x", "y z", "\"q\"", "\"(w)\"", "x,y", "", other,
                              other, inner ? "u " + later + " v" : "v"}));
      }
      made.push_back({name(k), std::move(items)});
    }
    return made;
  }

  std::string condition(bool references) {
    std::string text;
    for (std::size_t count = 1 + number(3); count > 0; --count) {
      if (!text.empty()) text += pick({" and ", " or "});
      const std::string one = name(number(kCount));
      const std::string two = name(number(kCount));
      text += pick({"a.b = " + one, "a.b = \"x " + one + " y\"",
                    "not a.b contains '" + one + "  " + two + "'",
                    "a.b startswith oneof (x, " + one + "," + two + ")",
                    "len(" + one + ") = 1", one});
      if (!references) continue;
      text += pick({" and a.b in (" + one + ")",
                    " and a.b in (x, " + one + ",  " + two + ")",
                    " and a.b intersects ( " + one + " ,x)",
                    " and (a.b pmatch (" + one + ", \"" + two + "\"))"});
    }
    return text;
  }

 private:
  static constexpr std::size_t kCount = 5;

  std::size_t number(std::size_t below) { return random_() % below; }
  std::string pick(const std::vector<std::string>& words) {
    return words[number(words.size())];
  }
  static std::string name(std::size_t list) {
    return std::string(1, static_cast<char>('A' + list));
  }

  std::mt19937 random_{20211209};
};

std::string pasted(const Lists& lists, const std::string& condition) {
  const std::vector<RawList> raw = raw_lists(lists);
  Diagnostics diagnostics;
  const ResolvedLists resolved = resolve_lists(raw, diagnostics);
  ListPaster paster(raw, resolved, diagnostics);
  LocatedText text;
  text.push_run(condition, 0, 0);
  const auto result = paster.paste(text, {});
  EXPECT_TRUE(result);
  return result ? result->text() : "";
}

TEST(Paste, IsFalcosToTheByte) {
  Random random;
  for (int i = 0; i < 700; ++i) {
    const Lists lists = random.lists(true);
    const std::string condition = random.condition(false);
    ASSERT_EQ(pasted(lists, condition), Naive(lists).paste(condition))
        << condition;
  }
}

// The condition as a tree, printed; or "none".
std::string parsed(const std::string& condition) {
  Diagnostics diagnostics;
  LocatedText text;
  text.push_run(condition, 0, 0);
  const auto node = syntax::parse_condition(text, {}, diagnostics);
  return node ? syntax::print(*node) : "none";
}

TEST(Paste, LeavesReferencesThatSayWhatPastingThemWould) {
  Random random;
  std::size_t parsed_count = 0;
  for (int i = 0; i < 700; ++i) {
    const Lists lists = random.lists(false);
    const std::string condition = random.condition(true);
    const Naive naive(lists);
    const std::string left = pasted(lists, condition);
    const std::string expected = parsed(naive.paste(condition));
    ASSERT_EQ(parsed(naive.paste(left)), expected) << condition << "\n" << left;
    if (expected != "none") ++parsed_count;
  }
  EXPECT_GT(parsed_count, 50U);
}

}  // namespace
}  // namespace bailiff
