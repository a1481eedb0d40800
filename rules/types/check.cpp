// SPDX-License-Identifier: Apache-2.0
#include "rules/types/check.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

#include "rules/base/codes.h"
#include "rules/fields/event_type.h"

namespace bailiff {
namespace {

using syntax::Operator;

// Falco's spelling of an event's direction: enter events are gone, so the
// comparison is always true or always false.
constexpr std::string_view kDeprecatedField = "evt.dir";

// The typed operator, nullopt for those this version does not have.
std::optional<Op> typed_operator(Operator op) {
  switch (op) {
    case Operator::kExists:
      return Op::kExists;
    case Operator::kEq:
      return Op::kEq;
    case Operator::kNe:
      return Op::kNe;
    case Operator::kLt:
      return Op::kLt;
    case Operator::kLe:
      return Op::kLe;
    case Operator::kGt:
      return Op::kGt;
    case Operator::kGe:
      return Op::kGe;
    case Operator::kIn:
      return Op::kIn;
    case Operator::kContains:
      return Op::kContains;
    case Operator::kIcontains:
      return Op::kIcontains;
    case Operator::kStartswith:
      return Op::kStartswith;
    case Operator::kEndswith:
      return Op::kEndswith;
    case Operator::kGlob:
    case Operator::kIglob:
    case Operator::kBcontains:
    case Operator::kBstartswith:
    case Operator::kRegex:
    case Operator::kIntersects:
    case Operator::kPmatch:
      return std::nullopt;
  }
  return std::nullopt;
}

// The table of operator and type: falco-language, section 1.
bool suits(Op op, FieldType type) {
  const bool text = type == FieldType::kString;
  switch (op) {
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kIn:
      return true;
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      return text || type == FieldType::kNumber;
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
      return text;
  }
  return false;
}

std::string_view type_name(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "text";
    case FieldType::kNumber:
      return "a number";
    case FieldType::kBool:
      return "a boolean";
    case FieldType::kAddress:
      return "an IP address";
    case FieldType::kNetwork:
      return "an IP address compared with networks";
    case FieldType::kBytes:
      return "bytes";
    case FieldType::kDouble:
      return "a number";
    case FieldType::kDynamic:
      return "of the type of its argument";
  }
  return "";
}

// Base 10 with an optional sign, which is all Falco reads.
std::optional<std::int64_t> parse_number(std::string_view text) {
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  if (plus) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

bool looks_like_name(std::string_view text) {
  const auto name_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  const bool letter = !text.empty() && !(text[0] >= '0' && text[0] <= '9');
  return letter && std::all_of(text.begin(), text.end(), name_char);
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string did_you_mean(std::string_view word) {
  return word.empty() ? std::string() : "did you mean " + quoted(word) + "?";
}

}  // namespace

Checker::Checker(const std::vector<ListDefinition>& lists,
                 Diagnostics& diagnostics)
    : lists_(lists), diagnostics_(diagnostics) {
  for (std::uint32_t i = 0; i < lists.size(); ++i) {
    list_index_.emplace(lists[i].name.text, i);
  }
}

Checker::Outcome Checker::check(const syntax::Node& node,
                                const syntax::Owner& owner, bool forgive) {
  owner_ = owner;
  pending_.clear();
  errors_ = 0;
  unknown_names_ = 0;

  Outcome outcome;
  outcome.expr = typed(node);
  outcome.only_unknown_names =
      !outcome.expr && errors_ > 0 && errors_ == unknown_names_;
  const bool silent = forgive && outcome.only_unknown_names;
  for (Diagnostic& diagnostic : pending_) {
    if (silent) {
      if (outcome.forgiven.empty()) outcome.forgiven = diagnostic.message;
      continue;
    }
    const bool first = reported_
                           .emplace(diagnostic.span.source,
                                    diagnostic.span.begin, diagnostic.message)
                           .second;
    if (first) diagnostics_.add(std::move(diagnostic));
  }
  return outcome;
}

void Checker::report(Severity severity, const char* code, Span span,
                     std::string message, std::string hint, bool unknown_name) {
  if (severity == Severity::kError) {
    ++errors_;
    if (unknown_name) ++unknown_names_;
  }
  pending_.push_back({.severity = severity,
                      .code = code,
                      .message = std::move(message),
                      .span = span,
                      .hint = std::move(hint),
                      .item_type = owner_.type,
                      .item_name = owner_.name});
}

void Checker::error(Span span, std::string message, std::string hint,
                    bool unknown_name) {
  report(Severity::kError, codes::kCompileCondition, span, std::move(message),
         std::move(hint), unknown_name);
}

std::optional<Expr> Checker::typed(const syntax::Node& node) {
  struct Visitor {
    Checker& checker;

    std::optional<Expr> operator()(const syntax::Comparison& form) const {
      return checker.typed_comparison(form);
    }
    std::optional<Expr> operator()(const syntax::MacroUse& form) const {
      assert(false && "macros are replaced before types are checked");
      checker.error(form.span,
                    "macro " + quoted(form.name) + " was not replaced");
      return std::nullopt;
    }
    std::optional<Expr> operator()(const syntax::Negation& form) const {
      std::optional<Expr> operand = checker.typed(*form.operand);
      if (!operand) return std::nullopt;
      return Expr{Not{*std::move(operand)}};
    }
    std::optional<Expr> operator()(const syntax::Conjunction& form) const {
      std::optional<std::vector<Expr>> operands =
          checker.typed_all(form.operands);
      if (!operands) return std::nullopt;
      return Expr{And{*std::move(operands)}};
    }
    std::optional<Expr> operator()(const syntax::Disjunction& form) const {
      std::optional<std::vector<Expr>> operands =
          checker.typed_all(form.operands);
      if (!operands) return std::nullopt;
      return Expr{Or{*std::move(operands)}};
    }
  };
  return std::visit(Visitor{*this}, node.form);
}

// All operands are checked, even behind a mistake: each is independent.
std::optional<std::vector<Expr>> Checker::typed_all(
    const std::vector<syntax::Node>& nodes) {
  std::vector<Expr> typed_nodes;
  bool good = true;
  for (const syntax::Node& node : nodes) {
    std::optional<Expr> expr = typed(node);
    good = good && expr.has_value();
    if (good) typed_nodes.push_back(*std::move(expr));
  }
  if (!good) return std::nullopt;
  return typed_nodes;
}

const Field* Checker::look_up(const syntax::FieldName& name) {
  const std::optional<FieldId> id = find_field(name.name);
  if (!id) {
    error(name.span, "unknown field " + quoted(name.name),
          did_you_mean(nearest_field(name.name)), true);
    return nullptr;
  }
  const Field& found = field(*id);
  if (name.has_argument && !found.takes_argument()) {
    error(name.span, "field " + quoted(found.name) + " takes no argument");
    return nullptr;
  }
  if (!name.has_argument && found.needs_argument()) {
    error(name.span,
          "field " + quoted(found.name) + " needs an argument in brackets");
    return nullptr;
  }
  return &found;
}

std::optional<Op> Checker::suitable(const syntax::Comparison& comparison,
                                    const Field& field) {
  const std::optional<Op> op = typed_operator(comparison.op);
  const std::string name = quoted(to_string(comparison.op));
  if (!op) {
    error(comparison.op_span,
          "operator " + name + " is not available in this version");
    return std::nullopt;
  }
  if (!suits(*op, field.type)) {
    error(comparison.op_span, "operator " + name + " does not work on " +
                                  quoted(field.name) + ", which is " +
                                  std::string(type_name(field.type)));
    return std::nullopt;
  }
  return op;
}

std::optional<Expr> Checker::typed_comparison(
    const syntax::Comparison& comparison) {
  if (!comparison.is_plain()) {
    error(comparison.span,
          "transformers, oneof, anyof and allof are not available in this "
          "version");
    return std::nullopt;
  }
  const syntax::FieldName& name = *comparison.field();
  const Field* field = look_up(name);
  if (field == nullptr) return std::nullopt;
  if (field->name == kDeprecatedField) {
    report(Severity::kWarning, codes::kWarnDeprecatedItem, name.span,
           "field 'evt.dir' is deprecated: every event is a completed one, so "
           "'<' always holds and '>' never",
           "leave it out", false);
  }
  const std::optional<Op> op = suitable(comparison, *field);
  if (!op) return std::nullopt;

  Check check;
  check.field = field->id;
  check.argument = name.argument;
  check.op = *op;
  check.span = comparison.span;
  if (!add_operands(comparison, *field, check)) return std::nullopt;
  return Expr{std::move(check)};
}

bool Checker::add_operands(const syntax::Comparison& comparison,
                           const Field& field, Check& check) {
  const OperandType type = operand_type(field, check.op);
  bool good = true;
  for (const syntax::Term& term : comparison.operands) {
    const syntax::Literal& operand = *term.literal();
    const auto list = list_index_.find(operand.text);
    const bool names_list = !operand.quoted && list != list_index_.end();
    if (check.op == Op::kIn && names_list) {
      good = check_items(list->second, type, field) && good;
      check.lists.push_back(list->second);
      continue;
    }
    if (comparison.list_by_name) {
      error(operand.span, "unknown list " + quoted(operand.text),
            list_suggestion(operand.text));
      good = false;
      continue;
    }
    Mistake mistake;
    std::optional<Value> value = parse(type, field, operand.text, mistake);
    if (value) {
      check.values.push_back(*std::move(value));
      if (type == OperandType::kPort) {
        const std::int64_t port = std::get<std::int64_t>(check.values.back());
        if (port < 0 || port > 65535) {
          report(Severity::kWarning, codes::kWarnCompileCondition, operand.span,
                 "port " + operand.text +
                     " is not in 0..65535: no connection "
                     "has it",
                 {}, false);
        }
      }
      continue;
    }
    good = false;
    const bool may_be_list = !operand.quoted && looks_like_name(operand.text);
    if (names_list) {
      mistake.hint = "it is a list: write 'in (" + operand.text + ")'";
    } else if (check.op == Op::kIn && may_be_list &&
               type != OperandType::kEventType) {
      mistake.message = quoted(operand.text) + " is neither a list nor " +
                        std::string(type_name(field.type));
      const std::string suggestion = list_suggestion(operand.text);
      if (!suggestion.empty()) mistake.hint = suggestion;
    }
    error(operand.span, std::move(mistake.message), std::move(mistake.hint),
          mistake.unknown_name);
  }
  return good;
}

// Whether every item of the list and of those it includes is an operand of
// the type.  Reports those that are not, at the item.
bool Checker::check_items(std::uint32_t list, OperandType type,
                          const Field& field) {
  const auto [known, first] = checked_items_.try_emplace({list, type}, true);
  if (!first) return known->second;

  bool good = true;
  std::vector<std::uint32_t> pending = {list};
  std::set<std::uint32_t> visited;
  while (!pending.empty()) {
    const std::uint32_t current = pending.back();
    pending.pop_back();
    if (!visited.insert(current).second) continue;
    const auto before = checked_items_.find({current, type});
    if (current != list && before != checked_items_.end()) {
      good = good && before->second;
      continue;
    }
    for (const PlacedText& item : lists_[current].items) {
      Mistake mistake;
      if (parse(type, field, item.text, mistake)) continue;
      good = false;
      if (looks_like_name(item.text) && type != OperandType::kEventType) {
        const std::string suggestion = list_suggestion(item.text);
        if (!suggestion.empty()) mistake.hint = suggestion;
      }
      error(item.span,
            mistake.message + ", in list " + quoted(lists_[current].name.text) +
                " used for " + quoted(field.name),
            std::move(mistake.hint), mistake.unknown_name);
    }
    const std::vector<std::uint32_t>& includes = lists_[current].includes;
    pending.insert(pending.end(), includes.begin(), includes.end());
  }
  checked_items_[{list, type}] = good;
  if (good) {
    for (const std::uint32_t inner : visited)
      checked_items_[{inner, type}] = true;
  }
  return good;
}

Checker::OperandType Checker::operand_type(const Field& field, Op op) {
  const bool exact = op == Op::kEq || op == Op::kNe || op == Op::kIn;
  if (field.id == FieldId::kEvtType && exact) return OperandType::kEventType;
  if (field.falco_type == FalcoType::kPort) return OperandType::kPort;
  switch (field.type) {
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      return OperandType::kString;
    case FieldType::kNumber:
    case FieldType::kDouble:
      return OperandType::kNumber;
    case FieldType::kBool:
      return OperandType::kBool;
    case FieldType::kAddress:
      return OperandType::kAddress;
    case FieldType::kNetwork:
      return OperandType::kNetwork;
  }
  return OperandType::kString;
}

std::optional<Value> Checker::parse(OperandType type, const Field& field,
                                    const std::string& text,
                                    Mistake& mistake) const {
  switch (type) {
    case OperandType::kString:
      return Value(text);
    case OperandType::kEventType:
      if (find_event_type(text)) return Value(text);
      mistake = {.message = "unknown event type " + quoted(text),
                 .hint = did_you_mean(nearest_event_type(text)),
                 .unknown_name = true};
      return std::nullopt;
    case OperandType::kPort:
    case OperandType::kNumber:
      if (const auto number = parse_number(text)) return Value(*number);
      mistake.message = quoted(text) + " is not a decimal number";
      // Falco asks the host's database of services, which differs by host.
      if (type == OperandType::kPort) {
        mistake.hint =
            "write the port's number: names of services depend on "
            "the host";
      }
      return std::nullopt;
    case OperandType::kBool:
      if (text == "true") return Value(true);
      if (text == "false") return Value(false);
      mistake.message = quoted(text) + " is neither true nor false";
      return std::nullopt;
    case OperandType::kAddress:
      if (const auto address = parse_address(text)) return Value(*address);
      mistake.message = quoted(text) + " is not an IP address";
      if (parse_network(text)) {
        mistake.hint = "compare fd.snet, not " + std::string(field.name) +
                       ", with networks";
      }
      return std::nullopt;
    case OperandType::kNetwork:
      if (const auto network = parse_network(text)) return Value(*network);
      mistake.message = quoted(text) + " is not an IP network";
      if (const auto address = parse_address(text)) {
        mistake.hint =
            "write '" + text + (address->family == 4 ? "/32'" : "/128'");
      }
      return std::nullopt;
  }
  return std::nullopt;
}

std::string Checker::list_suggestion(std::string_view name) const {
  if (diagnostics_.error_count() + errors_ > kMaxSuggestions) return {};
  std::vector<std::string_view> names;
  for (const ListDefinition& list : lists_) names.push_back(list.name.text);
  return did_you_mean(nearest(name, names));
}

}  // namespace bailiff
