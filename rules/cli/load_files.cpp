// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/load_files.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "rules/base/codes.h"
#include "rules/cli/files.h"
#include "rules/document/yaml.h"

namespace bailiff::cli {

Loaded load_files(const std::vector<std::string>& paths,
                  std::vector<NamedText> more) {
  LoadInput input;
  input.append_output = default_append_output();
  std::vector<Diagnostic> unreadable;
  const auto refuse = [&](const std::string& name, const Error& error) {
    Diagnostic diagnostic;
    diagnostic.code = codes::kFileRead;
    diagnostic.message = error.message;
    diagnostic.span.source = static_cast<std::uint32_t>(input.files.size());
    unreadable.push_back(std::move(diagnostic));
    input.files.push_back({.name = name, .text = {}});
  };
  for (const std::string& path : paths) {
    Result<std::vector<std::string>> files = rule_paths(path);
    if (!files) {
      refuse(path, files.error());
      continue;
    }
    for (std::string& name : *files) {
      Result<std::string> text = read_file(name, yaml::kMaxBytes);
      if (text) {
        input.files.push_back(
            {.name = std::move(name), .text = *std::move(text)});
      } else {
        refuse(name, text.error());
      }
    }
  }
  std::move(more.begin(), more.end(), std::back_inserter(input.files));
  Loaded loaded = load(std::move(input));
  if (unreadable.empty()) return loaded;
  Diagnostics diagnostics;
  for (Diagnostic& diagnostic : unreadable) {
    diagnostics.add(std::move(diagnostic));
  }
  for (const Diagnostic& diagnostic : loaded.diagnostics.all()) {
    diagnostics.add(diagnostic);
  }
  loaded.diagnostics = std::move(diagnostics);
  loaded.policy.reset();
  return loaded;
}

std::string load_results_text(const Loaded& loaded) {
  std::string text;
  for (std::uint32_t i = 0; i < loaded.sources.size(); ++i) {
    const auto has = [&](Severity severity) {
      const std::vector<Diagnostic>& all = loaded.diagnostics.all();
      return std::any_of(all.begin(), all.end(), [&](const Diagnostic& d) {
        return d.span.source == i && d.severity == severity;
      });
    };
    text += loaded.sources[i].name() + ": ";
    // What was not kept may be of any file.
    const bool unknown = loaded.diagnostics.truncated();
    text += has(Severity::kError) || unknown ? "Invalid"
            : has(Severity::kWarning)        ? "Ok, with warnings"
                                             : "Ok";
    text += "\n";
  }
  return text;
}

}  // namespace bailiff::cli
