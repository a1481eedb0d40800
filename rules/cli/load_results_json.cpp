// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/base/codes.h"
#include "rules/cli/load_files.h"
#include "rules/document/outline.h"

namespace bailiff::cli {
namespace {

using nlohmann::json;

// `codedesc`: of errors, what Falco says; of warnings a sentence.
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
                    "The rule is about events of a source that is not there, "
                    "and is left out."},
    CodeDescription{codes::kWarnNoEvttype,
                    "The condition can hold for so many types of event that "
                    "nearly every event has to be judged by it. Compare "
                    "evt.type in it."},
    CodeDescription{codes::kWarnUnknownFilter,
                    "The rule names a field or a type of event that is not "
                    "there. With skip-if-unknown-filter it is left out, which "
                    "would be an error without."},
    CodeDescription{codes::kWarnUnusedMacro,
                    "No macro and no rule uses the macro."},
    CodeDescription{codes::kWarnUnusedList,
                    "No list, no macro and no rule uses the list."},
    CodeDescription{codes::kWarnUnknownItem,
                    "The item is of no kind that rule files have, and is "
                    "ignored."},
    CodeDescription{codes::kWarnDeprecatedItem,
                    "Something is used that works but will go one day; there "
                    "is a better way to say the same."},
    CodeDescription{codes::kWarnAppendNoValues,
                    "An exception is appended to without values, which "
                    "excepts nothing. The key may be misspelled."},
    CodeDescription{codes::kWarnExceptionNameNotUnique,
                    "Two exceptions of a rule have the same name, so that "
                    "only the first of them can be appended to."},
    CodeDescription{codes::kWarnInvalidMacroName,
                    "The macro has a name that no condition can use."},
    CodeDescription{codes::kWarnInvalidListName,
                    "The list has a name that conditions may not be able to "
                    "use."},
    CodeDescription{codes::kWarnCompileCondition,
                    "The condition is correct, but may not mean what was "
                    "meant."},
    CodeDescription{codes::kWarnUnknownKey,
                    "The item has a key that has no meaning there and is "
                    "ignored. It may be misspelled, or of another kind of "
                    "item."},
};

// Fields that Falco reports as `deprecated_field`.
constexpr std::string_view kDeprecatedFields[] = {
    "evt.dir",        "evt.latency",       "evt.latency.s",
    "evt.latency.ns", "evt.latency.human", "evt.wait_latency",
};

std::string description(std::string_view code) {
  for (const CodeDescription& known : kDescriptions) {
    if (known.code == code) return std::string(known.text);
  }
  return {};
}

// The field at the place, be it with the % of an output.
std::optional<std::string> deprecated_field(const Diagnostic& diagnostic,
                                            const Source& source) {
  if (diagnostic.code != codes::kWarnDeprecatedItem) return std::nullopt;
  const Span& span = diagnostic.span;
  std::string_view text = source.text().substr(
      std::min<std::size_t>(span.begin, source.text().size()),
      span.end - span.begin);
  if (text.starts_with('%')) text.remove_prefix(1);
  for (const std::string_view field : kDeprecatedFields) {
    if (text == field) return std::string(field);
  }
  return std::nullopt;
}

// Whether the code tells of a mistake inside a condition.
bool is_of_condition(std::string_view code) {
  return code == codes::kCompileCondition ||
         code == codes::kWarnCompileCondition ||
         code == codes::kWarnUnknownFilter ||
         code == codes::kWarnDeprecatedItem || code == codes::kValidate;
}

// The results of one file.
class FileResults {
 public:
  FileResults(const Loaded& loaded, std::uint32_t index)
      : loaded_(loaded), index_(index), source_(loaded.sources[index]) {}

  json results() {
    json errors = json::array();
    json warnings = json::array();
    for (const Diagnostic& diagnostic : loaded_.diagnostics.all()) {
      if (diagnostic.span.source != index_) continue;
      json& place = diagnostic.severity == Severity::kError ? errors : warnings;
      place.push_back(entry(diagnostic));
    }
    // What was not kept may be of any file.
    const bool successful = errors.empty() && !loaded_.diagnostics.truncated();
    return {{"name", source_.name()},
            {"successful", successful},
            {"errors", std::move(errors)},
            {"warnings", std::move(warnings)}};
  }

