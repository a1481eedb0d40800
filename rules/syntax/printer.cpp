// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/printer.h"

#include <vector>

namespace bailiff::syntax {
namespace {

class Printer {
 public:
  std::string operator()(const Comparison& node) const {
    std::string text = node.field.name;
    if (node.field.has_argument) {
      text += '[' + quote(node.field.argument) + ']';
    }
    text += ' ';
    text += to_string(node.op);
    switch (operand_kind(node.op)) {
      case OperandKind::kNone:
        return text;
      case OperandKind::kNumber:
      case OperandKind::kText:
        return text + ' ' + text_operand(node.operands.front());
      case OperandKind::kList:
        break;
    }
    if (node.list_by_name) return text + ' ' + node.operands.front().text;
    std::string items;
    for (const Operand& item : node.operands) {
      items += (items.empty() ? "" : ", ") + operand(item);
    }
    return text + " (" + items + ")";
  }

  std::string operator()(const MacroUse& node) const { return node.name; }

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
  static std::string operand(const Operand& operand) {
    return operand.quoted ? quote(operand.text) : operand.text;
  }
  // Bare it could be read as the modifier it is the name of.
  static std::string text_operand(const Operand& operand) {
    const bool modifier = operand.text == "oneof" || operand.text == "anyof" ||
                          operand.text == "allof";
    return modifier ? quote(operand.text) : Printer::operand(operand);
  }

  // An operand of another node.  A conjunction under a disjunction goes without
  // parentheses; so could a negation under a negation, but it would cancel.
  static std::string inside(const Node& node, bool conjunction_is_bare) {
    const std::string text = print(node);
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
