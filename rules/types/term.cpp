// SPDX-License-Identifier: Apache-2.0
// What transformers make of values: falco-language, section 1.
#include <algorithm>
#include <array>
#include <cassert>
#include <optional>
#include <string_view>
#include <utility>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

using Values = std::vector<Value>;

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Six bits of a base64 digit (RFC 4648, section 4), or -1.
int base64_digit(char c) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t digit = kDigits.find(c);
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

// With or without padding; nullopt when it is no base64, or holds bits past
// the last byte.
std::optional<std::string> base64_decoded(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffffU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xffU);
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::optional<std::string> transformed(Transform transform, std::string text) {
  switch (transform) {
    case Transform::kTolower:
      std::transform(text.begin(), text.end(), text.begin(), ascii_lower);
      return text;
    case Transform::kToupper:
      std::transform(text.begin(), text.end(), text.begin(), ascii_upper);
      return text;
    case Transform::kB64:
      return base64_decoded(text);
    case Transform::kBasename:
      text.erase(0, text.rfind('/') + 1);
      return text;
    case Transform::kLen:
    case Transform::kJoin:
    case Transform::kConcat:
    case Transform::kGetopt:
      break;
  }
  assert(false && "not a transformer of single texts");
  return std::nullopt;
}

// The options a getopt(3) string names.
struct Options {
  std::array<bool, 256> known{};
  std::array<bool, 256> with_argument{};

  explicit Options(std::string_view text) {
    if (text.starts_with(':')) text.remove_prefix(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ':') continue;
      const auto option = static_cast<unsigned char>(text[i]);
      known[option] = true;
      with_argument[option] = i + 1 < text.size() && text[i + 1] == ':';
    }
  }
};

// Operands that are at hand.
class GivenOperands : public Operands {
 public:
  explicit GivenOperands(const Values& values) : values_(values) {}

  bool contains(const Value& value) const override {
    return std::any_of(values_.begin(), values_.end(), [&](const Value& other) {
      return compare(Op::kEq, value, other);
    });
  }
  void for_each(const std::function<bool(const Value&)>& visit) const override {
    for (const Value& value : values_) {
      if (!visit(value)) return;
    }
  }

 private:
  const Values& values_;
};

// Walks arguments as getopt(3) does; long options are passed over.
class OptionWalk {
 public:
  OptionWalk(const std::vector<std::string>& arguments, const Options& options,
             std::string_view wanted)
      : arguments_(arguments), options_(options), wanted_(wanted) {}

  // All options and their arguments in order, "?" for those nobody named; or
  // the last argument of the one wanted (the option itself if it takes none).
  Values walk() && {
    for (at_ = 0; at_ < arguments_.size(); ++at_) {
      const std::string_view argument = arguments_[at_];
      if (argument == "--") break;
      if (argument.size() > 2 && argument.starts_with("--")) continue;
      if (argument.size() < 2 || argument[0] != '-') break;
      cluster(argument.substr(1));
    }
    return std::move(found_);
  }

 private:
  void cluster(std::string_view letters) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const std::string_view name = letters.substr(i, 1);
      const auto option = static_cast<unsigned char>(letters[i]);
      if (letters[i] == ':' || !options_.known[option]) {
        if (wanted_.empty()) add("?");
        continue;
      }
      const bool matches = wanted_.empty() || name == wanted_;
      if (!options_.with_argument[option]) {
        if (matches) put(name, std::nullopt);
        continue;
      }
      const std::optional<std::string_view> value =
          argument_behind(letters.substr(i + 1));
      if (matches && value) put(name, value);
      if (matches && !value) put("", std::nullopt);
      return;
    }
  }

  // What follows in the same word, or the next one.
  std::optional<std::string_view> argument_behind(std::string_view rest) {
    if (!rest.empty()) return rest;
    if (at_ + 1 == arguments_.size()) return std::nullopt;
    return arguments_[++at_];
  }

  void put(std::string_view name, std::optional<std::string_view> value) {
    if (!wanted_.empty()) {
      found_.clear();
      add(value.value_or(name));
      return;
    }
    add(name);
    if (value) add(*value);
  }
  void add(std::string_view text) { found_.emplace_back(std::string(text)); }

  const std::vector<std::string>& arguments_;
  const Options& options_;
  std::string_view wanted_;
  std::size_t at_ = 0;
  Values found_;
};

