// SPDX-License-Identifier: Apache-2.0
//
// bailiff: the command line of people and of CI.
#include <csignal>
#include <exception>
#include <iostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "rules/cli/commands.h"
#include "rules/cli/offline_inspect.h"
#include "sidecar/cli/commands.h"
#include "sidecar/cli/online.h"

namespace bailiff {
namespace {

using sidecar::kExitOk;
using sidecar::kExitUsage;

int run(int argc, char** argv) {
  CLI::App app("Enforces Falco rules on containers.");
  app.set_version_flag("--version", "bailiff " BAILIFF_VERSION);
  app.require_subcommand(1);
  int exit_code = kExitOk;
  add_check(app, exit_code);
  add_explain(app, exit_code);
  add_compile(app, exit_code);
  add_dump(app, exit_code);
  add_eval(app, exit_code);
  add_fields(app, exit_code);
  sidecar::add_online_commands(app, std::cout, std::cerr, exit_code);
  sidecar::add_adopt(app, std::cout, std::cerr, exit_code);
  sidecar::add_doctor(app, std::cout, std::cerr, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // Help and version are asked for by an "error" with exit code 0.
    return app.exit(e) == 0 ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace
}  // namespace bailiff

int main(int argc, char** argv) {
  // Output into a closed pipe (`bailiff events | head`) is a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  // The one place where an exception nobody expected ends.
  try {
    return bailiff::run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "bailiff: " << e.what() << '\n';
    return bailiff::sidecar::kExitNotPossible;
  }
}
