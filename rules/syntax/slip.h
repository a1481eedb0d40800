// SPDX-License-Identifier: Apache-2.0
// rules/syntax/slip.h
// What was probably meant where the grammar expects something else: the hint
// of a diagnostic.  `rest` is the condition from the mistake on.  Every
// function answers with an empty string when it has no idea.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/syntax/ast.h"

namespace bailiff::syntax {

// Whether the text begins with a quotation mark that editors and web pages make
// of " and ', and that quotes nothing.
bool begins_with_typographic_quote(std::string_view text);

// A field, a macro, 'not' or '(' is expected.
std::string check_slip(std::string_view rest);

// The operator behind a field or a call is expected.
std::string operator_slip(std::string_view rest);

// What `op` compares with is expected.
std::string operand_slip(Operator op, std::string_view rest);

// A value in a list is expected; `first`: the one behind its '('.
std::string item_slip(bool first, std::string_view rest);

// `mistake` is a quoted string without its end, or an escape in one.
std::string quoted_slip(std::string_view mistake);

// An argument of a transformer is expected.
std::string argument_slip(std::string_view rest);

// Nobody knows a transformer `name`, which has a '(' behind it.
std::string transform_slip(std::string_view name);

// What a condition had come to when something followed that cannot.
struct Seen {
  enum class Last : std::uint8_t {
    kOther,
    kMacro,
    kExists,
    kBareValue,
    kQuotedValue,
    kListName,
    kTightListName,  // 'inNAME', with its operator
    kTightOr,        // the parenthesis of 'or(…)'
  };

  Last last = Last::kOther;
  std::string_view text;  // of it
  bool adjacent = false;  // no blank stands between it and what follows
};

// 'and', 'or' or an end is expected.
std::string continuation_slip(const Seen& seen, std::string_view rest);

// ',' or ')' is expected behind an item of a list or an argument.
std::string comma_slip(std::string_view rest);

}  // namespace bailiff::syntax
