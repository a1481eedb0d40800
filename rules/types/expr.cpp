// SPDX-License-Identifier: Apache-2.0
#include "rules/types/expr.h"

#include <cassert>
#include <string_view>

#include "rules/syntax/lexer.h"
#include "rules/syntax/printer.h"

namespace bailiff {
namespace {

// How tightly a node binds; a node inside a tighter one needs parentheses.
enum class Binding { kOr, kAnd, kNot, kCheck };

Binding binding(const Expr& expr) {
  struct Visitor {
    Binding operator()(const Constant&) const { return Binding::kCheck; }
    Binding operator()(const Check&) const { return Binding::kCheck; }
    Binding operator()(const TermCheck&) const { return Binding::kCheck; }
    Binding operator()(const Not&) const { return Binding::kNot; }
    Binding operator()(const And&) const { return Binding::kAnd; }
    Binding operator()(const Or&) const { return Binding::kOr; }
  };
  return std::visit(Visitor{}, expr.node);
}

// Whether the text stands for itself without quotes.
bool is_bare(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool odd = byte < 0x20 || byte == 0x7f || c == '\\';
    if (odd || !syntax::is_bare_char(c)) return false;
  }
  return !text.empty();
}

class Printer {
 public:
  explicit Printer(const std::vector<std::string>& list_names)
      : list_names_(list_names) {}

  std::string print(const Expr& expr) const {
    return std::visit(*this, expr.node);
  }

  std::string operator()(const Constant& constant) const {
    return constant.value ? "true" : "false";
  }

  std::string operator()(const Check& check) const {
    const std::string left = field_text(check.field, check.argument);
    return comparison(left, check);
  }

  std::string operator()(const TermCheck& check) const {
    const std::string left = term_text(check.left);
    if (check.right.empty()) return comparison(left, check);
    return left + ' ' + operator_text(check) + ' ' +
           right_text(check.right.front());
  }

  std::string operator()(const Not& node) const {
    return "not " + inside(*node.operand, Binding::kNot);
  }
  std::string operator()(const And& node) const {
    return joined(node.operands, " and ", Binding::kAnd);
  }
  std::string operator()(const Or& node) const {
    return joined(node.operands, " or ", Binding::kOr);
  }

 private:
  template <typename AnyCheck>
  static std::string operator_text(const AnyCheck& check) {
    std::string text(to_string(check.op));
    if (check.quantifier != Quantifier::kNone) {
      text += ' ';
      text += to_string(check.quantifier);
    }
    return text;
  }

  // `left`, the operator and the constants behind it.
  template <typename AnyCheck>
  std::string comparison(const std::string& left, const AnyCheck& check) const {
    std::string text = left + ' ' + operator_text(check);
    if (check.op == Op::kExists) return text;
    if (!takes_many(check.op, check.quantifier)) {
      return check.values.empty()
                 ? text
                 : text + ' ' + operand(check.op, check.values[0]);
    }
    std::string items;
    for (const Value& value : check.values) {
      items += (items.empty() ? "" : ", ") + operand(check.op, value);
    }
    for (const std::uint32_t list : check.lists) {
      items += items.empty() ? "" : ", ";
      items += list < list_names_.size() ? list_names_[list]
                                         : "#" + std::to_string(list);
    }
    return text + " (" + items + ")";
  }

 public:
  static std::string field_text(FieldId id, const std::string& argument) {
    return to_string(FieldReference{.field = id, .argument = argument});
  }

  // Outside of a call a field on the right is marked as one.
  static std::string right_text(const Term& term) {
    const bool is_field = std::holds_alternative<FieldReference>(term.form);
    return is_field ? "val(" + term_text(term) + ")" : term_text(term);
  }

  static std::string term_text(const Term& term) {
    struct Visitor {
      std::string operator()(const std::string& text) const {
        return syntax::quote(text);
      }
      std::string operator()(const FieldReference& form) const {
        return field_text(form.field, form.argument);
      }
      std::string operator()(const ListTerm& form) const {
        return terms_text(form.items);
      }
      std::string operator()(const CallTerm& form) const {
        std::string text(to_string(form.transform));
        text += terms_text(form.arguments);
        if (!form.option.empty()) {
          text += '[' + syntax::quote(form.option) + ']';
        }
        return text;
      }
    };
    return std::visit(Visitor{}, term.form);
  }

 private:
  static std::string terms_text(const std::vector<Term>& terms) {
    std::string text;
    for (const Term& term : terms) {
      text += (text.empty() ? "" : ", ") + term_text(term);
    }
    return "(" + text + ")";
  }

  // A string that is also the name of a list is quoted: bare it would mean
  // the list.
  std::string operand(Op op, const Value& value) const {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return to_string(value);
    if (op == Op::kBcontains || op == Op::kBstartswith) return hex(*text);
    if (!is_bare(*text)) return syntax::quote(*text);
    for (const std::string& name : list_names_) {
      if (name == *text) return syntax::quote(*text);
    }
    return *text;
  }

  static std::string hex(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    return text;
  }

