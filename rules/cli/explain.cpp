// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "rules/cli/container_option.h"
#include "rules/cli/inspect_json.h"
#include "rules/cli/load_files.h"
#include "rules/cli/offline_inspect.h"
#include "rules/cli/placement_page.h"
#include "rules/cli/table.h"
#include "rules/lower/lower.h"

namespace bailiff {
namespace {

struct ExplainOptions {
  std::vector<std::string> files;
  std::vector<std::string> policies;
  std::vector<std::string> container;
  std::string output = "text";
};

using Row = std::vector<std::string>;

// Events a line names; of more it says how many.
constexpr std::size_t kMostEventsNamed = 6;

std::string events_of(const Placement& placement) {
  if (!placement.events) return "any";
  if (placement.events->size() <= kMostEventsNamed) {
    return cli::joined(*placement.events);
  }
  return std::to_string(placement.events->size()) + " kinds";
}

Row row_of(const Placement& placement, const CompiledPolicy& policy) {
  std::vector<std::string> hooks;
  for (const HookPoint hook : placement.hooks) {
    hooks.emplace_back(to_string(hook));
  }
  std::vector<std::string> fields;
  for (const FieldId id : placement.fields) {
    fields.emplace_back(field(id).name);
  }
  return {policy.rules[placement.rule].name,
          std::string(to_string(placement.enforcement)),
          cli::joined(hooks),
          events_of(placement),
          cli::joined(fields),
          placement.reason};
}

std::string explanation(const std::vector<Placement>& placements,
                        const CompiledPolicy& policy) {
  std::vector<Row> rows = {
      {"RULE", "ENFORCEMENT", "HOOKS", "EVENTS", "FIELDS", "REASON"}};
  for (const Placement& placement : placements) {
    rows.push_back(row_of(placement, policy));
  }
  return cli::table(rows);
}

std::string conditions(const std::vector<Placement>& placements,
                       const CompiledPolicy& policy) {
  std::string text = "\nWhat is left of the conditions in this container:\n";
  for (const Placement& placement : placements) {
    text += "  " + policy.rules[placement.rule].name + ": " + placement.folded +
            "\n";
  }
  return text;
}

int run_explain(const ExplainOptions& options) {
  const Result<Facts> facts = cli::parse_container(options.container);
  if (!facts) throw CLI::ValidationError(facts.error().message);

  std::vector<std::string> paths = options.files;
  paths.insert(paths.end(), options.policies.begin(), options.policies.end());
  const Loaded loaded = cli::load_files(paths);
  std::cerr << render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return 1;

  const std::vector<Placement> placements = place_all(*loaded.policy, *facts);
  if (options.output == "json") {
    std::cout << cli::placements_json(placements, *loaded.policy);
    return 0;
  }
  if (options.output == "markdown") {
    std::cout << cli::placements_page(placements, *loaded.policy);
    return 0;
  }
  std::cout << explanation(placements, *loaded.policy);
  if (facts->complete) std::cout << conditions(placements, *loaded.policy);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "explain", "Tell where each rule is decided, and why not earlier");
  // Shared by the parser, which fills it, and the callback.
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("FILE", options->files, "rule files, folders")
      ->required();
  command->add_option("--policy", options->policies, "policy file, folder")
      ->allow_extra_args(false);
  command
      ->add_option("--container", options->container,
                   "what is known of the container, as "
                   "container.image.repository=shop/cart; what is not said "
                   "it has not")
      ->type_name("FIELD=VALUE");
  command->add_option("-o,--output", options->output, "text, json or markdown")
      ->check(CLI::IsMember({"text", "json", "markdown"}));
  command->callback(
      [options, &exit_code] { exit_code = run_explain(*options); });
}

}  // namespace bailiff
