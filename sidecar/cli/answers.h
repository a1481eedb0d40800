// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/answers.h
// What commands do alike with a service's answers.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sidecar/cli/online.h"

namespace bailiff::sidecar {

// Say on `err` what went wrong, and give the exit code.
int report(const Terminal& terminal, const Error& error);
int report(const Terminal& terminal, const HttpAnswer& answer);
// An answer of another shape than expected.
int not_understood(const Terminal& terminal, const std::string& why);

// On one line; bytes that are no UTF-8 become U+FFFD.
std::string dumped(const nlohmann::json& json);

// Gives every stored event away, the oldest first, page by page, until `take`
// returns false.  `filter` is "&name=value…".  Throws what nlohmann does when
// the answer is none.
int for_each_event(HttpClient& client, const Terminal& terminal,
                   const std::string& filter,
                   const std::function<bool(const nlohmann::json&)>& take);

}  // namespace bailiff::sidecar
