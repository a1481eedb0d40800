// SPDX-License-Identifier: Apache-2.0
// sidecar/service/log.h
// What the service writes to standard error: a line for each failure, by the
// outermost function that knows what it means.  Any thread.
//
// Lines are `what: why key=value`.  Neither rule texts nor command lines are
// ever written: they may hold secrets.
#pragma once

#include <string>
#include <string_view>

#include "rules/base/result.h"

namespace bailiff::sidecar {

// Once, first thing in main(): format, level, and standard error.
void start_log();

void log_info(const std::string& line);
void log_warning(const std::string& line);
void log_error(const std::string& line);

// A failure that may happen at each event: of lines with the same `kind` one
// in ten seconds is written, with how many were left out before it.
void log_repeated(std::string_view kind, const std::string& line);

}  // namespace bailiff::sidecar
