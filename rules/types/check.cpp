// SPDX-License-Identifier: Apache-2.0
#include "rules/types/check.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

#include "rules/base/codes.h"
#include "rules/fields/event_type.h"
#include "rules/types/compare.h"
#include "rules/types/regex.h"

namespace bailiff {
namespace {

using syntax::Operator;

Op typed_operator(Operator op) {
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
      return Op::kGlob;
    case Operator::kIglob:
      return Op::kIglob;
    case Operator::kBcontains:
      return Op::kBcontains;
    case Operator::kBstartswith:
      return Op::kBstartswith;
    case Operator::kRegex:
      return Op::kRegex;
    case Operator::kIntersects:
      return Op::kIntersects;
    case Operator::kPmatch:
      return Op::kPmatch;
  }
  return Op::kEq;
}

Quantifier typed_quantifier(syntax::Quantifier quantifier) {
  switch (quantifier) {
    case syntax::Quantifier::kNone:
      return Quantifier::kNone;
    case syntax::Quantifier::kOneof:
      return Quantifier::kOneof;
    case syntax::Quantifier::kAnyof:
      return Quantifier::kAnyof;
    case syntax::Quantifier::kAllof:
      return Quantifier::kAllof;
  }
  return Quantifier::kNone;
}

// nullopt: val(), which is its argument.
std::optional<Transform> typed_transform(syntax::Transform transform) {
  switch (transform) {
    case syntax::Transform::kTolower:
      return Transform::kTolower;
    case syntax::Transform::kToupper:
      return Transform::kToupper;
    case syntax::Transform::kB64:
      return Transform::kB64;
    case syntax::Transform::kBasename:
      return Transform::kBasename;
    case syntax::Transform::kLen:
      return Transform::kLen;
    case syntax::Transform::kJoin:
      return Transform::kJoin;
    case syntax::Transform::kConcat:
      return Transform::kConcat;
    case syntax::Transform::kGetopt:
      return Transform::kGetopt;
    case syntax::Transform::kVal:
      return std::nullopt;
  }
  return std::nullopt;
}

// The table of operator and type: falco-language, section 1.
bool suits(Op op, FieldType type) {
  const bool text = type == FieldType::kString;
  const bool bytes = type == FieldType::kBytes;
  switch (op) {
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kIn:
    case Op::kIntersects:
      return true;
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      return text || type == FieldType::kNumber || type == FieldType::kDouble;
    case Op::kContains:
    case Op::kStartswith:
    case Op::kEndswith:
      return text || bytes;
    case Op::kIcontains:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
      return text;
    case Op::kBcontains:
    case Op::kBstartswith:
      return bytes;
  }
  return false;
}

bool suits_list(Op op) {
  return op == Op::kExists || op == Op::kIn || op == Op::kIntersects;
}

std::string type_name(const TermType& type) {
  const auto name = [](FieldType of) -> std::string {
    switch (of) {
      case FieldType::kString:
        return "text";
      case FieldType::kNumber:
      case FieldType::kDouble:
        return "a number";
      case FieldType::kBool:
        return "a boolean";
      case FieldType::kAddress:
        return "an IP address";
      case FieldType::kNetwork:
        return "an IP address compared with networks";
      case FieldType::kBytes:
        return "a buffer";
      case FieldType::kDynamic:
        return "of the argument's type";
    }
    return "";
  };
  if (type.is_list) return "a list";
  return name(field_type_of(type.type));
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

std::string address_hint(std::string_view field, std::string_view text) {
  if (parse_network(text)) {
    return "compare fd.snet, not " + std::string(field) + ", with networks";
  }
  if (const auto mapped = parse_address(text)) {
    return "write the IPv4 address: " + to_string(*mapped);
  }
  return {};
}

// nullopt: it has no port.
std::optional<std::string> port_hint(const std::string& text) {
  const std::size_t at = text.find_last_of("|:");
  const bool bar = at != std::string::npos && text[at] == '|';
  const std::string host = text.substr(0, at);
  // Behind colons alone nobody can tell.
  const bool dots = host.find(':') == std::string::npos;
  if (!bar && (at == std::string::npos || !(dots || host.ends_with(']')))) {
    return std::nullopt;
  }
  if (parse_network(host)) return "a port is of an address, not of a network";
  if (const auto endpoint = parse_endpoint(text)) {
    return "write the IPv4 address: " + to_string(*endpoint);
  }
  return "with a port an item is ADDRESS|PORT, and a port is 1 to 65535";
}

std::string network_hint(const std::string& text) {
  if (const auto address = parse_address(text)) {
    return "write '" + text + (address->family == 4 ? "/32'" : "/128'");
  }
  const auto network = parse_network(text);
  if (!network) return {};
  if (network->prefix == 0) {
    return "Falco takes no '::/0': write '::/1' and '8000::/1'";
  }
  return "write the IPv4 network: " + to_string(*network);
}

// What is wrong with a network that is one when the bits behind its length are
// cleared, as Falco does; empty when there are none.  Somebody may have meant
// the address, or another length.
std::string host_bits_warning(FalcoType type, std::string_view text) {
  if (field_type_of(type) != FieldType::kNetwork || parse_network(text, true)) {
    return {};
  }
  const auto network = parse_network(text);
  if (!network) return {};
  return quoted(text) + " has bits behind its length: it is taken for " +
         quoted(to_string(*network));
}

// What one list is warned of, in bounds: a feed may have the same flaw in each
// of its items, and what is told of it must not hide what else is.
class ItemWarnings {
 public:
  using Warn = std::function<void(Span, std::string)>;

  ItemWarnings(std::string_view what, std::string_view list, Warn warn)
      : what_(what), list_(list), warn_(std::move(warn)) {}
  ItemWarnings(const ItemWarnings&) = delete;
  ItemWarnings& operator=(const ItemWarnings&) = delete;

  void add(const Span& span, const std::string& message) {
    ++count_;
    last_ = span;
    if (count_ <= kMaxItemWarnings) {
      warn_(span, message + ", in list " + quoted(list_));
    }
  }
  void finish() const {
    if (count_ <= kMaxItemWarnings) return;
    warn_(last_, std::to_string(count_ - kMaxItemWarnings) + " more " +
                     std::string(what_) + ", in list " + quoted(list_));
  }

 private:
  std::string_view what_;
  std::string_view list_;
  Warn warn_;
  std::size_t count_ = 0;
  Span last_;
};

bool is_address(FalcoType type) {
  const FieldType one = field_type_of(type);
  return one == FieldType::kAddress || one == FieldType::kNetwork;
}

// The same for what stands for the same addresses.
std::uint64_t hash_of_item(const Value& value) {
  const auto hash = [](const IpAddress& address, unsigned prefix,
                       unsigned port) {
    const std::uint64_t kind =
        std::uint64_t{address.family} << 32 | prefix << 16 | port;
    // Odd numbers without a pattern.
    std::uint64_t result = kind * 0x9e3779b97f4a7c15U;
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
      result = (result ^ address.bytes[i]) * 0xd1342543de82ef95U;
      result ^= result >> 32;
    }
    return result;
  };
  if (const auto* one = std::get_if<IpAddress>(&value)) {
    return hash(*one, 128, 0);
  }
  if (const auto* one = std::get_if<IpNetwork>(&value)) {
    return hash(one->base, one->prefix, 0);
  }
  const auto* one = std::get_if<IpEndpoint>(&value);
  return one == nullptr ? 0 : hash(one->address, 128, one->port);
}

// An expression without anything special but anchors, and "any character"
// repeated at an end: what other operators do for less.
bool is_simple_regex(std::string_view text) {
  constexpr std::string_view kSpecial = ".+*?^$()[]{}|\\";
  constexpr std::string_view kRepeats = "+*?";
  if (text.starts_with('^')) text.remove_prefix(1);
  if (text.ends_with('$')) text.remove_suffix(1);
  const auto is_any = [&](std::string_view pair) {
    return pair.size() == 2 && pair[0] == '.' &&
           kRepeats.find(pair[1]) != std::string_view::npos;
  };
  if (is_any(text.substr(0, 2))) text.remove_prefix(2);
  if (text.size() >= 2 && is_any(text.substr(text.size() - 2))) {
    text.remove_suffix(2);
  }
  return text.find_first_of(kSpecial) == std::string_view::npos;
}

std::string without_blanks(std::string_view text) {
  std::string result(text);
  std::erase_if(result, [](char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  });
  return result;
}

bool looks_like_field(std::string_view text) {
  if (text.find('.') == std::string_view::npos) return false;
  std::string name = without_blanks(text);
  std::optional<std::string> argument;
  const std::size_t open = name.find('[');
  if (open != std::string::npos && name.ends_with(']')) {
    argument = name.substr(open + 1, name.size() - open - 2);
    name.resize(open);
  }
  const ResolvedField found = resolve_field(
      name,
      argument ? std::optional<std::string_view>(*argument) : std::nullopt,
      /*suggest=*/false);
  return found.reference.has_value();
}

bool looks_like_call(std::string_view text) {
  const std::string call = without_blanks(text);
  if (!call.ends_with(')')) return false;
  const std::string_view name =
      std::string_view(call).substr(0, call.find('('));
  for (const syntax::Transform transform : syntax::kTransforms) {
    if (name == to_string(transform)) return true;
  }
  return false;
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
  if (silent) outcome.forgiven = pending_.front().message;
  if (!silent) publish();
  return outcome;
}

std::optional<Term> Checker::check_call(const syntax::Call& call,
                                        const syntax::Owner& owner) {
  owner_ = owner;
  pending_.clear();
  errors_ = 0;
  std::optional<Term> term = typed_call(call);
  publish();
  return term;
}

void Checker::publish() {
  for (Diagnostic& diagnostic : pending_) {
    const bool first = reported_
                           .emplace(diagnostic.span.source,
                                    diagnostic.span.begin, diagnostic.message)
                           .second;
    if (first) diagnostics_.add(std::move(diagnostic));
  }
}

void Checker::report(Severity severity, const char* code, Span span,
                     std::string message, std::string hint, bool unknown_name) {
  if (severity == Severity::kError) {
    ++errors_;
    if (unknown_name) ++unknown_names_;
  }
  // No more are kept of a load.
  if (pending_.size() == kMaxDiagnostics) return;
  pending_.push_back({.severity = severity,
                      .code = code,
                      .message = std::move(message),
                      .span = span,
                      .hint = std::move(hint),
                      .item_type = owner_.type,
                      .item_name = owner_.name});
}

void Checker::warning(Span span, std::string message, std::string hint) {
  report(Severity::kWarning, codes::kWarnCompileCondition, span,
         std::move(message), std::move(hint), false);
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

std::optional<FieldReference> Checker::look_up(const syntax::FieldName& name) {
  const ResolvedField found = resolve_field(
      name.name,
      name.has_argument ? std::optional<std::string_view>(name.argument)
                        : std::nullopt,
      diagnostics_.error_count() + errors_ <= kMaxSuggestions);
  if (!found.reference) {
    error(name.span, found.message, found.hint, found.unknown_name);
    return std::nullopt;
  }
  const Field& known = field(found.reference->field);
  if (!known.usable_in_condition()) {
    error(name.span, "field " + quoted(known.name) + " is for outputs only");
    return std::nullopt;
  }
  // Falco warns of these, and not of what its container plugin gave up.
  if (known.deprecated() && known.cls == FieldClass::kSyscall) {
    const bool direction = known.id == FieldId::kEvtDir;
    report(Severity::kWarning, codes::kWarnDeprecatedItem, name.span,
           "field " + quoted(known.name) + " is deprecated: " +
               (direction ? "every event is a completed one, so '<' always "
                            "holds and '>' never"
                          : std::string(known.description)),
           "leave it out", false);
  }
  return found.reference;
}

std::optional<Op> Checker::suitable(const syntax::Comparison& comparison,
                                    const TermType& type,
                                    const std::string& name) {
  const Op op = typed_operator(comparison.op);
  const bool fits =
      type.is_list ? suits_list(op) : suits(op, field_type_of(type.type));
  if (!fits) {
    error(comparison.op_span,
          "operator " + quoted(to_string(op)) + " does not work on " +
              quoted(name) + ", which is " + type_name(type),
          type.is_list ? "lists have 'exists', 'in' and 'intersects'" : "");
    return std::nullopt;
  }
  if (type.is_list && comparison.quantifier != syntax::Quantifier::kNone) {
    error(comparison.quantifier_span, quoted(to_string(comparison.quantifier)) +
                                          " does not work on " + quoted(name) +
                                          ", which is a list");
    return std::nullopt;
  }
  return op;
}

std::optional<Expr> Checker::typed_comparison(
    const syntax::Comparison& comparison) {
  const bool plain =
      comparison.field() != nullptr && comparison.right_call() == nullptr;
  return plain ? typed_check(comparison) : typed_term_check(comparison);
}

std::optional<Expr> Checker::typed_check(const syntax::Comparison& comparison) {
  std::optional<FieldReference> left = look_up(*comparison.field());
  if (!left) return std::nullopt;
  const std::string name = to_string(Term{*left});
  const TermType type = type_of(Term{*left});
  const std::optional<Op> op = suitable(comparison, type, name);
  if (!op) return std::nullopt;

  Check check;
  check.field = left->field;
  check.argument = std::move(left->argument);
  check.op = *op;
  check.quantifier = typed_quantifier(comparison.quantifier);
  check.span = comparison.span;
  const OperandKind kind = {
      .type = type.type,
      .hexadecimal = *op == Op::kBcontains || *op == Op::kBstartswith,
      .event_type = check.field == FieldId::kEvtType,
      .endpoints = takes_endpoints(check.field, check.op, check.quantifier),
  };
  if (!add_operands(comparison, kind, name, check)) return std::nullopt;
  return Expr{std::move(check)};
}

std::optional<Expr> Checker::typed_term_check(
    const syntax::Comparison& comparison) {
  std::optional<Term> left = typed_term(comparison.left);
  if (!left) return std::nullopt;
  const std::string name = to_string(*left);
  const TermType type = type_of(*left);
  const std::optional<Op> op = suitable(comparison, type, name);
  if (!op) return std::nullopt;

  TermCheck check;
  check.op = *op;
  check.quantifier = typed_quantifier(comparison.quantifier);
  check.span = comparison.span;
  if (const syntax::Call* call = comparison.right_call()) {
    std::optional<Term> right = typed_right(*call, comparison, *left);
    if (!right) return std::nullopt;
    check.right.push_back(*std::move(right));
  } else {
    const OperandKind kind = {
        .type = type.type,
        .hexadecimal = *op == Op::kBcontains || *op == Op::kBstartswith};
    if (!add_operands(comparison, kind, name, check)) return std::nullopt;
  }
  check.left = *std::move(left);
  return Expr{std::move(check)};
}

// The term an operator compares `left` with.
std::optional<Term> Checker::typed_right(const syntax::Call& call,
                                         const syntax::Comparison& comparison,
                                         const Term& left) {
  std::optional<Term> right = typed_call(call);
  if (!right) return std::nullopt;
  const std::string name = to_string(left);
  const Op op = typed_operator(comparison.op);
  if (op == Op::kPmatch || op == Op::kRegex) {
    error(comparison.op_span,
          "operator " + quoted(to_string(op)) + " takes no field on its right");
    return std::nullopt;
  }
  for (const Term* side : {&left, static_cast<const Term*>(&*right)}) {
    const auto* term = std::get_if<FieldReference>(&side->form);
    if (term == nullptr) continue;
    const bool network = field(term->field).type == FieldType::kNetwork;
    if (field(term->field).allows_right_side() && !network &&
        term->field != FieldId::kEvtType &&
        term->field != FieldId::kSyscallType) {
      continue;
    }
    error(side == &left ? comparison.span : call.span,
          "field " + quoted(to_string(*side)) +
              " cannot be compared with a field");
    return std::nullopt;
  }
  const TermType wanted = type_of(left);
  const TermType given = type_of(*right);
  if (wanted != given) {
    const bool same_name = type_name(wanted) == type_name(given);
    error(call.span,
          quoted(to_string(*right)) + " is " + type_name(given) +
              (same_name ? " of another kind than " : ", and ") + quoted(name) +
              (same_name ? std::string() : " is " + type_name(wanted)));
    return std::nullopt;
  }
  return right;
}

std::optional<Term> Checker::typed_term(const syntax::Term& term) {
  struct Visitor {
    Checker& checker;
    std::optional<Term> operator()(const syntax::Literal& form) const {
      return Term{form.text};
    }
    std::optional<Term> operator()(const syntax::FieldName& form) const {
      std::optional<FieldReference> found = checker.look_up(form);
      if (!found) return std::nullopt;
      return Term{*std::move(found)};
    }
    std::optional<Term> operator()(const syntax::Call& form) const {
      return checker.typed_call(form);
    }
    std::optional<Term> operator()(const syntax::TermList& form) const {
      ListTerm list;
      for (const syntax::Term& item : form.items) {
        std::optional<Term> one = checker.typed_term(item);
        if (!one) return std::nullopt;
        list.items.push_back(*std::move(one));
      }
      return Term{std::move(list)};
    }
  };
  return std::visit(Visitor{*this}, term.form);
}

std::optional<Term> Checker::typed_call(const syntax::Call& call) {
  CallTerm term;
  for (const syntax::Term& argument : call.arguments) {
    std::optional<Term> one = typed_term(argument);
    if (!one) return std::nullopt;
    if (!transformable(call, *one)) return std::nullopt;
    term.arguments.push_back(*std::move(one));
  }
  const std::optional<Transform> transform = typed_transform(call.transform);
  if (!transform) {
    if (call.has_bracket || term.arguments.size() != 1) {
      error(call.span, "'val' takes one field and nothing else");
      return std::nullopt;
    }
    return std::move(term.arguments.front());
  }
  term.transform = *transform;
  if (call.has_bracket) {
    if (*transform != Transform::kGetopt || call.bracket.size() != 1) {
      error(call.span, *transform == Transform::kGetopt
                           ? "'getopt' takes one option letter in brackets"
                           : quoted(to_string(*transform)) +
                                 " takes no argument in brackets");
      return std::nullopt;
    }
    term.option = call.bracket;
  }
  if (!suits_call(term, call)) return std::nullopt;
  return Term{std::move(term)};
}

// Whether what transforms may be applied to the argument at all.
bool Checker::transformable(const syntax::Call& call, const Term& argument) {
  const auto* term = std::get_if<FieldReference>(&argument.form);
  if (term == nullptr || call.transform == syntax::Transform::kVal) return true;
  const Field& known = field(term->field);
  // With an index an ancestor is one value like any other.
  const bool one_of_many =
      !known.allows_transformer() && !term->argument.empty() &&
      known.type == FieldType::kString && call.arguments.size() > 1;
  const bool event_type =
      known.id == FieldId::kEvtType || known.id == FieldId::kSyscallType;
  if (!event_type && (known.allows_transformer() || one_of_many)) return true;
  error(call.span,
        "field " + quoted(to_string(argument)) + " cannot be transformed");
  return false;
}

// Whether the transformer takes such arguments; reports if not.
bool Checker::suits_call(const CallTerm& term, const syntax::Call& call) {
  const std::string name = quoted(to_string(term.transform));
  if (!has_right_arity(term)) {
    const char* wanted = "one argument";
    if (term.transform == Transform::kJoin) wanted = "a separator and a list";
    if (term.transform == Transform::kConcat) wanted = "two or more texts";
    if (term.transform == Transform::kGetopt) {
      wanted = "a list of arguments and a text of options";
    }
    error(call.span, name + " takes " + wanted);
    return false;
  }
  const auto refuse = [&](std::size_t argument, const std::string& wanted) {
    error(span_of(call.arguments[argument]),
          name + " takes " + wanted + ", and " +
              quoted(to_string(term.arguments[argument])) + " is " +
              type_name(type_of(term.arguments[argument])));
    return false;
  };
  const auto type = [&](std::size_t argument) {
    return type_of(term.arguments[argument]);
  };
  const auto is_text = [&](std::size_t argument, bool list) {
    return field_type_of(type(argument).type) == FieldType::kString &&
           type(argument).is_list == list;
  };
  const FieldType first = field_type_of(type(0).type);
  const bool text = first == FieldType::kString;
  switch (term.transform) {
    case Transform::kTolower:
    case Transform::kToupper:
    case Transform::kBasename:
      return text || refuse(0, "text");
    case Transform::kB64:
      return text || first == FieldType::kBytes || refuse(0, "text");
    case Transform::kLen:
      return text || first == FieldType::kBytes || type(0).is_list ||
             refuse(0, "text or a list");
    case Transform::kJoin:
      if (!is_text(0, false)) return refuse(0, "a text first");
      return type(1).is_list || refuse(1, "a list second");
    case Transform::kConcat:
      for (std::size_t i = 0; i < term.arguments.size(); ++i) {
        if (!is_text(i, false)) return refuse(i, "texts");
      }
      return true;
    case Transform::kGetopt:
      if (!is_text(0, true)) return refuse(0, "a list of texts first");
      return is_text(1, false) || refuse(1, "a text second");
  }
  return false;
}

template <typename AnyCheck>
bool Checker::add_operands(const syntax::Comparison& comparison,
                           OperandKind kind, const std::string& name,
                           AnyCheck& check) {
  const bool many = takes_many(check.op, check.quantifier);
  bool good = true;
  for (const syntax::Term& term : comparison.operands) {
    const syntax::Literal* literal = term.literal();
    if (literal == nullptr) {
      error(span_of(term), "expected a constant");
      return false;
    }
    const syntax::Literal& operand = *literal;
    const auto list = list_index_.find(operand.text);
    const bool names_list = !operand.quoted && list != list_index_.end();
    if (many && names_list) {
      good = add_list(list->second, kind, name) && good;
      check.lists.push_back(list->second);
      continue;
    }
    Mistake mistake;
    std::optional<Value> value = parse(kind, name, operand.text, mistake);
    // To Falco a name without a list is a list of itself.
    if (value && comparison.list_by_name) {
      warning(operand.span,
              quoted(operand.text) + " is no list, and the only item here",
              list_suggestion(operand.text));
    }
    if (value && check.op == Op::kRegex) {
      const Result<Regex> regex = Regex::compile(operand.text);
      if (!regex) {
        mistake.message = regex.error().message;
        value.reset();
      }
    }
    if (value) {
      warn_of_operand(operand, check.op, kind, *value);
      check.values.push_back(*std::move(value));
      continue;
    }
    good = false;
    const bool may_be_list = !operand.quoted && looks_like_name(operand.text);
    if (names_list) {
      mistake.hint = "it is a list: write 'in (" + operand.text + ")'";
    } else if (many && may_be_list && !kind.event_type) {
      mistake.message = quoted(operand.text) + " is neither a list nor " +
                        type_name({.type = kind.type});
      const std::string suggestion = list_suggestion(operand.text);
      if (!suggestion.empty()) mistake.hint = suggestion;
    }
    error(operand.span, std::move(mistake.message), std::move(mistake.hint),
          mistake.unknown_name);
  }
  return good;
}

// What loads, and is likely not what was meant.
void Checker::warn_of_operand(const syntax::Literal& operand, Op op,
                              OperandKind kind, const Value& value) {
  if (op == Op::kRegex && is_simple_regex(operand.text)) {
    warning(operand.span,
            "regular expression " + quoted(operand.text) +
                " can be a simpler operator",
            "'=', 'contains', 'startswith' or 'endswith' is cheaper");
  }
  if (looks_like_field(operand.text)) {
    warning(operand.span,
            quoted(operand.text) + " is the name of a field, and a text here",
            "write 'val(" + operand.text + ")' to compare with the field");
  } else if (looks_like_call(operand.text)) {
    warning(operand.span,
            quoted(operand.text) + " is a transformer, and a text here",
            "write it without quotes");
  }
  if (std::string odd = host_bits_warning(kind.type, operand.text);
      !odd.empty()) {
    warning(operand.span, std::move(odd));
  }
  if (std::holds_alternative<IpEndpoint>(value)) {
    warning(operand.span, quoted(operand.text) +
                              " has a port: Falco takes no "
                              "such operand");
  }
  const auto* number = std::get_if<std::int64_t>(&value);
  const bool no_port = kind.type == FalcoType::kPort && number != nullptr &&
                       (*number < 0 || *number > 65535);
  if (no_port) {
    warning(operand.span, "port " + operand.text +
                              " is not in 0..65535: no connection has it");
  }
}

// Whether every item of the list and of those it includes is an operand of
// the kind.  Reports those that are not, at the item.
bool Checker::add_list(std::uint32_t list, OperandKind kind,
                       const std::string& name) {
  const auto [known, first] = checked_items_.try_emplace({list, kind}, true);
  if (!first) return known->second;

  bool good = true;
  std::vector<std::uint32_t> pending = {list};
  std::set<std::uint32_t> visited;
  while (!pending.empty()) {
    const std::uint32_t current = pending.back();
    pending.pop_back();
    if (!visited.insert(current).second) continue;
    const auto before = checked_items_.find({current, kind});
    if (current != list && before != checked_items_.end()) {
      good = good && before->second;
      continue;
    }
    good = check_items(lists_[current], kind, name) && good;
    const std::vector<std::uint32_t>& includes = lists_[current].includes;
    pending.insert(pending.end(), includes.begin(), includes.end());
  }
  checked_items_[{list, kind}] = good;
  if (good) {
    for (const std::uint32_t inner : visited) {
      checked_items_[{inner, kind}] = true;
    }
  }
  return good;
}

bool Checker::check_items(const ListDefinition& list, OperandKind kind,
                          const std::string& name) {
  const auto warn = [this](const Span& span, std::string message) {
    warning(span, std::move(message));
  };
  ItemWarnings host_bits("items have bits behind their length", list.name.text,
                         warn);
  bool has_ports = false;
  bool good = true;
  for (const PlacedText& item : list.items) {
    Mistake mistake;
    if (const auto value = parse(kind, name, item.text, mistake)) {
      if (const std::string odd = host_bits_warning(kind.type, item.text);
          !odd.empty()) {
        host_bits.add(item.span, odd);
      }
      if (!has_ports && std::holds_alternative<IpEndpoint>(*value)) {
        has_ports = true;
        warning(item.span, quoted(item.text) + " has a port, in list " +
                               quoted(list.name.text) +
                               ": Falco takes no such item");
      }
      continue;
    }
    good = false;
    if (looks_like_name(item.text) && !kind.event_type) {
      const std::string suggestion = list_suggestion(item.text);
      if (!suggestion.empty()) mistake.hint = suggestion;
    }
    error(item.span,
          mistake.message + ", in list " + quoted(list.name.text) +
              " used for " + quoted(name),
          std::move(mistake.hint), mistake.unknown_name);
  }
  host_bits.finish();
  if (good && is_address(kind.type)) warn_of_duplicates(list, kind);
  return good;
}

// Precondition: every item is an operand of the kind.  Twice through the items,
// the second time only where some are the same: 8 bytes for each, and of a
// million 80 ms.
void Checker::warn_of_duplicates(const ListDefinition& list, OperandKind kind) {
  const auto hash_of = [&](std::size_t i) {
    return hash_of_item(*parse_operand(kind.type, Op::kEq, list.items.text(i)));
  };
  std::vector<std::uint64_t> hashes;
  hashes.reserve(list.items.size());
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    hashes.push_back(hash_of(i));
  }
  std::sort(hashes.begin(), hashes.end());
  // Those that occur more than once.
  std::size_t repeated = 0;
  for (std::size_t i = 1; i < hashes.size(); ++i) {
    if (hashes[i] != hashes[i - 1]) continue;
    if (repeated == 0 || hashes[repeated - 1] != hashes[i]) {
      hashes[repeated++] = hashes[i];
    }
  }
  if (repeated == 0) return;
  hashes.resize(repeated);
  ItemWarnings duplicates("items are listed before", list.name.text,
                          [this](const Span& span, std::string message) {
                            warning(span, std::move(message));
                          });
  std::vector<bool> seen(hashes.size());
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const std::uint64_t hash = hash_of(i);
    const auto found = std::lower_bound(hashes.begin(), hashes.end(), hash);
    if (found == hashes.end() || *found != hash) continue;
    const auto which = static_cast<std::size_t>(found - hashes.begin());
    if (seen[which]) {
      duplicates.add(list.items.span(i),
                     quoted(list.items.text(i)) + " is listed before");
    }
    seen[which] = true;
  }
  duplicates.finish();
}

