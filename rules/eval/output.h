// SPDX-License-Identifier: Apache-2.0
// rules/eval/output.h
// What an output template says of an event.
#pragma once

#include <string>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/types/output_template.h"

namespace bailiff {

// The text.  A field that extracts nothing renders "<NA>"; several values are
// joined by ", " in parentheses, as Falco writes lists.
std::string render(const OutputTemplate& output, const FieldSource& event);

// The fields of the template with their values for JSON, in template order,
// each once; the name carries the argument: "proc.aname[2]".
struct OutputField {
  std::string name;
  Value value;  // Null when the field extracts nothing
};
std::vector<OutputField> output_fields(const OutputTemplate& output,
                                       const FieldSource& event);

}  // namespace bailiff
