// SPDX-License-Identifier: Apache-2.0
// rules/eval/output.h
// What an output template says of an event.
#pragma once

#include <string>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/types/output_template.h"

namespace bailiff {

// The text.  What extracts nothing renders "<NA>"; several values are joined by
// commas in parentheses, as Falco writes lists.
std::string render(const OutputTemplate& output, const FieldSource& event);

// The fields of the template, those inside of calls for themselves, with their
// values for JSON, in template order, each once, under the name they were
// written with: "proc.aname[2]".
struct OutputField {
  std::string name;
  // Null when the field extracts nothing.  Several values of one that is no
  // list are text, as render() writes them.
  OutputValue value;
};
std::vector<OutputField> output_fields(const OutputTemplate& output,
                                       const FieldSource& event);

}  // namespace bailiff
