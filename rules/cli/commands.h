// SPDX-License-Identifier: Apache-2.0
// rules/cli/commands.h
// The offline subcommands of `bailiff`.  Each function adds one to `app`; when
// the user asked for it, it runs while the command line is parsed, prints
// results on stdout and problems on stderr, and sets `exit_code`, which must
// live until then.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace bailiff {

// 0: every file loads; 1: some do not.
void add_check(CLI::App& app, int& exit_code);
// 0: written; 1: the files do not load, or OUT cannot be written.
void add_compile(CLI::App& app, int& exit_code);

}  // namespace bailiff
