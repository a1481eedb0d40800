// SPDX-License-Identifier: Apache-2.0
// rules/cli/load_files.h
#pragma once

#include <string>
#include <vector>

#include "rules/policy/load.h"

namespace bailiff::cli {

// Reads the files and the rule files of the folders, in order, and loads them,
// and behind them `more`, as if those were files.
// A file that cannot be read is an empty source with an error
// (LOAD_ERR_FILE_READ), and the others are still loaded.
Loaded load_files(const std::vector<std::string>& paths,
                  std::vector<NamedText> more = {});

// What `bailiff check -o json` prints: Falco's `falco_load_results`, one line.
// There is no schema_valid and no schema_warnings: Falco writes them where it
// holds the YAML against its JSON schema, which decides nothing.  Locations
// count lines and columns from 0, as Falco's do, but those of type "condition
// expression" from 1; offsets are of the byte in the file, in block scalars and
// in what was appended, too.  `hint` is ours.
std::string load_results_json(const Loaded& loaded);

// "rules.yaml: Ok, with warnings", a line for each source.
std::string load_results_text(const Loaded& loaded);

}  // namespace bailiff::cli
