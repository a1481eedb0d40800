// SPDX-License-Identifier: Apache-2.0
// rules/types/output_template.h
// Falco output templates: "%proc.name connected to %fd.sip".  What they mean
// for an event is rules/eval/output.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/result.h"
#include "rules/types/expr.h"

namespace bailiff {

// A field of a token, under the name it was written with: "evt.arg.flags".
struct NamedField {
  std::string name;
  FieldReference field;
};

struct OutputToken {
  std::string literal;             // when there is no term
  std::optional<Term> term;        // "%proc.name", "%toupper(proc.name)"
  std::vector<NamedField> fields;  // of the term, in order
  int width = 0;  // "%10proc.name": pad or cut to this many bytes; 0: as is
};

struct OutputTemplate {
  std::vector<OutputToken> tokens;
};

// Widest "%NNfield"; more is refused.
inline constexpr int kMaxOutputWidth = 1024;

// Takes a call of a transformer, or the longest field after each '%', the rest
// is literal; a '*' in front of the template means nothing, as "print even if a
// field is null" is what always happens.  Refuses an unknown field, one that
// is for conditions only, and a '%' with nothing behind it (there is no escape
// for '%'); `error.message` names the token.
Result<OutputTemplate> parse_output(std::string_view text);

// The same with the place of the mistake: `begin` and `end` are offsets in
// `text`, `hint` may be empty.
struct OutputError {
  std::string message;
  std::string hint;
  std::size_t begin = 0;
  std::size_t end = 0;
};
struct ParsedOutput {
  OutputTemplate output;
  std::vector<OutputError> errors;  // empty: `output` is whole
};
ParsedOutput parse_output_all(std::string_view text);

}  // namespace bailiff
