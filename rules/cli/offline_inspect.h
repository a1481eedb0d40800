// SPDX-License-Identifier: Apache-2.0
// rules/cli/offline_inspect.h
// The offline subcommands that show what rules become and may name; see
// commands.h.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace bailiff {

// 0: every file loads; 1: some do not.
void add_explain(CLI::App& app, int& exit_code);
// 0: printed; 1: the file is no compiled policy this version reads.
void add_dump(CLI::App& app, int& exit_code);
// 0: every event was judged; 1: the files do not load, or a line is no event.
void add_eval(CLI::App& app, int& exit_code);
// 0: printed; 1: nothing has such a name.
void add_fields(CLI::App& app, int& exit_code);

}  // namespace bailiff
