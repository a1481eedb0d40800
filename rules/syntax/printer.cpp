// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/printer.h"

#include <vector>

namespace bailiff::syntax {
namespace {

class Printer {
 public:
  std::string operator()(const Comparison& node) const {
    std::string text = term(node.left) + ' ' + std::string(to_string(node.op));
    if (operand_kind(node.op) == OperandKind::kNone) return text;
    if (node.quantifier != Quantifier::kNone) {
      text += ' ' + std::string(to_string(node.quantifier));
    }
    if (!node.takes_list() || node.list_by_name) {
      return text + ' ' + single(node, node.operands.front());
    }
    return text + " (" + terms(node.operands) + ")";
  }

  // A macro may be named as the keyword is, but then not everywhere.
  std::string operator()(const MacroUse& node) const {
    return node.name == "not" ? "(not)" : node.name;
  }

  std::string operator()(const Negation& node) const {
    const bool twice = std::holds_alternative<Negation>(node.operand->form);
    return twice ? "not (" + print(*node.operand) + ")"
                 : "not " + inside(*node.operand, false);
  }
  std::string operator()(const Conjunction& node) const {
    return joined(node.operands, " and ", false);
  }
  std::string operator()(const Disjunction& node) const {
    return joined(node.operands, " or ", true);
  }

 private:
  static std::string term(const Term& term) {
    struct Visitor {
      std::string operator()(const Literal& form) const {
        return form.quoted ? quote(form.text) : form.text;
      }
      std::string operator()(const FieldName& form) const {
        return form.name + bracket(form.has_argument, form.argument);
      }
      std::string operator()(const Call& form) const {
        return std::string(to_string(form.transform)) + '(' +
               terms(form.arguments) + ')' +
               bracket(form.has_bracket, form.bracket);
      }
      std::string operator()(const TermList& form) const {
        return '(' + terms(form.items) + ')';
      }
    };
    return std::visit(Visitor{}, term.form);
  }
  static std::string bracket(bool present, const std::string& text) {
    return present ? '[' + quote(text) + ']' : std::string();
  }
  static std::string terms(const std::vector<Term>& terms) {
    std::string text;
    for (const Term& item : terms) {
      if (!text.empty()) text += ", ";
      text += term(item);
    }
    return text;
  }
  // The one operand of a comparison.  Bare, a text could be read as the
  // quantifier it is the name of.
  static std::string single(const Comparison& node, const Term& operand) {
    const Literal* text = operand.literal();
    const bool quantifier = text != nullptr && !node.takes_list() &&
                            (text->text == "oneof" || text->text == "anyof" ||
                             text->text == "allof");
    return quantifier ? quote(text->text) : term(operand);
  }

  // An operand of another node.  A conjunction under a disjunction goes without
  // parentheses; so could a negation under a negation, but it would cancel.
  static std::string inside(const Node& node, bool conjunction_is_bare) {
    std::string text = print(node);
    const bool conjunction = std::holds_alternative<Conjunction>(node.form);
    const bool disjunction = std::holds_alternative<Disjunction>(node.form);
    if (disjunction || (conjunction && !conjunction_is_bare)) {
      return "(" + text + ")";
    }
    return text;
  }

  static std::string joined(const std::vector<Node>& operands,
                            std::string_view separator,
                            bool conjunction_is_bare) {
    std::string text;
    for (const Node& operand : operands) {
      if (!text.empty()) text += separator;
      text += inside(operand, conjunction_is_bare);
    }
    return text;
  }
};

}  // namespace

std::string print(const Node& node) { return std::visit(Printer{}, node.form); }

std::string quote(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const bool before_quote = i + 1 == text.size() || text[i + 1] == '"';
    if (c == '"' || (c == '\\' && !before_quote)) {
      result += '\\';
      result += c;
    } else if (c == '\\' || byte < 0x20 || byte == 0x7f) {
      result += "\\x";
      result += kDigits[byte >> 4];
      result += kDigits[byte & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace bailiff::syntax
