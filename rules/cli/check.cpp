// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "rules/cli/commands.h"
#include "rules/cli/load_files.h"
#include "rules/lower/enforceable.h"

namespace bailiff {
namespace {

struct CheckOptions {
  std::vector<std::string> files;
  std::string output = "text";
};

int run_check(const CheckOptions& options) {
  Loaded loaded = cli::load_files(options.files);
  check_enforceable(loaded);
  if (options.output == "json") {
    std::cout << cli::load_results_json(loaded);
  } else {
    std::cerr << render(loaded.diagnostics, loaded.sources);
    std::cout << cli::load_results_text(loaded);
  }
  return loaded.diagnostics.has_errors() ? 1 : 0;
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "check", "Load rule and policy files as the service would");
  // Shared by the parser, which fills it, and the callback.
  auto options = std::make_shared<CheckOptions>();
  command->add_option("FILE", options->files, "rule and policy files, folders")
      ->required();
  command->add_option("-o,--output", options->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command->callback([options, &exit_code] { exit_code = run_check(*options); });
}

}  // namespace bailiff
