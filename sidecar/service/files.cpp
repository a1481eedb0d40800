// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/memory.h"
#include "rules/base/diagnostic.h"
#include "rules/base/source.h"
#include "rules/lower/enforceable.h"
#include "rules/policy/load.h"

namespace bailiff::sidecar {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;
// Lists of indicators are written into rule files: a million addresses are
// 20 MiB.
constexpr std::size_t kMaxRuleFileBytes = 256 << 20;

// What an item of a list takes at most from file to table (measured: 195 to 210
// bytes, of a million addresses), and what reading a file does, by its bytes.
constexpr std::size_t kItemBytes = 240;
constexpr std::size_t kReadFactor = 3;

// The file, or the *.yaml and *.yml of the folder, by name.
Result<std::vector<std::string>> expand(const std::string& path) {
  RETURN_IF_ERROR(check_trusted(path));
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error) return errno_error("read '" + path + "'", error.value());
  if (!std::filesystem::is_directory(status)) {
    return std::vector<std::string>{path};
  }
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator entry(path, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension != ".yaml" && extension != ".yml") continue;
    if (entry->path().filename().string().front() == '.') continue;
    files.push_back(entry->path().string());
  }
  if (error) return errno_error("read folder '" + path + "'", error.value());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) RETURN_IF_ERROR(check_trusted(file));
  return files;
}

Status add_files(const std::vector<std::string>& paths, LoadInput& input) {
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, expand(path));
    for (const std::string& file : files) {
      const std::size_t room = memory_left() / kReadFactor;
      Result<std::string> text =
          read_bounded(file, std::min(kMaxRuleFileBytes, room));
      if (!text && text.error().code == Code::kExhausted &&
          room < kMaxRuleFileBytes) {
        return Error{Code::kExhausted,
                     "not enough memory to read '" + file +
                         "': there is room for " + std::to_string(room) +
                         " bytes; raise the memory limit of the service, or "
                         "shorten the file"};
      }
      if (!text) return std::move(text).error();
      input.files.push_back({file, *std::move(text)});
    }
  }
  return Ok{};
}

Status check_sinks(const CompiledPolicy& policy, const ServiceConfig& config) {
  for (const Policy& each : policy.policies) {
    if (!each.notify) continue;
    for (const std::string& name : *each.notify) {
      const bool known = std::any_of(
          config.sinks.begin(), config.sinks.end(),
          [&](const SinkConfig& sink) { return sink.name == name; });
      if (known) continue;
      return Error{Code::kInvalidArgument,
                   "policy '" + each.name + "': 'notify' names the sink '" +
                       name + "', which the configuration does not have"};
    }
  }
  return Ok{};
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Result<ServiceConfig> load_config(const std::string& path) {
  RETURN_IF_ERROR(check_trusted(path));
  ASSIGN_OR_RETURN(std::string text, read_bounded(path, kMaxConfigBytes));
  SourceSet sources;
  const std::uint32_t source = sources.add(path, std::move(text));
  Diagnostics diagnostics;
  std::optional<ServiceConfig> config =
      parse_service_config(sources[source].text(), source, diagnostics);
  if (!config) {
    return Error{Code::kInvalidArgument,
                 without_line_end(render(diagnostics, sources))};
  }
  return *std::move(config);
}

Result<LoadedPolicy> load_policy(const ServiceConfig& config) {
  LoadInput input;
  input.on_failure = config.on_failure;
  input.exempt = config.exempt;
  input.append_output = config.append_output;
  RETURN_IF_ERROR(add_files(config.rules, input));
  RETURN_IF_ERROR(add_files(config.policies, input));
  input.most_items = memory_left() / kItemBytes;
  Loaded loaded = load(std::move(input));
  check_enforceable(loaded);
  std::string rendered =
      without_line_end(render(loaded.diagnostics, loaded.sources));
  if (!loaded.policy) {
    return Error{Code::kInvalidArgument, std::move(rendered)};
  }
  RETURN_IF_ERROR(check_sinks(*loaded.policy, config));
  LoadedPolicy result{*std::move(loaded.policy), std::move(rendered), {}};
  for (std::size_t i = 0; i < loaded.pasted_lists.size(); ++i) {
    if (!loaded.pasted_lists[i]) continue;
    result.pasted_lists.insert(result.policy.lists[i].name);
  }
  return result;
}

}  // namespace bailiff::sidecar
