// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/commands.h
// The subcommands of `bailiff` that need a service or this host.  They run
// while the command line is parsed and set `exit_code`, which must live until
// then; so must `terminal_out` and `terminal_err`.
#pragma once

#include <ostream>

namespace CLI {
class App;
}  // namespace CLI

namespace bailiff::sidecar {

// ps, events, kill, status, policies, lists, reload, alerts, alerts retry.
void add_online_commands(CLI::App& app, std::ostream& terminal_out,
                         std::ostream& terminal_err, int& exit_code);
// Probes this host by trying; needs root to find out most of it.
// `bailiff adopt`, which needs no service.
void add_adopt(CLI::App& app, std::ostream& terminal_out,
               std::ostream& terminal_err, int& exit_code);
void add_doctor(CLI::App& app, std::ostream& terminal_out,
                std::ostream& terminal_err, int& exit_code);

}  // namespace bailiff::sidecar
