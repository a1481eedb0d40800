// SPDX-License-Identifier: Apache-2.0
#include "rules/types/expr.h"

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
    std::string text(field(check.field).name);
    if (!check.argument.empty()) {
      text += '[' + argument_text(check.argument) + ']';
    }
    text += ' ';
    text += to_string(check.op);
    if (check.op == Op::kExists) return text;
    if (check.op != Op::kIn) {
      return check.values.empty() ? text
                                  : text + ' ' + operand(check.values[0]);
    }
    std::string items;
    for (const Value& value : check.values) {
      items += (items.empty() ? "" : ", ") + operand(value);
    }
    for (const std::uint32_t list : check.lists) {
      items += items.empty() ? "" : ", ";
      items += list < list_names_.size() ? list_names_[list]
                                         : "#" + std::to_string(list);
    }
    return text + " (" + items + ")";
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
  static std::string argument_text(const std::string& argument) {
    const bool bare =
        is_bare(argument) && argument.find_first_of("[]") == std::string::npos;
    return bare ? argument : syntax::quote(argument);
  }

  // A string that is also the name of a list is quoted: bare it would mean
  // the list.
  std::string operand(const Value& value) const {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return to_string(value);
    if (!is_bare(*text)) return syntax::quote(*text);
    for (const std::string& name : list_names_) {
      if (name == *text) return syntax::quote(*text);
    }
    return *text;
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

}  // namespace

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
  }
  return "";
}

}  // namespace bailiff
