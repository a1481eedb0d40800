// SPDX-License-Identifier: Apache-2.0
// sidecar/alert/alert_json.h
// For who needs more of an alert's JSON than parse_falco_violation() gives.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "rules/base/result.h"
#include "sidecar/alert/alert.h"

namespace bailiff::sidecar {

// The object, which is nested no deeper than alerts are.
Result<nlohmann::json> parse_alert_body(const std::string& text);

// As parse_falco_violation().
Result<FalcoViolation> read_falco_violation(const nlohmann::json& body);

}  // namespace bailiff::sidecar
