// SPDX-License-Identifier: Apache-2.0
// rules/types/check.h
// From the condition as written, its macros replaced, to the typed one: fields
// are looked up, operators must suit their field, operands get its type.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/placed_texts.h"
#include "rules/syntax/ast.h"
#include "rules/syntax/parser.h"
#include "rules/types/expr.h"

namespace bailiff {

// A list a condition may name.
struct ListDefinition {
  PlacedText name;
  PlacedTexts items;                    // own, without the quotes inside quotes
  std::vector<std::uint32_t> includes;  // indices of other lists; no loops
};

// How often one list is warned of the same flaw, before the rest is counted.
inline constexpr std::size_t kMaxItemWarnings = 10;

// Checks any number of conditions against one set of lists.  A mistake in an
// item of a list, or in a macro that was pasted into several conditions, is
// reported once.
class Checker {
 public:
  // Both are borrowed for the checker's life.
  Checker(const std::vector<ListDefinition>& lists, Diagnostics& diagnostics);

  struct Outcome {
    // Absent after a diagnostic (LOAD_ERR_COMPILE_CONDITION).
    std::optional<Expr> expr;
    // Every mistake was a field or an event type nobody knows: what a rule
    // with `skip-if-unknown-filter` forgives.
    bool only_unknown_names = false;
    // The mistakes, when `forgive` was asked for and only_unknown_names.
    std::string forgiven;
  };

  // Precondition: no MacroUse in `node`.  With `forgive` an outcome with
  // only_unknown_names reports nothing.
  Outcome check(const syntax::Node& node, const syntax::Owner& owner,
                bool forgive = false);

  // A call as an output names it; nullopt after a diagnostic
  // (LOAD_ERR_COMPILE_CONDITION).
  std::optional<Term> check_call(const syntax::Call& call,
                                 const syntax::Owner& owner);

 private:
  // What operands are read as.
  struct OperandKind {
    FalcoType type = FalcoType::kCharbuf;
    bool hexadecimal = false;
    bool event_type = false;
    bool endpoints = false;  // addresses with a port, too
    auto operator<=>(const OperandKind&) const = default;
  };
  // Why a text is no operand of its kind.
  struct Mistake {
    std::string message;
    std::string hint;
    bool unknown_name = false;
  };

  std::optional<Expr> typed(const syntax::Node& node);
  std::optional<Expr> typed_comparison(const syntax::Comparison& comparison);
  std::optional<Expr> typed_check(const syntax::Comparison& comparison);
  std::optional<Expr> typed_term_check(const syntax::Comparison& comparison);
  std::optional<std::vector<Expr>> typed_all(
      const std::vector<syntax::Node>& nodes);

  std::optional<FieldReference> look_up(const syntax::FieldName& name);
  std::optional<Term> typed_term(const syntax::Term& term);
  std::optional<Term> typed_call(const syntax::Call& call);
  std::optional<Term> typed_right(const syntax::Call& call,
                                  const syntax::Comparison& comparison,
                                  const Term& left);
  bool suits_call(const CallTerm& term, const syntax::Call& call);
  bool transformable(const syntax::Call& call, const Term& argument);
  std::optional<Op> suitable(const syntax::Comparison& comparison,
                             const TermType& type, const std::string& name);

  // Fills in the values and lists of a Check or a TermCheck.
  template <typename AnyCheck>
  bool add_operands(const syntax::Comparison& comparison, OperandKind kind,
                    const std::string& name, AnyCheck& check);
  bool add_list(std::uint32_t list, OperandKind kind, const std::string& name);
  // The list's own items, and what is odd about them.
  bool check_items(const ListDefinition& list, OperandKind kind,
                   const std::string& name);
  void warn_of_duplicates(const ListDefinition& list, OperandKind kind);
  std::optional<Value> parse(OperandKind kind, const std::string& name,
                             const std::string& text, Mistake& mistake) const;
  Mistake why_not(OperandKind kind, const std::string& name,
                  const std::string& text) const;
  void warn_of_operand(const syntax::Literal& operand, Op op, OperandKind kind,
                       const Value& value);
  std::string list_suggestion(std::string_view name) const;

  // Hands on what was found, each once.
  void publish();
  void report(Severity severity, const char* code, Span span,
              std::string message, std::string hint, bool unknown_name);
  void error(Span span, std::string message, std::string hint = {},
             bool unknown_name = false);
  void warning(Span span, std::string message, std::string hint = {});

  const std::vector<ListDefinition>& lists_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string_view, std::uint32_t> list_index_;
  // Lists whose items were checked, and whether all are good.
  std::map<std::pair<std::uint32_t, OperandKind>, bool> checked_items_;
  // Places and messages reported so far.
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::string>> reported_;

  // Of the condition being checked.
  syntax::Owner owner_;
  std::vector<Diagnostic> pending_;
  std::size_t errors_ = 0;
  std::size_t unknown_names_ = 0;
};

}  // namespace bailiff