  std::string inside(const Expr& expr, Binding outer) const {
    const std::string text = print(expr);
    return binding(expr) < outer ? "(" + text + ")" : text;
  }

  std::string joined(const std::vector<Expr>& operands,
                     std::string_view separator, Binding outer) const {
    std::string text;
    for (const Expr& operand : operands) {
      if (!text.empty()) text += separator;
      text += inside(operand, outer);
    }
    return text;
  }

  const std::vector<std::string>& list_names_;
};

void collect_fields(const Term& term, std::vector<FieldReference>& fields) {
  struct Visitor {
    std::vector<FieldReference>& fields;
    void operator()(const std::string&) const {}
    void operator()(const FieldReference& form) const {
      fields.push_back(form);
    }
    void operator()(const ListTerm& form) const { all(form.items); }
    void operator()(const CallTerm& form) const { all(form.arguments); }
    void all(const std::vector<Term>& terms) const {
      for (const Term& term : terms) collect_fields(term, fields);
    }
  };
  std::visit(Visitor{fields}, term.form);
}

}  // namespace

bool takes_many(Op op, Quantifier quantifier) {
  return quantifier != Quantifier::kNone || op == Op::kIn ||
         op == Op::kIntersects || op == Op::kPmatch;
}

bool has_right_arity(const CallTerm& call) {
  const std::size_t count = call.arguments.size();
  switch (call.transform) {
    case Transform::kTolower:
    case Transform::kToupper:
    case Transform::kB64:
    case Transform::kBasename:
    case Transform::kLen:
      return count == 1;
    case Transform::kJoin:
    case Transform::kGetopt:
      return count == 2;
    case Transform::kConcat:
      return count >= 2;
  }
  return false;
}

TermType type_of(const Term& term) {
  struct Visitor {
    TermType operator()(const std::string&) const { return {}; }
    TermType operator()(const FieldReference& form) const {
      const Field& named = field(form.field);
      return {.type = value_type(form.field, form.argument),
              .is_list = named.is_list()};
    }
    TermType operator()(const ListTerm&) const { return {.is_list = true}; }
    TermType operator()(const CallTerm& form) const {
      switch (form.transform) {
        case Transform::kLen:
          return {.type = FalcoType::kUint64};
        case Transform::kJoin:
        case Transform::kConcat:
          return {};
        case Transform::kGetopt:
          return {.is_list = form.option.empty()};
        case Transform::kTolower:
        case Transform::kToupper:
        case Transform::kB64:
        case Transform::kBasename:
          break;
      }
      assert(!form.arguments.empty());
      return type_of(form.arguments.front());
    }
  };
  return std::visit(Visitor{}, term.form);
}

std::vector<FieldReference> fields_of(const Term& term) {
  std::vector<FieldReference> fields;
  collect_fields(term, fields);
  return fields;
}

std::vector<FieldReference> fields_of(const TermCheck& check) {
  std::vector<FieldReference> fields;
  collect_fields(check.left, fields);
  for (const Term& term : check.right) collect_fields(term, fields);
  return fields;
}

std::string to_string(const Term& term) { return Printer::term_text(term); }

std::string to_string(const Expr& expr,
                      const std::vector<std::string>& list_names) {
  return Printer(list_names).print(expr);
}

std::string_view to_string(Op op) {
  switch (op) {
    case Op::kExists:
      return "exists";
    case Op::kEq:
      return "=";
    case Op::kNe:
      return "!=";
    case Op::kLt:
      return "<";
    case Op::kLe:
      return "<=";
    case Op::kGt:
      return ">";
    case Op::kGe:
      return ">=";
    case Op::kIn:
      return "in";
    case Op::kContains:
      return "contains";
    case Op::kIcontains:
      return "icontains";
    case Op::kStartswith:
      return "startswith";
    case Op::kEndswith:
      return "endswith";
    case Op::kGlob:
      return "glob";
    case Op::kIglob:
      return "iglob";
    case Op::kRegex:
      return "regex";
    case Op::kPmatch:
      return "pmatch";
    case Op::kIntersects:
      return "intersects";
    case Op::kBcontains:
      return "bcontains";
    case Op::kBstartswith:
      return "bstartswith";
  }
  return "";
}

std::string_view to_string(Quantifier quantifier) {
  switch (quantifier) {
    case Quantifier::kNone:
      return "";
    case Quantifier::kOneof:
      return "oneof";
    case Quantifier::kAnyof:
      return "anyof";
    case Quantifier::kAllof:
      return "allof";
  }
  return "";
}

std::string_view to_string(Transform transform) {
  switch (transform) {
    case Transform::kTolower:
      return "tolower";
    case Transform::kToupper:
      return "toupper";
    case Transform::kB64:
      return "b64";
    case Transform::kBasename:
      return "basename";
    case Transform::kLen:
      return "len";
    case Transform::kJoin:
      return "join";
    case Transform::kConcat:
      return "concat";
    case Transform::kGetopt:
      return "getopt";
  }
  return "";
}

}  // namespace bailiff
