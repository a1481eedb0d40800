// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "rules/cli/commands.h"
#include "rules/cli/files.h"
#include "rules/cli/load_files.h"
#include "rules/lower/enforceable.h"

namespace bailiff {
namespace {

struct CompileOptions {
  std::vector<std::string> files;
  std::vector<std::string> policies;
  std::string out;
};

int run_compile(const CompileOptions& options) {
  std::vector<std::string> paths = options.files;
  paths.insert(paths.end(), options.policies.begin(), options.policies.end());
  Loaded loaded = cli::load_files(paths);
  check_enforceable(loaded);
  std::cerr << render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return 1;

  const std::string bytes = encode(*loaded.policy);
  const Status written = cli::write_file(options.out, bytes);
  if (!written) {
    std::cerr << "bailiff: " << written.error().message << "\n";
    return 1;
  }
  std::cout << options.out << ": " << loaded.policy->rules.size() << " rules, "
            << loaded.policy->policies.size() << " policies, "
            << loaded.policy->lists.size() << " lists, digest "
            << policy_digest(bytes).hex() << "\n";
  return 0;
}

}  // namespace

void add_compile(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "compile", "Write the compiled policy of rule and policy files");
  // Shared by the parser, which fills it, and the callback.
  auto options = std::make_shared<CompileOptions>();
  command->add_option("FILE", options->files, "rule files, folders")
      ->required();
  command->add_option("--policy", options->policies, "policy file, folder")
      ->required()
      ->allow_extra_args(false);
  command->add_option("-o,--output", options->out, "the file to write")
      ->required();
  command->callback(
      [options, &exit_code] { exit_code = run_compile(*options); });
}

}  // namespace bailiff
