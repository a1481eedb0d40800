// SPDX-License-Identifier: Apache-2.0
// rules/cli/table.h
// Text in columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bailiff::cli {

// Left-aligned columns, two spaces apart, as wide as their widest cell; the
// last one is as long as it is.  Every row has as many cells as the first.
std::string table(const std::vector<std::vector<std::string>>& rows);

// "-" for nothing.
std::string joined(const std::vector<std::string>& words,
                   std::string_view separator = ",");

// The text as it is in a cell of a Markdown table: "<NA>" is no tag.
std::string markdown(std::string_view text);

}  // namespace bailiff::cli
