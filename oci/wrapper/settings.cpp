// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/settings.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "rules/base/diagnostic.h"
#include "rules/base/source.h"

namespace bailiff::oci {
namespace {

constexpr std::size_t kMaxSettingsBytes = 1 << 20;

}  // namespace

Result<ServiceConfig> load_settings(
    const std::optional<std::string>& explicit_path,
    const std::string& default_path) {
  const std::string path = explicit_path.value_or(default_path);
  if (!explicit_path && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return ServiceConfig();
  }
  RETURN_IF_ERROR(check_trusted(path));
  ASSIGN_OR_RETURN(std::string text, read_bounded(path, kMaxSettingsBytes));
  SourceSet sources;
  const std::uint32_t source = sources.add(path, text);
  Diagnostics diagnostics;
  std::optional<ServiceConfig> config =
      parse_service_config(text, source, diagnostics);
  if (config) return *std::move(config);
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != Severity::kError) continue;
    // The first line of three: the others draw the place, for a terminal.
    const std::string drawn = render(diagnostic, sources);
    return invalid_argument(drawn.substr(0, drawn.find('\n')));
  }
  return invalid_argument("'" + path + "' cannot be read");
}

HookPlan hook_plan(const ServiceConfig& config) {
  return HookPlan{.hook = config.hook,
                  .run_dir = config.run_dir,
                  .state_dir = config.state_dir,
                  .bpf_dir = config.bpf_dir,
                  .on_failure = config.on_failure,
                  .timeout_seconds = config.hook_timeout_seconds};
}

}  // namespace bailiff::oci
