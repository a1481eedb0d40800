// SPDX-License-Identifier: Apache-2.0
// oci/wrapper/runtime_log.h
// One line in the log file of a runtime, as the runtime would write it.
#pragma once

#include <string>
#include <string_view>

#include "oci/wrapper/command_line.h"

namespace bailiff::oci {

enum class LogLevel { kError, kWarning };

// A line with line end: a JSON object when `json`, else logfmt.
// `time` is RFC 3339.
std::string log_line(LogLevel level, std::string_view message,
                     std::string_view time, bool json);

// Appends to `log.file`, which containerd and conmon read for the reason when a
// runtime fails.  Without a file, and when it cannot be written, does nothing:
// the message is on standard error as well.
void append_to_log(const LogOptions& log, LogLevel level,
                   std::string_view message);

}  // namespace bailiff::oci
