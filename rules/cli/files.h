// SPDX-License-Identifier: Apache-2.0
// rules/cli/files.h
// The only place under rules/ that touches the file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/base/result.h"

namespace bailiff::cli {

// The path itself, or, of a folder, its *.yaml and *.yml by name (not those of
// folders in it).
Result<std::vector<std::string>> rule_paths(const std::string& path);

// The whole file, of at most `limit` bytes.  Blocks as long as the file does.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// Replaces `path`, mode 0644, by a file of these bytes so that whoever opens
// it gets all of the old one or all of the new one, a crash included.  On
// failure the old file is untouched and nothing is left behind.  Refuses a
// `path` that is there and no regular file.
Status write_file(const std::string& path, std::string_view bytes);

}  // namespace bailiff::cli
