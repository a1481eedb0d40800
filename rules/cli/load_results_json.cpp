// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rules/base/codes.h"
#include "rules/cli/load_files.h"

namespace bailiff::cli {
namespace {

using nlohmann::json;

struct CodeDescription {
  std::string_view code;
  std::string_view text;
};
constexpr std::array kDescriptions = {
    CodeDescription{codes::kFileRead, "File read error"},
    CodeDescription{codes::kYamlParse, "YAML parse error"},
    CodeDescription{codes::kYamlValidate,
                    "Error validating internal structure of YAML file"},
    CodeDescription{codes::kCompileCondition, "Error compiling condition"},
    CodeDescription{codes::kCompileOutput, "Error compiling output"},
    CodeDescription{codes::kValidate,
                    "Error validating rule/macro/list/exception objects"},
    CodeDescription{codes::kWarnUnknownSource,
                    "Unknown event source, the rule is left out"},
    CodeDescription{codes::kWarnNoEvttype,
                    "Condition is not restricted to few event types"},
    CodeDescription{codes::kWarnUnknownFilter,
                    "Unknown field or event type, the rule is left out"},
    CodeDescription{codes::kWarnUnusedMacro, "Unused macro"},
    CodeDescription{codes::kWarnUnusedList, "Unused list"},
    CodeDescription{codes::kWarnUnknownItem, "Unknown rules file item"},
    CodeDescription{codes::kWarnDeprecatedItem, "Used deprecated item"},
    CodeDescription{codes::kWarnUnknownKey, "Unknown item key, ignored"},
    CodeDescription{codes::kWarnCompileCondition,
                    "Condition may not mean what was meant"},
};

std::string description(std::string_view code) {
  for (const CodeDescription& known : kDescriptions) {
    if (known.code == code) return std::string(known.text);
  }
  return {};
}

json entry(const Diagnostic& diagnostic, const Source& source) {
  const Position at = source.position(diagnostic.span.begin);
  json location = {{"item_type", diagnostic.item_type},
                   {"item_name", diagnostic.item_name},
                   {"position",
                    {{"name", source.name()},
                     {"line", at.line},
                     {"column", at.column},
                     {"offset", diagnostic.span.begin}}}};
  const std::string snippet = std::string(source.line(at.line)) + "\n" +
                              std::string(at.column - 1, ' ') + "^\n";
  json result = {{"code", diagnostic.code},
                 {"codedesc", description(diagnostic.code)},
                 {"message", diagnostic.message},
                 {"context",
                  {{"locations", json::array({std::move(location)})},
                   {"snippet", snippet}}}};
  if (!diagnostic.hint.empty()) result["hint"] = diagnostic.hint;
  return result;
}

}  // namespace

std::string load_results_json(const Loaded& loaded) {
  json results = json::array();
  for (std::uint32_t i = 0; i < loaded.sources.size(); ++i) {
    const Source& source = loaded.sources[i];
    json errors = json::array();
    json warnings = json::array();
    for (const Diagnostic& diagnostic : loaded.diagnostics.all()) {
      if (diagnostic.span.source != i) continue;
      json& place = diagnostic.severity == Severity::kError ? errors : warnings;
      place.push_back(entry(diagnostic, source));
    }
    // What was not kept may be of any file.
    const bool successful = errors.empty() && !loaded.diagnostics.truncated();
    results.push_back({{"name", source.name()},
                       {"successful", successful},
                       {"errors", std::move(errors)},
                       {"warnings", std::move(warnings)}});
  }
  // Paths may hold bytes that are no UTF-8.
  return json({{"falco_load_results", std::move(results)}})
             .dump(-1, ' ', false, json::error_handler_t::replace) +
         "\n";
}

}  // namespace bailiff::cli
