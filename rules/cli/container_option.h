// SPDX-License-Identifier: Apache-2.0
// rules/cli/container_option.h
// --container K=V…: the container a rule is looked at for.
#pragma once

#include <string>
#include <vector>

#include "rules/base/result.h"
#include "rules/lower/lower.h"

namespace bailiff::cli {

// Facts from "container.name=web" and so on, complete; without any, facts of
// which nothing is known.  kInvalidArgument for a field that is not one of a
// container, or a value not of its type.
Result<Facts> parse_container(const std::vector<std::string>& options);

}  // namespace bailiff::cli
