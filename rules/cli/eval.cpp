// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "rules/cli/inspect_json.h"
#include "rules/cli/load_files.h"
#include "rules/cli/offline_inspect.h"
#include "rules/eval/matcher.h"

namespace bailiff {
namespace {

struct EvalOptions {
  std::vector<std::string> rules;
  std::string events;
};

// Goes on behind a line that is no event, so that one run shows them all.
int judge(std::istream& events, const std::string& name,
          const CompiledPolicy& policy) {
  const Matcher matcher(policy);
  MatchMemory memory;
  int exit_code = 0;
  std::int64_t number = 0;
  for (std::string line; std::getline(events, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto event = cli::JsonEvent::parse(line, number);
    if (!event) {
      std::cerr << name << ":" << number << ": error: " << event.error().message
                << "\n";
      exit_code = 1;
      continue;
    }
    std::vector<std::string> names;
    for (const std::uint32_t rule : matcher.match(*event, memory)) {
      names.push_back(policy.rules[rule].name);
    }
    std::cout << cli::names_json(names);
  }
  return exit_code;
}

int run_eval(const EvalOptions& options) {
  const Loaded loaded = cli::load_files(options.rules);
  std::cerr << render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return 1;
  if (options.events == "-") {
    return judge(std::cin, "<stdin>", *loaded.policy);
  }
  std::ifstream events(options.events);
  if (!events) {
    std::cerr << "bailiff: open '" << options.events << "': cannot be read\n";
    return 1;
  }
  return judge(events, options.events, *loaded.policy);
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "eval", "Tell which rules fire for each event of a file");
  // Shared by the parser, which fills it, and the callback.
  auto options = std::make_shared<EvalOptions>();
  command->add_option("--rules", options->rules, "rule files, folders")
      ->required();
  command
      ->add_option("--events", options->events,
                   "a JSON object a line, from field to value; - is standard "
                   "input")
      ->required();
  command->callback([options, &exit_code] { exit_code = run_eval(*options); });
}

}  // namespace bailiff
