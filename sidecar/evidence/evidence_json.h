// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/evidence_json.h
// Captures as the API shows them.
#pragma once

#include <string>
#include <vector>

#include "sidecar/evidence/captures.h"

namespace bailiff::sidecar {

// {"evidence":[…]}: those that are kept, by their summaries, then those that
// are not, unless they are in both.
std::string evidence_list_json(const std::vector<std::string>& summaries,
                               const std::vector<PendingCapture>& pending);
// A summary with "manifest".
std::string evidence_json(const std::string& summary,
                          const std::string& manifest);
std::string pending_json(const PendingCapture& pending);

// The same JSON with every text masked: see mask_text().
std::string masked_json(const std::string& json);

}  // namespace bailiff::sidecar
