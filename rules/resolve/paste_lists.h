// SPDX-License-Identifier: Apache-2.0
// rules/resolve/paste_lists.h
// Lists in conditions.
//
// In Falco a list is text.  Before a condition is parsed, each list, in the
// order of definition, is put in place of its name wherever that stands between
// delimiters (a blank, one of `(),=`, or an end of the condition), be it inside
// a quoted string: its items, with ", " between them and a space around them.
// An empty list takes one neighbouring comma with it.  An item that names a
// list defined before is replaced by that list's items; one that names a later
// list is replaced in its turn.
//
// A list of a million addresses cannot be put into text.  So two kinds of
// mention are kept apart:
//
//  - A reference: an element of a list in parentheses behind `in`, `intersects`
//    or `pmatch`, or the word behind one of them, when the list's items are
//    values (ResolvedLists::textual).  It stays, and the parser finds a name
//    that Checker looks up.  Pasting would put values in its place, with commas
//    between them, which is a list's syntax: the elements are the same, whether
//    they are looked up or spelled out.
//  - All others are pasted, by Falco's algorithm: names inside quoted strings,
//    behind other operators and in the lists of modifiers, in arguments of
//    transformers, in place of conditions; lists with items that are no values.
//
// The references that were kept in front of, and between, pasted texts are
// looked at again when all is pasted: when one has come to stand elsewhere, by
// a list with an odd quote say, the condition is pasted anew without
// references.
//
// It differs from Falco in what Falco refuses or misses, never in what works
// there: `in NAME` may name a list of more than one item, which Falco makes a
// syntax error of; lists may be nested deeper than Falco follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/located_text.h"
#include "rules/resolve/definitions.h"
#include "rules/resolve/list_names.h"
#include "rules/resolve/lists.h"
#include "rules/syntax/parser.h"

namespace bailiff {

// Bytes of a condition once lists are pasted into it.  References do not count.
inline constexpr std::size_t kMaxPastedBytes = 1U << 20;
// Bytes gone through again and again for that, in all conditions of a load: a
// second's work, and hundreds of times what the largest rule files need.
inline constexpr std::size_t kMaxPasteWork = 1U << 24;

class ListPaster {
 public:
  // All are borrowed for the paster's life.
  ListPaster(const std::vector<RawList>& raw, const ResolvedLists& resolved,
             Diagnostics& diagnostics);

  // The condition with its lists pasted.  A pasted text has the place of the
  // name it replaces, but in a list in parentheses each item has its own.
  // nullopt after a diagnostic (LOAD_ERR_COMPILE_CONDITION) past a bound.
  std::optional<LocatedText> paste(const LocatedText& condition,
                                   const syntax::Owner& owner);

  // By list: whether a condition pasted so far or a list defined later names
  // it, or a list that is used and defined before does.
  std::vector<bool> used() const;
  // By list: whether its items were put into a text, of a condition or, where
  // lists include each other, of another list.  What becomes of the list later
  // does not reach them.
  std::vector<bool> pasted() const;

 private:
  using Mention = ListNames::Mention;

  // nullopt past a bound.
  std::optional<LocatedText> paste_all(const LocatedText& condition,
                                       bool keep_references);
  bool is_reference(const Mention& mention,
                    const std::vector<std::size_t>& elements) const;
  // The items of the list as text, at `place` or each at its own.
  std::optional<LocatedText> items(std::uint32_t list,
                                   const std::optional<Span>& place);

  const std::vector<RawList>& raw_;
  const ResolvedLists& resolved_;
  Diagnostics& diagnostics_;
  ListNames names_;
  std::vector<bool> mentioned_;
  std::vector<bool> pasted_;
  std::size_t work_ = 0;
};

}  // namespace bailiff
