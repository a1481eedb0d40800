// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "rules/cli/field_pages.h"
#include "rules/cli/offline_inspect.h"

namespace bailiff {
namespace {

struct FieldsOptions {
  std::string pattern;
  bool events = false;
  std::string output = "text";
};

int nothing_found(const FieldsOptions& options) {
  const std::string_view near = options.events
                                    ? nearest_event_type(options.pattern)
                                    : nearest_field(options.pattern);
  std::cerr << "bailiff: no " << (options.events ? "event" : "field")
            << " is called '" << options.pattern << "'";
  if (!near.empty()) std::cerr << ", did you mean '" << near << "'?";
  std::cerr << "\n";
  return 1;
}

int run_fields(const FieldsOptions& options) {
  if (options.output == "markdown") {
    std::cout << (options.events ? cli::events_page() : cli::fields_page());
    return 0;
  }
  const bool json = options.output == "json";
  if (options.events) {
    const auto events = cli::matching_events(options.pattern);
    if (events.empty()) return nothing_found(options);
    std::cout << (json ? cli::events_json(events) : cli::events_text(events));
    return 0;
  }
  const auto fields = cli::matching_fields(options.pattern);
  if (fields.empty()) return nothing_found(options);
  std::cout << (json ? cli::fields_json(fields) : cli::fields_text(fields));
  return 0;
}

}  // namespace

void add_fields(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "fields", "List the fields and events that rules may name");
  // Shared by the parser, which fills it, and the callback.
  auto options = std::make_shared<FieldsOptions>();
  command->add_option(
      "PATTERN", options->pattern,
      "what the names begin with, or a whole name with * and ?");
  command->add_flag("--events", options->events,
                    "events and their arguments instead of fields");
  command
      ->add_option("-o,--output", options->output,
                   "text, json or markdown, which is the whole page")
      ->check(CLI::IsMember({"text", "json", "markdown"}));
  command->callback(
      [options, &exit_code] { exit_code = run_fields(*options); });
}

}  // namespace bailiff
