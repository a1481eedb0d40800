// SPDX-License-Identifier: Apache-2.0
// rules/syntax/printer.h
#pragma once

#include <string>
#include <string_view>

#include "rules/syntax/ast.h"

namespace bailiff::syntax {

// The condition in Falco's syntax on one line, with the fewest parentheses.
// Parsing it again gives an equal tree.
std::string print(const Node& node);

// The text as a quoted string of the grammar.
std::string quote(std::string_view text);

}  // namespace bailiff::syntax