 private:
  json entry(const Diagnostic& diagnostic) {
    const Excerpt shown = excerpt(source_, diagnostic.span);
    json result = {{"code", diagnostic.code},
                   {"codedesc", description(diagnostic.code)},
                   {"message", diagnostic.message},
                   {"context",
                    {{"locations", locations(diagnostic)},
                     {"snippet", shown.text + "\n" +
                                     std::string(shown.begin, ' ') + "^\n"}}}};
    if (!diagnostic.hint.empty()) result["hint"] = diagnostic.hint;
    if (const auto field = deprecated_field(diagnostic, source_)) {
      result["deprecated_field"] = *field;
    }
    return result;
  }

  // Lines and columns count from `first`: in Falco from 0 for places in YAML,
  // and from 1 for those in conditions.
  json location(std::string_view type, std::string_view name,
                std::uint32_t offset, std::uint32_t first = 0) const {
    const Position at = source_.position(offset);
    return {{"item_type", type},
            {"item_name", name},
            {"position",
             {{"name", source_.name()},
              {"line", at.line - 1 + first},
              {"column", at.column - 1 + first},
              {"offset", offset}}}};
  }

  // From the file inwards, the last one being the place itself.
  json locations(const Diagnostic& diagnostic) {
    const std::uint32_t offset = diagnostic.span.begin;
    json all = json::array({location("rules content", "", 0)});
    if (diagnostic.code == codes::kYamlParse) {
      all.push_back(location("value for", "", offset));
      return all;
    }
    const std::vector<const OutlineEntry*> entries = outline().at(offset);
    add_owner(diagnostic, entries, all);
    for (const OutlineEntry* entry : entries) {
      all.push_back(location(entry->type, entry->name, entry->begin));
    }
    if (entries.empty()) return all;
    const OutlineEntry& last = *entries.back();
    const bool condition =
        last.type == "rule condition" || last.type == "macro condition";
    if (condition && is_of_condition(diagnostic.code)) {
      all.push_back(location("condition expression", "", offset, 1));
    } else if (last.type == "value for" && last.name == "items" &&
               offset > last.begin) {
      all.push_back(location("list item", "", offset));
    } else if (last.type == "exception values" && offset > last.begin) {
      all.push_back(location("exception value", "", offset));
    }
    return all;
  }

  // The item it is about, when the place is not in that: a rule whose mistake
  // is in a macro it uses.
  void add_owner(const Diagnostic& diagnostic,
                 const std::vector<const OutlineEntry*>& entries, json& all) {
    if (diagnostic.item_type.empty()) return;
    const bool inside = std::any_of(
        entries.begin(), entries.end(), [&](const OutlineEntry* entry) {
          return entry->type == diagnostic.item_type &&
                 (entry->name == diagnostic.item_name ||
                  diagnostic.item_name.empty());
        });
    if (inside) return;
    const OutlineEntry* owner =
        outline().find(diagnostic.item_type, diagnostic.item_name);
    all.push_back(
        location(diagnostic.item_type, diagnostic.item_name,
                 owner != nullptr ? owner->begin : diagnostic.span.begin));
  }

  // Made when it is first asked for: most files have nothing to tell.
  const Outline& outline() {
    if (!outline_) {
      Diagnostics known;
      const auto stream = yaml::parse(source_.text(), index_, known);
      outline_ =
          Outline(stream ? *stream : yaml::Stream(), source_.text().size());
    }
    return *outline_;
  }

  const Loaded& loaded_;
  std::uint32_t index_;
  const Source& source_;
  std::optional<Outline> outline_;
};

}  // namespace

std::string load_results_json(const Loaded& loaded) {
  json results = json::array();
  for (std::uint32_t i = 0; i < loaded.sources.size(); ++i) {
    results.push_back(FileResults(loaded, i).results());
  }
  // Paths may hold bytes that are no UTF-8.
  return json({{"falco_load_results", std::move(results)}})
             .dump(-1, ' ', false, json::error_handler_t::replace) +
         "\n";
}

}  // namespace bailiff::cli