std::optional<Value> Checker::parse(OperandKind kind, const std::string& name,
                                    const std::string& text,
                                    Mistake& mistake) const {
  std::optional<Value> value;
  if (!kind.event_type || find_event_type(text)) {
    value = parse_operand(kind.type,
                          kind.hexadecimal ? Op::kBcontains : Op::kEq, text);
  }
  if (!value) mistake = why_not(kind, name, text);
  if (value && std::holds_alternative<IpEndpoint>(*value) && !kind.endpoints) {
    mistake = {.message = quoted(text) + " has a port, and " + quoted(name) +
                          " is compared with addresses alone here",
               .hint =
                   "only 'in' and 'intersects' take it, for a field such "
                   "as fd.sip"};
    value.reset();
  }
  return value;
}

Checker::Mistake Checker::why_not(OperandKind kind, const std::string& name,
                                  const std::string& text) const {
  if (kind.event_type) {
    return {.message = "unknown event type " + quoted(text),
            .hint = did_you_mean(nearest_event_type(text)),
            .unknown_name = true};
  }
  if (kind.hexadecimal) {
    return {.message = quoted(text) + " is not a string of hexadecimal digits",
            .hint = "write two digits for each byte, such as '7f454c46'"};
  }
  if (text.find('\0') != std::string::npos) {
    return {.message = "value with a NUL byte, which no text has"};
  }
  switch (field_type_of(kind.type)) {
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      break;
    case FieldType::kNumber:
    case FieldType::kDouble:
      if (kind.type == FalcoType::kPort) {
        return {.message = quoted(text) +
                           " is neither a decimal number nor a "
                           "service with a known port",
                .hint =
                    "write the port's number: names of services depend on "
                    "the host"};
      }
      return {.message = quoted(text) + " is not a decimal number"};
    case FieldType::kBool:
      return {.message = quoted(text) + " is neither true nor false"};
    case FieldType::kAddress:
      return {.message = quoted(text) + " is not an IP address",
              .hint = port_hint(text).value_or(address_hint(name, text))};
    case FieldType::kNetwork:
      return {.message = quoted(text) + " is not an IP network",
              .hint = port_hint(text).value_or(network_hint(text))};
  }
  return {.message = quoted(text) + " is no such value"};
}

std::string Checker::list_suggestion(std::string_view name) const {
  if (diagnostics_.error_count() + errors_ > kMaxSuggestions) return {};
  std::vector<std::string_view> names;
  for (const ListDefinition& list : lists_) names.push_back(list.name.text);
  return did_you_mean(nearest(name, names));
}

}  // namespace bailiff