class TermEvaluator {
 public:
  explicit TermEvaluator(const Extract& extract) : extract_(extract) {}

  std::optional<Values> evaluate(const Term& term) const {
    return std::visit(*this, term.form);
  }

  std::optional<Values> operator()(const std::string& text) const {
    return Values{Value(text)};
  }

  std::optional<Values> operator()(const FieldReference& form) const {
    Values values = extract_(form);
    std::erase_if(values, [](const Value& value) {
      return std::holds_alternative<Null>(value);
    });
    if (values.empty()) return std::nullopt;
    return values;
  }

  // The values of all items, unless one has none.
  std::optional<Values> operator()(const ListTerm& form) const {
    Values all;
    for (const Term& item : form.items) {
      std::optional<Values> values = evaluate(item);
      if (!values) return std::nullopt;
      std::move(values->begin(), values->end(), std::back_inserter(all));
    }
    return all;
  }

  std::optional<Values> operator()(const CallTerm& form) const {
    std::vector<Values> arguments;
    for (const Term& argument : form.arguments) {
      std::optional<Values> values = evaluate(argument);
      if (!values) return std::nullopt;
      arguments.push_back(*std::move(values));
    }
    switch (form.transform) {
      case Transform::kTolower:
      case Transform::kToupper:
      case Transform::kB64:
      case Transform::kBasename:
        return each(form.transform, std::move(arguments[0]));
      case Transform::kLen:
        return length(arguments[0], type_of(form.arguments[0]).is_list);
      case Transform::kJoin:
        return joined(text_of(arguments[0]), arguments[1]);
      case Transform::kConcat:
        return concatenated(arguments);
      case Transform::kGetopt:
        return options(arguments[0], text_of(arguments[1]), form.option);
    }
    return std::nullopt;
  }

 private:
  // Of a term that is no list, and so has one value.
  static std::string text_of(const Values& values) {
    return values.empty() ? std::string() : to_string(values.front());
  }

  static std::optional<Values> each(Transform transform, Values values) {
    for (Value& value : values) {
      std::optional<std::string> result =
          transformed(transform, to_string(value));
      if (!result) return std::nullopt;
      value = *std::move(result);
    }
    return values;
  }

  static std::optional<Values> length(const Values& values, bool is_list) {
    const std::size_t count = is_list ? values.size() : text_of(values).size();
    return Values{Value(static_cast<std::int64_t>(count))};
  }

  static std::optional<Values> joined(const std::string& separator,
                                      const Values& items) {
    std::string text;
    for (const Value& item : items) {
      if (&item != &items.front()) text += separator;
      text += to_string(item);
    }
    return Values{Value(std::move(text))};
  }

  static std::optional<Values> concatenated(const std::vector<Values>& parts) {
    std::string text;
    for (const Values& part : parts) text += text_of(part);
    return Values{Value(std::move(text))};
  }

  static std::optional<Values> options(const Values& words,
                                       const std::string& known,
                                       const std::string& wanted) {
    std::vector<std::string> arguments;
    for (const Value& word : words) arguments.push_back(to_string(word));
    const Options options(known);
    Values found = OptionWalk(arguments, options, wanted).walk();
    if (!wanted.empty() && found.empty()) return std::nullopt;
    return found;
  }

  const Extract& extract_;
};

}  // namespace

std::optional<std::vector<Value>> evaluate_term(const Term& term,
                                                const Extract& extract) {
  return TermEvaluator(extract).evaluate(term);
}

bool holds(const TermCheck& check, const Extract& extract,
           const Operands& operands) {
  const std::optional<Values> left = evaluate_term(check.left, extract);
  if (!left) return false;
  if (check.op == Op::kExists) return true;
  const bool is_list = type_of(check.left).is_list;
  // Of no elements all are in any set.
  if (is_list && left->empty()) return check.op == Op::kIn;
  const Several several = is_list ? Several::kList : Several::kAny;
  if (check.right.empty()) {
    return holds(check.op, check.quantifier, several, *left, operands);
  }
  const std::optional<Values> right =
      evaluate_term(check.right.front(), extract);
  if (!right) return false;
  return holds(check.op, check.quantifier, several, *left,
               GivenOperands(*right));
}

}  // namespace bailiff
