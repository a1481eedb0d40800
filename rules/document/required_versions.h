// SPDX-License-Identifier: Apache-2.0
// rules/document/required_versions.h
// What a rule file says it needs of the engine that reads it.
#pragma once

#include "rules/base/diagnostic.h"
#include "rules/document/yaml.h"

namespace bailiff {

// Checks an item `required_engine_version`: a number N, which is the version
// 0.N.0, or a version x.y.z.  It must be of the same major version as the
// engine whose language Bailiff reads, and not newer.
void check_required_engine_version(const yaml::Stream& stream,
                                   const yaml::Node& item,
                                   Diagnostics& diagnostics);

// Checks an item `required_plugin_versions`.  The fields of the container
// plugin are built in, whatever its version; no other plugin is there, so each
// entry must name it, itself or among its alternatives.
void check_required_plugin_versions(const yaml::Stream& stream,
                                    const yaml::Node& item,
                                    Diagnostics& diagnostics);

}  // namespace bailiff
