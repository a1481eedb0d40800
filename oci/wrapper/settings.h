// SPDX-License-Identifier: Apache-2.0
// oci/wrapper/settings.h
// bailiff.yaml, as a program that root runs must read it.
#pragma once

#include <optional>
#include <string>

#include "oci/inject/inject.h"
#include "rules/base/result.h"
#include "rules/document/service_config.h"

namespace bailiff::oci {

inline constexpr char kDefaultConfigFile[] = "/etc/bailiff/bailiff.yaml";

// Reads `explicit_path` or, without one, `default_path`.  Only the default one
// may be absent: all settings then keep their defaults.  A file that others
// than root can change, or that has a mistake, is an error.
Result<ServiceConfig> load_settings(
    const std::optional<std::string>& explicit_path,
    const std::string& default_path = kDefaultConfigFile);

HookPlan hook_plan(const ServiceConfig& config);

}  // namespace bailiff::oci
